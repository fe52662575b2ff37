"""The known name that is most like a foreign one: for hints in messages about typing errors."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import nlargest
from itertools import islice, pairwise

_LONGEST_NAME, _MOST_LOOKED_AT, _LEAST_LIKENESS = 100, 3, 0.5


@dataclass(slots=True)
class NearNames:
    """Finds the known name that is most like a foreign one, for a hint; case does not count.

    ``left`` bounds the work of all its searches together, in characters compared: foreign text may be anything, and
    whoever answers requests must not be held up by their typing errors. All of it takes about a millisecond.
    """

    left: int = 4_000

    def nearest(self, name: str, known: Iterable[str]) -> str | None:
        """The nearest name, or ``None`` if none is near, or none was found within what is left."""
        wanted = name[:_LONGEST_NAME].casefold()
        folded = {}
        for each in islice(known, max(0, self.left)):
            if len(each) > _LONGEST_NAME:
                continue
            self.left -= 4 if each.isascii() else 4 + len(each)
            folded[each] = each.casefold()
            if folded[each] == wanted:
                return each
            if self.left < 0:
                break
        promising = nlargest(_MOST_LOOKED_AT, self._with_its_letters(wanted, folded))
        parts, best, near = _parts(wanted) if promising else Counter(), _LEAST_LIKENESS, None
        for _, each in promising:
            self.left -= 4 * len(each)
            likeness = _likeness(parts, _parts(folded[each]))
            if likeness > best:
                best, near = likeness, each
        return near

    def _with_its_letters(self, wanted: str, folded: Mapping[str, str]) -> Iterator[tuple[float, str]]:
        """The names that share letters with the one that is wanted, each with the share; a quick first look."""
        letters = set(wanted)
        for each, text in folded.items():
            if not len(wanted) <= 3 * len(text) <= 9 * len(wanted):
                continue
            self.left -= len(text)
            if self.left < 0:
                return
            own = set(text)
            share = 2 * len(letters & own) / (len(letters) + len(own))
            if share >= _LEAST_LIKENESS:
                yield share, each


def _parts(text: str) -> Counter[str]:
    """Letters and pairs of letters, the pairs with the ends of the text."""
    return Counter([*text, *map("".join, pairwise(f"<{text}>"))])


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    """The coefficient of Dice (1945) of two texts by their parts: 0 to 1, in linear time."""
    common = sum(min(count, other[part]) for part, count in one.items() if part in other)
    return 2 * common / (one.total() + other.total())


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like ``name``, or ``None`` if none is near. Case does not count."""
    return NearNames().nearest(name, known)
