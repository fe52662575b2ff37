"""What is above the understanding of a table sees columns and fields, and no library of data frames."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TRAINING = Path(__file__).parents[2] / "src" / "fitserve" / "training"
LIBRARIES = {"polars", "pandas", "pyarrow"}


@pytest.mark.parametrize("path", sorted(TRAINING.rglob("*.py")), ids=lambda path: path.name)
def test_training_imports_no_library_of_data_frames(path: Path) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            imported.add(node.module.split(".")[0])
    assert not imported & LIBRARIES
