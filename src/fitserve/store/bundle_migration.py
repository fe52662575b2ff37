"""The bundles of a workspace in today's format."""

from __future__ import annotations

from sqlalchemy import update

from fitserve.bundle.migrate import is_of_before, migrate_bundle
from fitserve.store import folder as files
from fitserve.store.records import VersionRecord
from fitserve.store.seen import read_seen, write_seen
from fitserve.store.tables import VERSIONS, versions_of
from fitserve.store.workspace import Workspace


def migrate_bundles(workspace: Workspace) -> list[VersionRecord]:
    """Convert the bundles of all versions that are of an old format; the versions with their new identities.

    A version is converted as a whole or not at all, one after the other: what was done stays done if one fails. Raises
    BundleError for a damaged bundle, WorkspaceError where the workspace cannot be written.
    """
    return [
        _migrate(workspace, record)
        for model in workspace.models()
        for record in workspace.versions(model.name)
        if is_of_before(workspace.fetch(record))
    ]


def _migrate(workspace: Workspace, record: VersionRecord) -> VersionRecord:
    documents, before = workspace.ports.documents, workspace.fetch(record)
    with workspace.staging() as staged:
        folder = staged / "bundle"
        folder.mkdir()
        sha256 = migrate_bundle(before, folder)
        files.seal(folder)
        with workspace.changing() as connection:
            workspace.ports.bundles.put(folder, sha256)
            seen = read_seen(documents, record.sha256)
            if seen is not None:
                write_seen(documents, sha256, seen)
            chosen = (VERSIONS.c.model == record.model) & (VERSIONS.c.version == record.version)
            connection.execute(update(VERSIONS).where(chosen).values(sha256=sha256))
            migrated = versions_of(connection, record.model)[record.version]
    workspace.drop_if_unused(record.sha256)
    return migrated
