"""Reports as they are kept, with codes, and as they are shown, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fitserve.messages import is_told, render

_CODES = "codes"
_TOLD = ("on", "validation", "task_reason", "lead", "findings", "skipped")


def spoken(report: Mapping[str, Any], language: str = "en") -> dict[str, Any]:
    """A report in words, with its ``codes`` beside them: what people are shown, and programs that ask for JSON."""
    kept = as_kept(report)
    codes = {name: kept[name] for name in _TOLD if name in kept}
    words = {name: _in_words(value, language) for name, value in codes.items()}
    if "columns" in kept:
        codes["columns"] = {column["name"]: column["reason"] for column in kept["columns"]}
        words["columns"] = [{**each, "reason": render(each["reason"], language)} for each in kept["columns"]]
    return {**kept, **words, _CODES: codes}


def as_kept(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report with its codes where they are kept, whether it is in words or not."""
    kept = {name: value for name, value in report.items() if name != _CODES}
    codes = dict(report.get(_CODES, {}))
    reasons = codes.pop("columns", {})
    if reasons:
        kept["columns"] = [{**each, "reason": reasons.get(each["name"], each["reason"])} for each in kept["columns"]]
    return {**kept, **codes}


def _in_words(value: Any, language: str) -> Any:
    if is_told(value):
        return render(value, language)
    if isinstance(value, Mapping):
        return {name: render(each, language) for name, each in value.items()}
    return [render(each, language) for each in value]
