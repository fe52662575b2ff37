"""The manifest of a bundle: everything about a model that is not arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import orjson

from fitserve.errors import BundleError
from fitserve.messages import AnyMessage, as_message, is_any_message, render
from fitserve.schema import Field

FORMAT = 2
ENGINES = frozenset(["onnx"])
SERVABILITY = frozenset(["table", "media"])
"""Classes of graphs by what a server may spend on them: tables, and texts or images by networks."""
LONGEST_LEARNER = 100
REQUIRED = ("examples.json", "report.json", "card.md")
SECTION_VERSIONS = {"evaluation": 1, "data": 1, "origin": 1}
"""The versions of the sections that this fitserve reads; sections that it does not know are kept as they are."""
_CLOSEST = 1e-12


@dataclass(frozen=True, slots=True)
class Graph:
    """One graph member: which engine runs it, which blocks of arrays it takes, and how exact it is.

    ``inputs`` are the blocks by name, in order, with their widths. ``merged`` says that codes arrive as further columns
    of ``dense``, whose width counts them. ``sources`` are members whose outputs it takes besides, each under the
    member's name without its ending. ``outputs`` is the number of columns that come out. ``tolerance`` is how far an
    answer may be from that at export, ``same_bits`` whether it is the same for batches of all sizes; ``servability``
    is the class of its limits.
    """

    member: str
    engine: str
    inputs: Mapping[str, int]
    merged: bool
    outputs: int
    sources: Sequence[str] = ()
    tolerance: float = 1e-5
    same_bits: bool = True
    servability: str = "table"

    @property
    def columns(self) -> int:
        """The width of ``dense``."""
        return self.inputs.get("dense", 0)

    @property
    def codes(self) -> int:
        """The width of a separate matrix of codes."""
        return self.inputs.get("codes", 0)

    @property
    def text(self) -> bool:
        """Whether term ids arrive."""
        return "terms" in self.inputs

    def as_json(self) -> dict[str, Any]:
        """The entry in the manifest."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**found, "inputs": [[name, width] for name, width in self.inputs.items()], "sources": [*self.sources]}

    @classmethod
    def from_json(cls, entry: Any) -> Graph:
        """The graph of an entry; raises BundleError if it is malformed or asks for an unknown engine."""
        malformed = BundleError("manifest.json: a graph is malformed; export the model again")
        try:
            inputs = dict(entry["inputs"])
            graph = cls(**{**entry, "inputs": inputs})
        except (TypeError, KeyError, ValueError):
            raise malformed from None
        texts = [graph.member, graph.engine, graph.servability, *inputs]
        whole = [graph.outputs, *inputs.values()]
        listed = isinstance(graph.sources, list) and all(isinstance(each, str) for each in graph.sources)
        flags = type(graph.merged) is bool and type(graph.same_bits) is bool
        near = isinstance(graph.tolerance, float) and _CLOSEST <= graph.tolerance < 1
        if not (all(isinstance(each, str) for each in texts) and listed and flags and near):
            raise malformed
        if not all(type(each) is int and each >= 0 for each in whole) or len(inputs) != len(entry["inputs"]):
            raise malformed
        if graph.engine not in ENGINES or graph.servability not in SERVABILITY:
            raise BundleError(
                f"the bundle asks for the engine {graph.engine!r} ({graph.servability}); upgrade fitserve"
            )
        return graph


