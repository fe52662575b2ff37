"""The manifest of a bundle: everything about a model that is not arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import orjson

from fitserve.errors import BundleError
from fitserve.schema import Field

FORMAT = 1
ENGINES = frozenset(["onnx"])
LONGEST_LEARNER = 100
REQUIRED = ("examples.json", "report.json", "card.md")


@dataclass(frozen=True, slots=True)
class Graph:
    """One graph member: which engine runs it and which arrays it takes.

    ``merged`` says that codes arrive as further columns of ``dense``; ``columns`` is the width of
    ``dense``, ``codes`` that of a separate code matrix; ``text`` whether term ids arrive too;
    ``outputs`` the number of columns that come out.
    """

    member: str
    engine: str
    merged: bool
    columns: int
    codes: int
    text: bool
    outputs: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """The record behind ``manifest.json``; unknown members are refused.

    ``answer`` is the task's own state (labels, or offset and scale of a target); ``evaluation`` says on
    which rows ``scores`` and ``baseline`` were measured, and how many the judged model was ``trained_on``; ``data``
    describes the training table, and how many of its rows the served model was ``trained_on``, with what its user
    said to mean a missing target as ``target_missing``;
    ``members`` gives size and SHA-256 of every other file.
    """

    format: int
    task: str
    target: str
    fields: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    graph: dict[str, Any]
    answer: dict[str, Any]
    learner: str
    parameters: dict[str, Any]
    metric: str
    scores: dict[str, float | None]
    baseline: dict[str, float | None]
    evaluation: dict[str, Any]
    data: dict[str, Any]
    seed: int
    versions: dict[str, str]
    members: dict[str, dict[str, Any]]

    def to_bytes(self) -> bytes:
        """The manifest as JSON, always the same bytes for the same content."""
        document = {f.name: getattr(self, f.name) for f in fields(self)}
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Read a manifest; raises BundleError for anything that is not one of this format."""
        try:
            document = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise BundleError(f"manifest.json is not JSON ({error}); export the model again") from None
        if not isinstance(document, dict) or not isinstance(document.get("format"), int):
            raise BundleError("manifest.json has no format number; this is not a fitserve bundle")
        if document["format"] > FORMAT:
            newer = f"the bundle has format {document['format']}, this fitserve reads up to {FORMAT}"
            raise BundleError(f"{newer}; upgrade fitserve")
        if document["format"] != FORMAT:
            raise BundleError(f"the bundle has the unknown format {document['format']}; export the model again")
        return cls._checked(document)

    @classmethod
    def _checked(cls, document: dict[str, Any]) -> Manifest:
        expected = {f.name: f.type for f in fields(cls)}
        missing, unknown = expected.keys() - document.keys(), document.keys() - expected.keys()
        if missing or unknown:
            what = f"lacks {sorted(missing)}" if missing else f"has unknown members {sorted(unknown)}"
            raise BundleError(f"manifest.json {what}; export the model again")
        types: dict[str, type] = {"int": int, "str": str, "list": list, "dict": dict}
        for name, annotation in expected.items():
            wanted = types[str(annotation).split("[")[0]]
            if not isinstance(document[name], wanted):
                raise BundleError(f"manifest.json: {name!r} is not of type {wanted.__name__}; export the model again")
        manifest = cls(**document)
        manifest._check_figures()
        return manifest

    def _check_figures(self) -> None:
        """Raise BundleError unless scores are numbers, and it is told how many rows they come from."""
        scores = [*self.scores.values(), *self.baseline.values()]
        figures = all(score is None or isinstance(score, (int, float)) for score in scores)
        counts = [self.data.get("rows"), self.data.get("trained_on"), self.evaluation.get("rows")]
        counts.append(self.evaluation.get("trained_on", 0))  # bundles of 0.1.0 have none
        counted = all(isinstance(count, int) and 0 <= count < 2**53 for count in counts)
        told = all(isinstance(self.evaluation.get(name), str) for name in ("on", "split"))
        said = self.data.get("target_missing", [])
        if not isinstance(said, list) or not all(isinstance(text, str) for text in said):
            raise BundleError("manifest.json: what means a missing target is malformed; export the model again")
        if not (figures and counted and told and _are_intervals(self.evaluation)):
            raise BundleError("manifest.json: scores and counts of rows are malformed; export the model again")
        if len(self.learner) > LONGEST_LEARNER:
            raise BundleError("manifest.json: the name of the learner is too long; export the model again")
        missing = [name for name in REQUIRED if name not in self.members]
        if self.members and missing:
            raise BundleError(f"the bundle has no {missing[0]}; export the model again")

    @property
    def learned_rows(self) -> tuple[int, int]:
        """How many rows the model that was judged has learned from, and how many what is served."""
        served = int(self.data["trained_on"])
        return int(self.evaluation.get("trained_on", served)), served

    @property
    def refitted(self) -> bool:
        """Whether what is served was fitted again on more rows than the model that was judged."""
        judged, served = self.learned_rows
        return served > judged

    @property
    def intervals(self) -> dict[str, tuple[float, float] | None]:
        """The interval of each score at the level ``evaluation["level"]``; None for a score without one."""
        found = self.evaluation.get("intervals", {})
        return {name: (each[0], each[1]) if (each := found.get(name)) else None for name in self.scores}

    def schema(self) -> list[Field]:
        """The fields of the training table; raises BundleError if they are malformed."""
        try:
            return [Field.from_json(field) for field in self.fields]
        except (TypeError, KeyError, ValueError) as error:
            raise BundleError(f"manifest.json: a field is malformed ({error}); export the model again") from None

    def model_graph(self) -> Graph:
        """The graph entry; raises BundleError if it is malformed or asks for an unknown engine."""
        try:
            graph = Graph(**self.graph)
        except TypeError as error:
            raise BundleError(f"manifest.json: the graph is malformed ({error}); export the model again") from None
        types = {"str": str, "bool": bool, "int": int}
        for f in fields(Graph):
            value = getattr(graph, f.name)
            if type(value) is not types[str(f.type)] or (isinstance(value, int) and value < 0):
                raise BundleError(f"manifest.json: {f.name!r} of the graph is malformed; export the model again")
        if graph.engine not in ENGINES:
            raise BundleError(f"the bundle asks for the engine {graph.engine!r}; upgrade fitserve")
        return graph


def _are_intervals(evaluation: dict[str, Any]) -> bool:
    """Whether intervals, where there are some, are pairs of numbers in order at a level between 0 and 1."""
    found, level = evaluation.get("intervals", {}), evaluation.get("level", 0.95)
    if not isinstance(found, dict) or not isinstance(level, float) or not 0 < level < 1:
        return False
    return all(each is None or _is_interval(each) for each in found.values())


def _is_interval(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        return False
    low, high = value
    numbers = all(isinstance(end, (int, float)) and not isinstance(end, bool) for end in (low, high))
    return numbers and bool(low <= high)
