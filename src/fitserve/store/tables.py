"""The tables of the records and what is asked of them, for every SQL database."""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    delete,
    insert,
    inspect,
    select,
    update,
)

from fitserve.errors import WorkspaceError
from fitserve.store import snapshot
from fitserve.store.records import (
    CHAMPION,
    MODEL_NAME,
    KeyRecord,
    ModelRecord,
    VersionDetails,
    VersionRecord,
    no_model,
    now,
)
from fitserve.store.snapshot import ServedModel

REVISIONS = ("0001", "0002")
"""Every state that this code can migrate from, oldest first; the last is the one it works with."""

MIGRATIONS = Path(__file__).with_name("migrations")

_MIGRATING = threading.Lock()  # Alembic keeps the environment of a migration in module globals

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

MODELS = Table(
    "models",
    metadata,
    Column("name", String(63), primary_key=True),
    # Outlives the versions, and the row outlives them all: no number is ever given twice.
    Column("last_version", Integer, nullable=False),
    Column("created", String(32), nullable=False),
)

VERSIONS = Table(
    "versions",
    metadata,
    Column("model", String(63), ForeignKey("models.name"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("sha256", String(64), nullable=False),
    Column("task", String, nullable=False),
    Column("target", String, nullable=False),
    Column("learner", String, nullable=False),
    Column("metric", String, nullable=False),
    Column("score", Float),
    Column("baseline", Float),
    Column("rows", Integer, nullable=False),
    Column("created", String(32), nullable=False),
    Column("run", String(64)),
    Column("source", String(16), nullable=False),
    Index(None, "sha256"),
)

ALIASES = Table(
    "aliases",
    metadata,
    Column("model", String(63), primary_key=True),
    Column("alias", String(32), primary_key=True),
    Column("version", Integer, nullable=False),
    ForeignKeyConstraint(["model", "version"], ["versions.model", "versions.version"], ondelete="CASCADE"),
)

RUNS = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("model", String(63), nullable=False),
    Column("status", String(16), nullable=False),
    Column("created", String(32), nullable=False),
    Column("finished", String(32)),
    Column("dataset_sha256", String(64), nullable=False),
)

KEYS = Table(
    "keys",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("label", String(64), nullable=False, unique=True),
    Column("prefix", String(8), nullable=False),
    Column("created", String(32), nullable=False),
)

DATASETS = Table(
    "datasets",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("name", String, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("columns", String, nullable=False),  # a JSON array of names and types
    Column("created", String(32), nullable=False),
    Column("used", String(32), nullable=False),
)

META = Table(
    "meta",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", Integer, nullable=False),
)

# Alembic's own table, as it makes it.
_ALEMBIC = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


class DamagedError(Exception):
    """Rows hold types that no writer of ours leaves."""


def is_empty(connection: Connection) -> bool:
    """Whether the database holds no table at all."""
    return not inspect(connection).get_table_names()


def is_current(connection: Connection, path: Path) -> bool:
    """Whether the database of the workspace at ``path`` needs no migration.

    Raises:
        WorkspaceError: the database is another program's, or a newer fitserve's.

    """
    names = inspect(connection).get_table_names()
    if not names:
        return False
    if "alembic_version" not in names:
        raise WorkspaceError(f"{path} holds a database that is not fitserve's: name another folder")
    revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if revision not in REVISIONS:
        raise WorkspaceError(f"{path} was made by a newer fitserve (revision {revision!r}): upgrade fitserve")
    return bool(revision == REVISIONS[-1])


def create_or_migrate(connection: Connection) -> None:
    """Bring the tables to the newest revision, inside the transaction of the caller."""
    if inspect(connection).get_table_names():
        migrate(connection)
        return
    metadata.create_all(connection)
    connection.execute(META.insert().values(name="revision", value=0))
    _ALEMBIC.create(connection)
    connection.execute(_ALEMBIC.insert().values(version_num=REVISIONS[-1]))


def migrate(connection: Connection) -> None:
    """Run the migrations that the database lacks."""
    # Imported here: a workspace that is up to date must open without waiting for Alembic.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    with _MIGRATING:
        command.upgrade(config, "head")


def served(connection: Connection) -> dict[str, ServedModel]:
    """Every model that has a version, by name."""
    versions: dict[str, dict[int, str]] = {}
    aliases: dict[str, dict[str, int]] = {}
    wanted = VERSIONS.c.model, VERSIONS.c.version, VERSIONS.c.sha256
    for name, number, sha256 in connection.execute(select(*wanted).order_by(*wanted)):
        versions.setdefault(name, {})[number] = sha256
    for name, alias, number in connection.execute(select(ALIASES.c.model, ALIASES.c.alias, ALIASES.c.version)):
        aliases.setdefault(name, {})[alias] = number
    return {name: ServedModel(aliases.get(name, {}), numbers) for name, numbers in versions.items()}


def model_records(connection: Connection) -> list[ModelRecord]:
    """Every model that has a version, by name."""
    created: dict[str, str] = dict(connection.execute(select(MODELS.c.name, MODELS.c.created)).all())
    return [
        ModelRecord(name, len(model.versions), model.aliases.get(CHAMPION), model.aliases, created.get(name, ""))
        for name, model in served(connection).items()
    ]


def versions_of(connection: Connection, name: str) -> dict[int, VersionRecord]:
    """The versions of a model by number, oldest first.

    Raises:
        NotFoundError: there is no such model.

    """
    # The database cannot even be asked for a name with a lone surrogate.
    known = name if MODEL_NAME.match(name) else ""
    query = select(VERSIONS).where(VERSIONS.c.model == known).order_by(VERSIONS.c.version)
    found = {
        row["version"]: VersionRecord(**{**row, "target": row["target"] or None})
        for row in connection.execute(query).mappings()
    }
    if not found:
        raise no_model(name, connection.scalars(select(VERSIONS.c.model).distinct()).all())
    return found


def aliases_of(connection: Connection, name: str) -> dict[str, int]:
    """The aliases of a model, by the alphabet."""
    query = select(ALIASES.c.alias, ALIASES.c.version).where(ALIASES.c.model == name).order_by(ALIASES.c.alias)
    return dict(connection.execute(query).all())


def add_version(connection: Connection, name: str, sha256: str, details: VersionDetails) -> VersionRecord:
    """Insert a version under the next number of ``name``."""
    known, created = MODELS.c.name == name, now()
    last = connection.scalar(select(MODELS.c.last_version).where(known))
    if last is None:
        connection.execute(insert(MODELS).values(name=name, last_version=1, created=created))
    else:
        connection.execute(update(MODELS).where(known).values(last_version=last + 1))
    record = VersionRecord(
        model=name,
        version=(last or 0) + 1,
        sha256=sha256,
        task=details.task,
        target=details.target,
        learner=details.learner,
        metric=details.metric,
        score=_number(details.score),
        baseline=_number(details.baseline),
        rows=int(details.rows),  # a numpy integer would be stored as bytes
        created=created,
        run=details.run,
        source=details.source,
    )
    connection.execute(insert(VERSIONS).values({**columns(VERSIONS, record), "target": record.target or ""}))
    return record


def _number(score: float | None) -> float | None:
    # SQLite keeps NaN as NULL: say so at once.
    return None if score is None or math.isnan(score) else float(score)


def point(connection: Connection, name: str, alias: str, version: int) -> None:
    """Let an alias mean this version."""
    chosen = (ALIASES.c.model == name) & (ALIASES.c.alias == alias)
    connection.execute(delete(ALIASES).where(chosen))
    connection.execute(insert(ALIASES).values(model=name, alias=alias, version=version))


def key_records(connection: Connection) -> list[KeyRecord]:
    """Every key, oldest first."""
    query = select(KEYS).order_by(KEYS.c.created, KEYS.c.label)
    return [KeyRecord(**row) for row in connection.execute(query).mappings()]


def columns(table: Table, record: object) -> dict[str, Any]:
    """The fields of ``record`` that the table has columns for."""
    return {column.name: getattr(record, column.name) for column in table.columns}


def next_revision(connection: Connection) -> None:
    """Count a change of what is served."""
    connection.execute(update(META).where(META.c.name == "revision").values(value=META.c.value + 1))


def snapshot_of(connection: Connection) -> bytes:
    """The bytes of the snapshot for what this transaction sees."""
    revision = connection.scalar(select(META.c.value).where(META.c.name == "revision"))
    hashes = connection.scalars(select(KEYS.c.sha256)).all()
    try:
        return snapshot.encode(revision or 0, served(connection), hashes)
    except TypeError as error:
        raise DamagedError from error
