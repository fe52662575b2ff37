"""The limits of the house: files, functions, parameters, contracts, names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "fitserve"
FILES = sorted(path for path in SOURCE.rglob("*.py") if "migrations" not in path.parts)
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "misc", "core"}


def functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield path, node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def is_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether click calls the function: its parameters are options, which no caller has to order."""
    return any("command" in ast.unparse(decorator) for decorator in node.decorator_list)


def test_no_file_is_longer_than_400_lines() -> None:
    long = {
        str(p.relative_to(SOURCE)): n for p in FILES if (n := len(p.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


def test_functions_are_short() -> None:
    lengths = sorted((length(node), f"{path.name}:{node.name}") for path, node in functions())
    assert [entry for entry in lengths if entry[0] > 50] == []
    assert lengths[int(0.9 * len(lengths))][0] <= 30


def test_functions_take_at_most_7_parameters() -> None:
    wide = []
    for path, node in functions():
        names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        count = len([name for name in names if name not in ("self", "cls")])
        if count > 7 and not is_command(node):
            wide.append(f"{path.name}:{node.name} ({count})")
    assert not wide


def test_contracts_have_at_most_3_methods() -> None:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Protocol" for base in node.bases):
                methods = [
                    item
                    for item in node.body
                    if isinstance(item, ast.FunctionDef)
                    and not any(ast.unparse(d) == "property" for d in item.decorator_list)
                ]
                assert len(methods) <= 3, f"{path.name}:{node.name}"


def test_rooms_have_names() -> None:
    assert not [path for path in SOURCE.rglob("*") if path.stem in FORBIDDEN]
