"""Tables with too few rows for a test part, and what the ways to evaluate on them are called in scores and reports."""

from __future__ import annotations

from fitserve.messages import Message

SMALL_TABLE = 30
LEAVE_ONE_OUT = Message("leave_one_out")
EQUAL_TOGETHER = Message("leave_one_out_equal_together")
LEAVE_ONE_GROUP_OUT = Message("leave_one_group_out")
EXPANDING = Message("expanding_window")
