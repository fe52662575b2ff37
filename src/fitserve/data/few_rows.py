"""Tables with too few rows for a test part, and what the ways to judge them are called in scores, reports and cards."""

from __future__ import annotations

SMALL_TABLE = 30
LEAVE_ONE_OUT = "leave-one-out"
EQUAL_TOGETHER = "leave-one-out, equal rows together"
LEAVE_ONE_GROUP_OUT = "leave-one-group-out"
EXPANDING = "an expanding window over the last half of the rows"
