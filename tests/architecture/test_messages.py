"""Sentences are never data: what the code tells is a code with arguments, and every code has its words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from fitserve.messages import LANGUAGES, Message, as_message, render
from fitserve.messages.catalogue import FALLBACK, template_of, templates
from fitserve.messages.rendering import render_strictly
from fitserve.messages.template import fields_of, fill
from fitserve.tasks import get_task, task_names

SOURCE = Path(__file__).parents[2] / "src" / "fitserve"
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SOURCE.rglob("*.py"))}
FINDINGS = ("stop", "warn", "note", "make")


def codes() -> Iterator[tuple[str, ast.Call]]:
    """The codes of all messages and findings that are made somewhere, with the call that makes them."""
    for path, tree in TREES.items():
        checks = "checks" in path.parts or path.name == "table_view.py"
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = ast.unparse(node.func)
            of_parts = path.name == "parts.py" and name in ("part", "_part")
            for first in literals(node.args[1 if of_parts and name == "_part" else 0]):
                if name == "Message" or of_parts:
                    yield first, node
                elif checks and (name in FINDINGS or isinstance(node.func, ast.IfExp)):
                    yield first, node
                    yield f"{first}.advice", node


def literals(node: ast.expr) -> list[str]:
    """The texts that an argument may be."""
    if isinstance(node, ast.IfExp):
        return [*literals(node.body), *literals(node.orelse)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def test_every_code_has_its_words() -> None:
    found = {code for code, _ in codes()}
    assert len(found) > 70
    assert sorted(code for code in found if template_of(code, FALLBACK) is None) == []


def test_messages_are_given_what_their_words_ask_for() -> None:
    """Where the arguments are written down in the call; those of findings are tried on tables (test_checks.py)."""
    lacking = []
    for code, call in codes():
        if ast.unparse(call.func) != "Message":
            continue
        given = call.args[1] if len(call.args) > 1 else ast.Dict([], [])
        if isinstance(given, ast.Dict) and all(isinstance(key, ast.Constant) for key in given.keys):
            names = {str(key.value) for key in given.keys if isinstance(key, ast.Constant)}
            template = template_of(code, FALLBACK) or ""
            lacking += [(code, name) for name in fields_of(template) - names]
    assert lacking == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_languages_ask_for_the_same(language: str) -> None:
    english = templates(FALLBACK)
    for code, template in templates(language).items():
        assert code in english
        assert fields_of(template) <= fields_of(english[code]) | {"column", "columns", "count"}, code
    for task in task_names():
        own = get_task(task).messages
        assert all(code.startswith(f"{task}.") for code in own[FALLBACK])
        for code, template in own.get(language, {}).items():
            assert fields_of(template) <= fields_of(own[FALLBACK][code]), code


def test_nothing_is_decided_by_words() -> None:
    """No sentence is compared, nor searched for words; codes and remarks are what decisions are made by."""
    found = []
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare):
                sides = [node.left, *node.comparators]
                searched = any(isinstance(op, (ast.In, ast.NotIn)) for op in node.ops)
                if searched and any(ast.unparse(side).endswith(SENTENCES) for side in sides[1:]):
                    found.append((path.name, ast.unparse(node)))
                found += [(path.name, text) for side in sides for text in literals(side) if is_sentence(text)]
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(SEARCHES):
                found += [(path.name, ast.unparse(node)) for arg in node.args if ast.unparse(arg).endswith(SENTENCES)]
    assert found == []


SENTENCES = (".reason", ".sentence", ".advice", ".message")
SEARCHES = ("re.search", "re.match", "re.fullmatch")


def is_sentence(text: str) -> bool:
    """Whether a text that is compared is one that people are told."""
    return bool(text) and (text in templates(FALLBACK).values() or text.count(" ") > 2)


def test_what_does_not_fit_is_shown_all_the_same() -> None:
    assert render(Message("nobody.knows", {"a": 1, "b": "x"})) == "nobody.knows (a=1, b='x')"
    assert render(Message("groups", {"column": "a"})) == "groups (column='a')"
    assert render(Message("groups", {"column": "a", "often": "often", "explains": []})).startswith("groups (")
    assert render("as it is", "zh") == "as it is"
    assert render({"code": "groups"}) == "{'code': 'groups'}"
    deep: object = "x"
    for _ in range(200):
        deep = {"code": "reading", "arguments": {"text": deep}}
    assert render(deep).startswith("reading (text=")
    with pytest.raises(TypeError, match="a message has a code"):
        as_message({"code": 1, "arguments": {}})


def test_a_message_survives_json_and_speaks_both_languages() -> None:
    inner = Message("combinations", {"n": 6})
    message = Message("duplicate_rows", {"rows": [1500, 3000], "why": inner})
    again = as_message(message.as_json())
    note = "1,500 of 3,000 (50 %) rows repeat an earlier row, for there are only 6 combinations of inputs"
    assert render(message) == render(again) == note
    assert render(again, "zh") == "1,500/3,000（50 %） 行与前面的某一行相同，因为只有 6 种输入组合"
    assert render_strictly(message, "zh") == render(message, "zh")


def test_names_are_no_templates() -> None:
    name = "a|b {x} {0!r}"
    assert fill("{n!r} {n:quoted} {n:if|{n}|}", {"n": name}, "en") == f"{name!r} {name!r} {name}"
    assert fill("{l:names 1} {l:each|{item}|; }", {"l": [name, "c"]}, "en") == f"{name!r} and 1 more {name}; c"
