"""What may be wrong with a table, one file for each thing that is looked at."""

from fitserve.data.checks.every import FOR_TRAINING, check_sheet
from fitserve.data.checks.order import drift

__all__ = ["FOR_TRAINING", "check_sheet", "drift"]
