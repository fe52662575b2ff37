"""What may be wrong with a table, one file for each thing that is looked at."""

from fitserve.data.checks.every import OF_THE_TARGET, check_sheet
from fitserve.data.checks.order import drift

__all__ = ["OF_THE_TARGET", "check_sheet", "drift"]
