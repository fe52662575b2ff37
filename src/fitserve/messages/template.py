"""The templates of messages: texts with fields in braces, which say how an argument is shown.

``{n}`` shows a value as it is, ``{n!r}`` in quotation marks, ``{n:,}`` by a format of Python; or by one of these words:

- ``{n:number}``: a figure in four digits; ``{n:percent}``, ``{n:percent .3g}``: a share of 1 by the hundred
- ``{n:of 100}``: a share of 1 as rows of 100
- ``{n:seconds}``: a time that something takes, "about 12 s"
- ``{n:interval ends}``: a figure with its interval, the argument ``ends``, behind it
- ``{pair:share}``: a part and the whole, "12 of 300 (4 %)"
- ``{text:quoted}``: a name, shortened; ``{text:short}`` without quotation marks; ``{text:sentence}`` with a capital
- ``{list:names 3}``: the first three names, and how many more; ``{list:names 3 n}`` where they are some of ``n``
- ``{list:flags --exclude}``, ``{text:shell}``: for a command line
- ``{list:length}``: how many there are
- ``{n:one|A|B}``: A where there is one, else B; ``{x:if|A|B}``: A where there is something, else B
- ``{list:each|A|, }``: A for each element, with what stands between them; ``{list:names 5|A}``: a name is A

A and B are templates themselves; in those of elements the members of an element are arguments, or ``{item}`` is it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from string import Formatter
from typing import Any

from fitserve.formatting import named, number, of_hundred, quoted, seconds, share, shell_word, shortened, with_interval

_MOST_NAMED = 5
_MOST_FLAGS = 5


@dataclass(frozen=True)
class _Filling:
    """What a field is filled from: its value, what stands behind the word (``option``), its parts, all arguments."""

    value: Any
    option: str
    parts: Sequence[str]
    arguments: Mapping[str, Any]
    language: str

    def part(self, place: int, arguments: Mapping[str, Any] | None = None) -> str:
        """A part, filled."""
        return fill(self.parts[place], self.arguments if arguments is None else arguments, self.language)

    def elements(self) -> list[str]:
        """The first part, filled for each element of the value."""
        every = (each if isinstance(each, Mapping) else {"item": each} for each in self.value)
        return [self.part(0, each) for each in every]


def fill(template: str, arguments: Mapping[str, Any], language: str) -> str:
    """A template with its fields filled; raises KeyError for an argument that is not given, others for wrong ones."""
    filled = []
    for literal, name, spec, conversion in _parsed(template):
        filled.append(literal)
        if name is not None:
            filled.append(_filled(arguments[name], (spec, conversion), arguments, language))
    return "".join(filled)


def fields_of(template: str) -> set[str]:
    """The names of all arguments that a template may ask for; not those of elements."""
    found: set[str] = set()
    for _, name, spec, _ in _parsed(template):
        if name is None:
            continue
        found.add(name)
        word, *parts = _split(spec)
        if word.startswith("interval ") or (word.startswith("names ") and word.count(" ") == 2):
            found.add(word.split(" ")[-1])
        if word.split(" ")[0] not in _OF_ELEMENTS:
            found |= {each for part in parts for each in fields_of(part)}
    return found


@lru_cache(maxsize=2048)
def _parsed(template: str) -> Sequence[tuple[str, str | None, str, str | None]]:
    return [(literal, name, spec or "", by) for literal, name, spec, by in Formatter().parse(template)]


@lru_cache(maxsize=2048)
def _split(spec: str) -> Sequence[str]:
    """A specification at its bars; those within braces belong to fields of parts."""
    parts, depth = [""], 0
    for sign in spec:
        depth += (sign == "{") - (sign == "}")
        if sign == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def _filled(value: Any, how: tuple[str, str | None], arguments: Mapping[str, Any], language: str) -> str:
    spec, conversion = how
    if conversion == "r":
        return repr(value)
    word, *parts = _split(spec)
    word, _, option = word.partition(" ")
    if word in _WORDS:
        return _WORDS[word](_Filling(value, option, parts, arguments, language))
    return format(value, spec)


def _names(of: _Filling) -> str:
    most, _, total = of.option.partition(" ")
    names = of.elements() if of.parts else of.value
    n = int(of.arguments[total]) if total else len(names)
    return named(names, int(most or _MOST_NAMED), of.language, total=n)


def _flags(of: _Filling) -> str:
    flags = " ".join(f"{of.option} {shell_word(name)}" for name in of.value[:_MOST_FLAGS])
    return f"{flags} …" if len(of.value) > _MOST_FLAGS else flags


def _sentence(of: _Filling) -> str:
    return f"{of.value[:1].upper()}{of.value[1:]}"


_WORDS: Mapping[str, Callable[[_Filling], str]] = {
    "number": lambda of: number(of.value),
    "interval": lambda of: with_interval(of.value, of.arguments[of.option]),
    "percent": lambda of: f"{100 * of.value:{of.option or '.0f'}} %",
    "of": lambda of: of_hundred(of.value),
    "seconds": lambda of: seconds(of.value, of.language),
    "share": lambda of: share(of.value[0], of.value[1], of.language),
    "quoted": lambda of: quoted(of.value, of.language),
    "short": lambda of: shortened(of.value),
    "sentence": _sentence,
    "names": _names,
    "flags": _flags,
    "shell": lambda of: shell_word(of.value),
    "length": lambda of: f"{len(of.value)}",
    "one": lambda of: of.part(0 if of.value == 1 else 1),
    "if": lambda of: of.part(0 if of.value else 1),
    "each": lambda of: of.parts[1].join(of.elements()),
}
_OF_ELEMENTS = frozenset(["each", "names"])
