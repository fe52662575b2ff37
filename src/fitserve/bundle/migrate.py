"""Bundles of format 1, as 0.1 wrote them, turned into bundles of today's format: the same graphs, the same answers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from fitserve.bundle.folder import MANIFEST, write_bundle
from fitserve.bundle.manifest import FORMAT, SECTION_VERSIONS, Manifest
from fitserve.errors import BundleError

_BEFORE = 1
_CORE = ("task", "target", "fields", "steps", "answer", "learner", "parameters", "metric", "seed", "versions")
_MEMBERS_OF_BEFORE = frozenset([*_CORE, "format", "graph", "scores", "baseline", "evaluation", "data", "members"])


def format_of(folder: Path) -> int | None:
    """The format of the bundle in a folder; None where that cannot be told."""
    try:
        document = orjson.loads((folder / MANIFEST).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    found = document.get("format") if isinstance(document, dict) else None
    return found if isinstance(found, int) else None


def is_of_before(folder: Path) -> bool:
    """Whether a folder holds a bundle that `migrate_bundle` converts."""
    return format_of(folder) == _BEFORE


def migrate_bundle(source: Path, target: Path) -> str:
    """Write the bundle of format 1 in ``source`` into an empty folder; its new identity is returned.

    The manifest keeps the old identity as ``migrated_from``. Raises BundleError for a bundle that is damaged, or of
    another format.
    """
    data = (source / MANIFEST).read_bytes()
    try:
        document = orjson.loads(data)
        if document.keys() != _MEMBERS_OF_BEFORE or document["format"] != _BEFORE:
            raise BundleError(f"{source} holds no bundle of format {_BEFORE}; there is nothing to convert")
        members = {name: _member(source, name, entry) for name, entry in document["members"].items()}
        manifest = _manifest(document, hashlib.sha256(data).hexdigest(), _n_terms(source, document["members"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        raise BundleError(f"{source} is damaged ({error!r:.200}); restore it from a backup") from None
    return write_bundle(target, manifest, members)


def _member(folder: Path, name: str, entry: Mapping[str, Any]) -> bytes:
    data = (folder / name).read_bytes()
    if len(data) != entry["size"] or hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise BundleError(f"{name} was changed after export; restore the bundle from a backup")
    return data


def _n_terms(folder: Path, members: Mapping[str, Any]) -> int:
    """How many terms the texts of a bundle have together."""
    names = [name for name in members if name.startswith("text") and name.endswith("-idf.npy")]
    return sum(len(np.load(folder / name, mmap_mode="r", allow_pickle=False)) for name in names)


def _manifest(document: Mapping[str, Any], identity: str, n_terms: int) -> Manifest:
    graph = document["graph"]
    widths = {"dense": graph["columns"], "codes": graph["codes"], "terms": n_terms if graph["text"] else 0}
    inputs = [[name, width] for name, width in widths.items() if width or name == "dense"]
    entry = {
        "member": graph["member"],
        "engine": graph["engine"],
        "inputs": inputs,
        "merged": graph["merged"],
        "outputs": graph["outputs"],
        "sources": [],
        "tolerance": 1e-5,
        "same_bits": True,
        "servability": "table",
    }
    scored = {name: document[name] for name in ("scores", "baseline")}
    return Manifest(
        **{name: document[name] for name in _CORE},
        format=FORMAT,
        roles={"target": document["target"]},
        graphs=[entry],
        members={},
        sections={
            "evaluation": {**document["evaluation"], **scored, "version": SECTION_VERSIONS["evaluation"]},
            "data": {**document["data"], "version": SECTION_VERSIONS["data"]},
            "origin": {"version": SECTION_VERSIONS["origin"], "migrated_from": identity},
        },
    )
