"""What may be wrong with a table, one file for each thing that is looked at."""

from fitserve.data.checks.order import drift
from fitserve.data.checks.registry import FOR_TRAINING, check_table

__all__ = ["FOR_TRAINING", "check_table", "drift"]
