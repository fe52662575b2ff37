"""Nobody but a task itself asks which task it is: read from the syntax trees."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SOURCE = PROJECT / "src" / "fitserve"
TASKS = sorted(path.name for path in (SOURCE / "tasks").iterdir() if (path / "answerer.py").is_file())
OF_PLUGINS = sorted(
    name
    for path in (PROJECT / "examples" / "plugins").glob("*/pyproject.toml")
    for name in tomllib.loads(path.read_text(encoding="utf-8"))["project"]["entry-points"]["fitserve.tasks"]
)
ROOMS = [SOURCE / room / name for room in ("tasks", "evaluation/tasks") for name in TASKS]
FILES = [path for path in SOURCE.rglob("*.py") if not any(room in path.parents for room in ROOMS)]
# Members of the state of a task, or of its answers.
STATE = {"labels", "threshold", "any_case", "probabilities", "is_label"}
# What they are called in the code that has nothing to do with the state of a task.
OWN_WORDS = {("models", "labels"), ("models", "threshold"), ("metrics", "threshold"), ("features", "any_case")}


def nodes() -> Iterator[tuple[Path, ast.AST]]:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield path, node


def places(found: Iterator[tuple[Path, ast.AST]]) -> list[str]:
    return [f"{path.relative_to(SOURCE)}:{getattr(node, 'lineno', 0)}" for path, node in found]


def test_there_are_tasks_here_and_outside() -> None:
    assert TASKS == ["classification", "regression"]
    assert len(OF_PLUGINS) == 2


@pytest.mark.parametrize("name", [*TASKS, *OF_PLUGINS])
def test_no_literal_of_a_task_s_name(name: str) -> None:
    assert not places((path, node) for path, node in nodes() if isinstance(node, ast.Constant) and node.value == name)


def test_no_import_of_a_task_s_own_rooms() -> None:
    own = tuple(f"fitserve.{room}.{name}" for room in ("tasks", "evaluation.tasks") for name in TASKS)
    assert not places(
        (path, node)
        for path, node in nodes()
        if (isinstance(node, ast.ImportFrom) and (node.module or "").startswith(own))
        or (isinstance(node, ast.Import) and any(each.name.startswith(own) for each in node.names))
    )


def is_own(path: Path, word: str) -> bool:
    return (path.relative_to(SOURCE).parts[0], word) in OWN_WORDS


def test_no_member_of_its_state() -> None:
    def asks(path: Path, node: ast.AST) -> bool:
        if isinstance(node, ast.Attribute):
            return node.attr in STATE and not is_own(path, node.attr)
        if isinstance(node, ast.Subscript):
            word = node.slice.value if isinstance(node.slice, ast.Constant) else None
            return word in STATE and not is_own(path, str(word))
        if isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            named = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            return called in ("get", "getattr", "hasattr") and any(word in STATE for word in named)
        return False

    assert not places((path, node) for path, node in nodes() if asks(path, node))


def test_no_question_to_an_answerer_what_it_is() -> None:
    def asks(node: ast.AST) -> bool:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            return False
        return node.func.id in ("isinstance", "getattr", "hasattr", "type") and "answerer" in ast.unparse(node)

    assert not places((path, node) for path, node in nodes() if asks(node))


def test_no_guess_from_the_type_of_a_truth() -> None:
    def guesses(node: ast.AST) -> bool:
        text = ast.unparse(node) if isinstance(node, ast.Compare) else ""
        return "dtype.kind" in text and any(word in text for word in ("truth", "target", "strata"))

    assert not places((path, node) for path, node in nodes() if guesses(node))
