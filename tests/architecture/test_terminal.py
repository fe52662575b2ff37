"""What reaches a terminal goes through one function, which lets nothing in a name steer it."""

from __future__ import annotations

import re
from pathlib import Path

COMMANDS = Path(__file__).parents[2] / "src" / "fitserve" / "cli"


def test_commands_write_by_say_alone() -> None:
    wrong = [
        f"{path.name}:{number}"
        for path in sorted(COMMANDS.glob("*.py"))
        if path.name != "output.py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"click\.s?echo\(|\bprint\(|sys\.std(out|err)\.write", line) and "printable(" not in line
    ]
    assert not wrong, f"use say of fitserve.cli.output: {wrong}"
