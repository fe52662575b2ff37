"""What the workspace remembers, as frozen records, and the rules for the names of models and versions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from fitserve.errors import NotFoundError, SpecError
from fitserve.names import nearest

if TYPE_CHECKING:
    from fitserve.bundle.manifest import Manifest

MODEL_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}\Z")
ALIAS = re.compile(r"^[a-z][a-z0-9_-]{0,31}\Z")
RUN_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
CHAMPION = "champion"
"""The alias of the version that answers."""

Status = Literal["running", "finished", "failed", "cancelled"]
Source = Literal["train", "import"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDetails:
    """What the maker of a version knows about it; the workspace adds the rest."""

    task: str
    target: str | None
    learner: str
    metric: str
    score: float | None
    baseline: float | None
    rows: int
    run: str | None = None
    source: Source = "train"


def details_of(manifest: Manifest, *, run: str | None = None, source: Source = "train") -> VersionDetails:
    """The details that a manifest tells; ``run`` is the training that made it."""
    metric = manifest.metric
    return VersionDetails(
        task=manifest.task,
        target=manifest.target,
        learner=manifest.learner,
        metric=metric,
        score=manifest.scores.get(metric),
        baseline=manifest.baseline.get(metric),
        rows=int(manifest.data.get("rows", 0)),
        run=run,
        source=source,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRecord(VersionDetails):
    """One version of a model: one bundle, known by the SHA-256 of its manifest."""

    model: str
    version: int
    sha256: str
    created: str  # ISO 8601, UTC


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A name with its versions; ``aliases`` holds the champion, too."""

    name: str
    versions: int  # how many there are, not the highest number
    champion: int | None
    aliases: Mapping[str, int]
    created: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One training of a plan on a dataset; ``plan`` is a JSON object."""

    id: str
    model: str
    status: Status
    created: str
    finished: str | None
    dataset_sha256: str
    plan: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DatasetRecord:
    """A table that the workspace keeps, known by the hash of its content; ``used`` is when a training last took it.

    ``columns`` are its columns with their types, ``bytes`` the size of its file.
    """

    sha256: str
    name: str
    rows: int
    bytes: int
    columns: Mapping[str, str]
    created: str
    used: str


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """An API key as far as anybody may know it after it was shown once."""

    label: str
    prefix: str
    sha256: str
    created: str


def shown_bytes(n: int) -> str:
    """A size for people."""
    for unit, factor in (("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)):
        if n >= factor:
            return f"{n / factor:.1f} {unit}"
    return f"{n} bytes"


def now() -> str:
    """The time as the records keep it: ISO 8601, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_model_name(name: str) -> None:
    """Refuse what cannot name a model.

    Raises:
        SpecError: the name is not a slug; a valid one is offered.

    """
    if MODEL_NAME.match(name):
        return
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")[:63] or "model"
    raise SpecError(
        f"model name {name[:80]!r} must be 1 to 63 of a-z, 0-9, '-' and '_', the first a letter or digit: take {slug!r}"
    )


def check_alias(alias: str) -> None:
    """Refuse what cannot be an alias.

    Raises:
        SpecError: the alias would be taken for a number, or is no slug.

    """
    if not ALIAS.match(alias):
        raise SpecError(
            f"alias {alias[:80]!r} must be 1 to 32 of a-z, 0-9, '-' and '_', the first a letter: "
            "take a word like 'challenger'"
        )


def check_run_id(run: str) -> None:
    """Refuse what cannot name the file of a run's plan.

    Raises:
        SpecError: the id is empty, too long, or has other characters.

    """
    if not RUN_ID.match(run):
        raise SpecError(f"run id {run[:80]!r} must be 1 to 64 of a-z, A-Z, 0-9, '-' and '_': choose another")


def pick_version(model: str, aliases: Mapping[str, int], versions: Collection[int], wanted: int | str | None) -> int:
    """The number that ``wanted`` means: a number, digits, an alias, or None for the champion.

    Raises:
        NotFoundError: the model has no such version or alias; the message tells what it has.

    """
    alias = CHAMPION if wanted is None else wanted
    found: int | None
    if isinstance(alias, int):
        found = alias
    elif alias.isascii() and alias.isdecimal():
        # A number with more digits is no version, and int() refuses to read thousands of them.
        found = int(alias) if len(alias) <= 18 else None
    else:
        found = aliases.get(alias)
    if found is not None and found in versions:
        return found
    numbers = _listed([str(number) for number in sorted(versions)])
    raise NotFoundError(
        f"model {model!r} has no version {str(alias)[:80]!r}: {_nearest(str(alias), aliases)}"
        f"it has the versions {numbers} and the aliases {_listed(sorted(aliases))}"
    )


def no_model(name: str, known: Collection[str]) -> NotFoundError:
    """The error for an unknown model, with the nearest names and what exists."""
    there = f"the models are {_listed(sorted(known))}" if known else "there is none yet: train or import one"
    return NotFoundError(f"there is no model {name[:80]!r}: {_nearest(name, known)}{there}")


def _nearest(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    return f"did you mean {near!r}? " if near else ""


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
