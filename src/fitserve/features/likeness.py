"""Whether texts look like those of a training: the share of their words that is known, and their scripts.

A file that was read in the wrong encoding, or is in another language, is predicted like any other: only this tells.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from fitserve import schema

_SCRIPTS = {
    "Latin": "A-Za-z",
    "accented Latin": "\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f",
    "Cyrillic": "\u0400-\u052f",
    "Greek": "\u0370-\u03ff",
    "Arabic": "\u0600-\u06ff\u0750-\u077f",
    "Hebrew": "\u0590-\u05ff",
    "Devanagari": "\u0900-\u097f",
    "Thai": "\u0e00-\u0e7f",
    "Chinese": "\u3400-\u4dbf\u4e00-\u9fff",
    "Japanese": "\u3040-\u30ff",
    "Korean": "\u1100-\u11ff\uac00-\ud7af",
}
_LETTERS = {name: re.compile(f"[{letters}]") for name, letters in _SCRIPTS.items()}
_MOST_TEXTS, _MOST_CHARACTERS = 2_000, 2_000
_FEWEST_WORDS = 20
# Below this part of the share that is usual, words are not known; from this distance on, scripts are others.
_KNOWN, _OTHER_SCRIPTS = 0.5, 0.5


def sampled(levels: Sequence[object]) -> list[str]:
    """Some texts of a column, taken evenly, none longer than 2,000 characters."""
    some = levels[:: max(1, len(levels) // _MOST_TEXTS)]
    texts = (schema.read_text(level) for level in some if not isinstance(level, dict))
    return [text[:_MOST_CHARACTERS] for text in texts if text is not None]


def scripts_of(texts: Iterable[str]) -> dict[str, float]:
    """The share of each script among the letters of some texts; nothing where there are no letters."""
    counts: Counter[str] = Counter()
    for text in texts:
        for name, letters in _LETTERS.items():
            counts[name] += len(letters.findall(text))
    total = counts.total()
    return {name: round(count / total, 4) for name, count in counts.items() if count} if total else {}


def unlike(scripts: Mapping[str, float], learned: Mapping[str, float], words: int, known: float, usual: float) -> str:
    """In words, how texts differ from those of a training; "" if they do not.

    ``known`` of their ``words`` are in the model's vocabulary; of other texts of the training's kind ``usual`` would
    be.
    """
    if words < _FEWEST_WORDS:
        return ""
    notes = []
    if known < _KNOWN * usual:
        notes.append(
            f"the model knows {100 * known:.0f} % of their words, of texts like its own about {100 * usual:.0f} %"
        )
    names = scripts.keys() | learned.keys()
    distance = sum(abs(scripts.get(name, 0.0) - learned.get(name, 0.0)) for name in names) / 2
    if scripts and learned and distance > _OTHER_SCRIPTS:
        notes.append(f"their letters are {_most(scripts)}, in training they were {_most(learned)}")
    return "; ".join(notes)


def _most(scripts: Mapping[str, float]) -> str:
    name = max(scripts, key=lambda each: scripts[each])
    return f"{name} ({100 * scripts[name]:.0f} %)"
