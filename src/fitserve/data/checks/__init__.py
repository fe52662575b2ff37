"""What may be wrong with a table, one file for each thing that is looked at."""

from fitserve.data.checks.every import check_sheet

__all__ = ["check_sheet"]