@dataclass(frozen=True, slots=True)
class Manifest:
    """The record behind ``manifest.json``: a small core whose members are all known, and sections.

    ``roles`` gives the columns that the task has asked for; ``target`` is the one that is predicted, None where the
    task makes its own. ``answer`` is the task's own state (labels, or offset and scale of a target).
    ``graphs`` are run in their order, the last one answers. ``members`` gives size and SHA-256 of every other file.

    A section has a ``version`` of its own. ``evaluation`` says on which rows scores and baseline were measured, and how
    many the evaluated model was ``trained_on``; ``data`` describes the training table, and how many of its rows the
    served model was ``trained_on``, with what its user said to mean a missing target as ``target_missing``; ``origin``
    tells of which bundle it was ``migrated_from``.
    """

    format: int
    task: str
    roles: dict[str, str]
    target: str | None
    fields: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    graphs: list[dict[str, Any]]
    answer: dict[str, Any]
    learner: str
    parameters: dict[str, Any]
    metric: str
    seed: int
    versions: dict[str, str]
    members: dict[str, dict[str, Any]]
    sections: dict[str, dict[str, Any]]

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
        if document["format"] == 1:
            raise BundleError("the bundle is of format 1, which 0.1 wrote; convert it: fitserve models migrate")
        if document["format"] != FORMAT:
            raise BundleError(f"the bundle has the unknown format {document['format']}; export the model again")
        return cls._checked(document)

    @classmethod
    def _checked(cls, document: dict[str, Any]) -> Manifest:
        expected = {f.name: str(f.type) for f in fields(cls)}
        missing, unknown = expected.keys() - document.keys(), document.keys() - expected.keys()
        if missing or unknown:
            what = f"lacks {sorted(missing)}" if missing else f"has unknown members {sorted(unknown)}"
            raise BundleError(f"manifest.json {what}; export the model again")
        types: dict[str, type] = {"int": int, "str": str, "list": list, "dict": dict}
        for name, annotation in expected.items():
            wanted = types[annotation.split("[")[0].split(" ")[0]]
            if not isinstance(document[name], wanted) and not (document[name] is None and "None" in annotation):
                raise BundleError(f"manifest.json: {name!r} is not of type {wanted.__name__}; export the model again")
        manifest = cls(**document)
        manifest._check_sections()
        manifest._check_figures()
        return manifest

    def _check_sections(self) -> None:
        """Raise BundleError for sections that are none, or from the future."""
        for name, section in self.sections.items():
            version = section.get("version") if isinstance(section, dict) else None
            if not isinstance(version, int):
                raise BundleError(f"manifest.json: the section {name[:80]!r} has no version; export the model again")
            if version > SECTION_VERSIONS.get(name, version):
                newer = f"the section {name!r} has version {version}, this fitserve reads {SECTION_VERSIONS[name]}"
                raise BundleError(f"{newer}; upgrade fitserve")
        if not all(isinstance(column, str) for column in self.roles.values()):
            raise BundleError("manifest.json: the columns of the task are malformed; export the model again")

    def _check_figures(self) -> None:
        """Raise BundleError unless scores are numbers, and it is told how many rows they come from."""
        scored = isinstance(self.scores, dict) and isinstance(self.baseline, dict)
        scores = [*self.scores.values(), *self.baseline.values()] if scored else [""]
        figures = all(score is None or isinstance(score, (int, float)) for score in scores)
        counts = [self.data.get("rows"), self.data.get("trained_on"), self.evaluation.get("rows")]
        counts.append(self.evaluation.get("trained_on", 0))  # bundles of 0.1.0 have none
        counted = all(isinstance(count, int) and 0 <= count < 2**53 for count in counts)
        worded = all(is_any_message(self.sections.get("evaluation", {}).get(name)) for name in ("on", "split"))
        said = self.data.get("target_missing", [])
        if not isinstance(said, list) or not all(isinstance(text, str) for text in said):
            raise BundleError("manifest.json: what means a missing target is malformed; export the model again")
        if not (figures and counted and worded and _are_intervals(self.evaluation)):
            raise BundleError("manifest.json: scores and counts of rows are malformed; export the model again")
        if len(self.learner) > LONGEST_LEARNER:
            raise BundleError("manifest.json: the name of the learner is too long; export the model again")
        missing = [name for name in REQUIRED if name not in self.members]
        if self.members and missing:
            raise BundleError(f"the bundle has no {missing[0]}; export the model again")

    @property
    def evaluation(self) -> dict[str, Any]:
        """On which rows the scores were measured, and how sure they are, for people and programs.

        Messages are in words there; their ``codes`` are beside them.
        """
        section = self.sections.get("evaluation", {})
        found = {name: value for name, value in section.items() if name not in ("version", "scores", "baseline")}
        codes = {name: found[name] for name in ("on", "split") if is_any_message(found.get(name))}
        return found | {name: render(note) for name, note in codes.items()} | {"codes": codes}

    @property
    def measured_on(self) -> AnyMessage:
        """What the rows are called that the scores were measured on."""
        return as_message(self.sections["evaluation"]["on"])

    @property
    def split(self) -> AnyMessage:
        """How the rows were split, or why they were not."""
        return as_message(self.sections["evaluation"]["split"])

    @property
    def scores(self) -> dict[str, float | None]:
        """The scores of the model that was evaluated."""
        found: dict[str, float | None] = self.sections.get("evaluation", {}).get("scores", {})
        return found

    @property
    def baseline(self) -> dict[str, float | None]:
        """The scores of the answer without learning."""
        found: dict[str, float | None] = self.sections.get("evaluation", {}).get("baseline", {})
        return found

    @property
    def data(self) -> dict[str, Any]:
        """The training table."""
        return self.sections.get("data", {})

    @property
    def predicts(self) -> str:
        """What is predicted, for people: the target, or else what the task is called."""
        return self.target if self.target is not None else self.task

    @property
    def learned_rows(self) -> tuple[int, int]:
        """How many rows the model that was evaluated has learned from, and how many what is served."""
        served = int(self.data["trained_on"])
        return int(self.evaluation.get("trained_on", served)), served

    @property
    def refitted(self) -> bool:
        """Whether what is served was fitted again on more rows than the model that was evaluated."""
        evaluated, served = self.learned_rows
        return served > evaluated

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

    def model_graphs(self) -> list[Graph]:
        """The graphs in the order in which they run, the last one answers; raises BundleError for malformed ones."""
        found = [Graph.from_json(entry) for entry in self.graphs]
        members = [graph.member for graph in found]
        in_order = all(set(graph.sources) <= set(members[:i]) for i, graph in enumerate(found))
        if not found or not in_order or len(set(members)) < len(members) or not set(members) <= self.members.keys():
            raise BundleError("manifest.json: the graphs do not belong together; export the model again")
        return found


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
