from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from fitserve.errors import UserError, WorkspaceError
from fitserve.store import RunRecord, VersionDetails, Workspace
from fitserve.store.sqlite import open_engine, reading, writing
from fitserve.store.tables import MIGRATIONS, REVISIONS, create_or_migrate, metadata, migrate

DETAILS = VersionDetails(task="t", target="y", learner="l", metric="m", score=0.5, baseline=None, rows=1)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace.open(tmp_path / "w")
    for number in range(3):
        with workspace.staging() as folder:
            (folder / "manifest.json").write_text(str(number))
            workspace.register("credit", folder, DETAILS)
    workspace.save_run(RunRecord("r1", "credit", "running", "2024", None, "", {}))
    workspace.add_key("laptop")
    return workspace


def run_sql(workspace: Workspace, sql: str) -> None:
    with closing(sqlite3.connect(workspace.path / "workspace.sqlite")) as connection:
        connection.executescript(sql)


def contents(file: Path) -> tuple[set[tuple[str, ...]], list[tuple[str, int]], list[tuple[str]]]:
    with closing(sqlite3.connect(file)) as connection:
        tables = set(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"))
        revision = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        return tables, connection.execute("SELECT name, value FROM meta").fetchall(), revision


def test_a_new_database_is_that_of_the_migrations(tmp_path: Path) -> None:
    for name, make in (("migrated", migrate), ("new", create_or_migrate)):
        with writing(open_engine(tmp_path / f"{name}.sqlite", "rwc")) as connection:
            make(connection)
    with reading(open_engine(tmp_path / "migrated.sqlite", "ro")) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    # Alembic compares neither primary keys nor the names and rules of constraints: the text says all.
    assert contents(tmp_path / "new.sqlite") == contents(tmp_path / "migrated.sqlite")


def test_the_code_knows_every_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config).walk_revisions()
    assert tuple(script.revision for script in scripts)[::-1] == REVISIONS


def test_alembic_is_loaded_only_to_migrate(workspace: Workspace) -> None:
    code = """
import sys
from fitserve.store import Workspace
assert Workspace.open(sys.argv[1]).version("credit").version == 1
Workspace.open(sys.argv[1] + "-new")
assert "alembic" not in sys.modules
Workspace.open(sys.argv[2])
assert "alembic" in sys.modules
"""
    old = Workspace.open(workspace.path.with_name("old"))
    run_sql(old, "UPDATE alembic_version SET version_num = '0001'; DROP TABLE datasets")
    subprocess.run([sys.executable, "-W", "error", "-c", code, str(workspace.path), str(old.path)], check=True)


def test_a_newer_workspace_is_refused_untouched(workspace: Workspace) -> None:
    run_sql(workspace, "UPDATE alembic_version SET version_num = '9999'; DROP TABLE keys")
    (workspace.path / "serving.json").write_bytes(b"newer")
    with pytest.raises(WorkspaceError, match=r"made by a newer fitserve \(revision '9999'\): upgrade"):
        Workspace.open(workspace.path)
    assert (workspace.path / "serving.json").read_bytes() == b"newer"


def test_another_program_s_database_is_refused_untouched(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "workspace.sqlite")) as connection:
        connection.executescript("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)")
    before = (tmp_path / "workspace.sqlite").read_bytes()
    with pytest.raises(WorkspaceError, match="not fitserve's"):
        Workspace.open(tmp_path)
    assert (tmp_path / "workspace.sqlite").read_bytes() == before
    assert not (tmp_path / "bundles").exists()


def test_a_creation_that_was_killed_is_done_again(tmp_path: Path) -> None:
    (tmp_path / "workspace.sqlite").touch()
    assert Workspace.open(tmp_path, create=False).models() == []


@pytest.mark.parametrize(
    "content", [b"not a database at all" * 500, b"\0" * 20_000, b"SQLite format 3\0" + b"\xff" * 9000]
)
def test_a_file_that_is_no_database_is_one_line(workspace: Workspace, content: bytes) -> None:
    (workspace.path / "workspace.sqlite").write_bytes(content)
    with pytest.raises(WorkspaceError, match="damaged database: restore") as caught:
        Workspace.open(workspace.path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("table", ["meta", "models", "versions", "keys", "aliases"])
def test_a_lost_table_is_one_line(workspace: Workspace, table: str) -> None:
    run_sql(workspace, f"DROP TABLE {table}")
    with pytest.raises(WorkspaceError, match="restore it from a backup") as caught:
        Workspace.open(workspace.path).models()
    assert "\n" not in str(caught.value)


def use(workspace: Workspace) -> None:
    workspace.models(), workspace.versions("credit"), workspace.runs(), workspace.keys()
    workspace.fetch(workspace.version("credit"))
    workspace.add_key("phone")
    workspace.revoke_key("phone")
    workspace.set_alias("credit", "trial", 2)
    workspace.delete("credit", 3)


def test_whatever_byte_is_damaged_the_error_is_ours(workspace: Workspace) -> None:
    file = workspace.path / "workspace.sqlite"
    whole, chance, errors = file.read_bytes(), random.Random(0), 0
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(chance.choice([1, 30, 1000])):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        file.write_bytes(damaged)
        try:
            use(Workspace.open(workspace.path))
        except UserError as error:
            errors += 1
            assert "\n" not in str(error)  # noqa: PT017 - some damage hurts nobody
    assert errors > 10


def test_a_database_cut_short_is_ours(workspace: Workspace) -> None:
    file = workspace.path / "workspace.sqlite"
    whole = file.read_bytes()
    for length in range(0, len(whole) - 4096, 1500):
        file.write_bytes(whole[:length])
        with pytest.raises(WorkspaceError, match="from a backup"):
            use(Workspace.open(workspace.path))


def test_a_lost_database_is_not_replaced_by_an_empty_one(workspace: Workspace) -> None:
    (workspace.path / "workspace.sqlite").rename(workspace.path / "elsewhere")
    for _ in range(2):
        with pytest.raises(WorkspaceError, match="lost its database: restore"):
            Workspace.open(workspace.path)
    (workspace.path / "elsewhere").rename(workspace.path / "workspace.sqlite")
    assert len(Workspace.open(workspace.path).versions("credit")) == 3
