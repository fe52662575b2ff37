"""The last known good of a workspace, one JSON document that tells a server what to serve.

Standard library only: the server reads it without SQL, so that a database that is down, locked or damaged
does not stand in its way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fitserve.errors import WorkspaceError
from fitserve.store.ports import Ports
from fitserve.store.records import no_model, pick_version

FORMAT = 1

_SHA256 = re.compile(r"^[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class ServedModel:
    """What answers under one name."""

    aliases: Mapping[str, int]
    versions: Mapping[int, str]  # number -> SHA-256 of the manifest


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state of the workspace, as of ``revision``; ``keys`` are the SHA-256 of the API keys."""

    workspace: Ports
    revision: int
    models: Mapping[str, ServedModel]
    keys: Collection[str]

    def bundle(self, name: str, version: int | str | None = None) -> tuple[int, Path]:
        """Number and local folder of a version: a number, digits, an alias, or None for the champion.

        Raises:
            NotFoundError: there is no such model or version; the nearest names are offered.
            BundleError: its bundle is gone.

        """
        model = self.models.get(name)
        if model is None:
            raise no_model(name, self.models)
        number = pick_version(name, model.aliases, model.versions, version)
        return number, self.workspace.bundles.fetch(model.versions[number])


def decode(content: bytes, workspace: Ports) -> Snapshot:
    """The snapshot in the bytes of a document.

    Raises:
        WorkspaceError: it is damaged, or from a newer fitserve.

    """
    whose = f"the snapshot of {workspace.path}"
    try:
        document = json.loads(content)
        if document["format"] != FORMAT:
            raise WorkspaceError(f"{whose} has format {document['format']!r}: made by a newer fitserve, upgrade")
        return Snapshot(
            workspace=workspace,
            revision=int(document["revision"]),
            models={name: _served(model) for name, model in document["models"].items()},
            keys=frozenset(map(checked, document["keys"])),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WorkspaceError(f"{whose} is damaged: any fitserve command on this workspace writes it anew") from error


def encode(revision: int, models: Mapping[str, ServedModel], keys: Collection[str]) -> bytes:
    """The bytes of the document for a state: the same state always gives the same bytes."""
    served = {
        name: {
            "aliases": dict(sorted(model.aliases.items())),
            "versions": {str(number): model.versions[number] for number in sorted(model.versions)},
        }
        for name, model in sorted(models.items())
    }
    document = {"format": FORMAT, "revision": revision, "models": served, "keys": sorted(keys)}
    return json.dumps(document, indent=1).encode() + b"\n"


def checked(sha256: str) -> str:
    """A SHA-256 in hexadecimal digits.

    Raises:
        ValueError: it is none, and might lead anywhere.

    """
    if not _SHA256.match(sha256):
        raise ValueError(f"{sha256!r} is no SHA-256")
    return sha256


def _served(model: Any) -> ServedModel:
    return ServedModel(
        aliases={alias: int(number) for alias, number in model["aliases"].items()},
        versions={int(number): checked(sha256) for number, sha256 in model["versions"].items()},
    )
