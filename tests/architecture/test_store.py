"""Nothing outside the ports of the store knows where a bundle lies, how writers are kept apart, or which database it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "fitserve"
STORE = SOURCE / "store"
LAYOUT = {"bundles", "datasets", "runs", "seen", "staging", "serving.json", "workspace.sqlite", ".lock"}
JOINING = {"joinpath", "with_name", "glob", "rglob", "join"}


def names(node: ast.AST) -> Iterator[str]:
    """The modules that a node imports, and the attributes and texts that it names."""
    if isinstance(node, ast.Import):
        yield from (alias.name.split(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield (node.module or "").split(".")[0]
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def is_layout(node: ast.expr) -> bool:
    """Whether a text, or the beginning of one, is the name of something in the folder of a workspace."""
    if isinstance(node, ast.JoinedStr) and node.values:
        return is_layout(node.values[0])
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.split("/")[0] in LAYOUT


def joins(node: ast.AST) -> bool:
    """Whether a node makes a path in the folder of a workspace."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return is_layout(node.right) or is_layout(node.left)
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        return called in {*JOINING, "Path", "PurePath"} and any(map(is_layout, node.args))
    return False


def places(path: Path, text: str) -> Iterator[str]:
    """What a file knows that only the ports may know."""
    for node in ast.walk(ast.parse(text)):
        where = f"{path}:{getattr(node, 'lineno', 0)}"
        yield from (f"{where} {name}" for name in names(node) if name in {"fcntl", "sqlite3", "sqlite_errorcode"})
        if joins(node):
            yield f"{where} {ast.unparse(node)}"


def found(files: Iterator[Path]) -> list[str]:
    return [each for path in files for each in places(path.relative_to(SOURCE), path.read_text(encoding="utf-8"))]


def test_nothing_outside_the_store_knows_where_and_how_it_stores() -> None:
    assert found(path for path in SOURCE.rglob("*.py") if STORE not in path.parents) == []


def test_within_the_store_only_the_implementations_know() -> None:
    assert found(path for path in STORE.rglob("*.py") if path.stem not in {"folder", "sqlite"}) == []
    assert found(STORE / name for name in ("folder.py", "sqlite.py")) != []


@pytest.mark.parametrize(
    "text",
    [
        "import fcntl",
        "from sqlite3 import connect",
        "def f():\n    import sqlite3",
        "code = error.sqlite_errorcode",
        "code = getattr(error, 'sqlite_errorcode', 0)",
        "folder = workspace.path / 'bundles' / sha256",
        "folder = path / f'bundles/{sha256}'",
        "file = path.joinpath('serving.json')",
        "file = Path(workspace, 'datasets', name)",
        "found = path.glob('bundles/*')",
    ],
)
def test_what_is_looked_for_is_found(text: str) -> None:
    assert list(places(Path("x.py"), text)) != []


def test_each_port_has_at_most_three_members() -> None:
    classes = [
        node
        for node in ast.parse((STORE / "ports.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    ]
    ports = [node for node in classes if any(ast.unparse(base) == "Protocol" for base in node.bases)]
    assert len(ports) > 3
    for port in ports:
        assert [ast.unparse(base) for base in port.bases] == ["Protocol"]  # what it inherits would not be counted
        assert sum(isinstance(item, (ast.FunctionDef, ast.AnnAssign)) for item in port.body) <= 3, port.name
