"""Tables from databases: SQLite, and a PostgreSQL that the test starts."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

import fitserve
from fitserve.data.reading.delimited import ReadOptions
from fitserve.data.reading.read import read_batches, read_frame
from fitserve.data.understanding.kinds import infer_field
from fitserve.errors import DataError
from fitserve.store import Workspace

ROWS = [
    (i, i * i / 4, ["Köln", "北京", None][i % 3], i % 2 == 0, f"2026-01-{i % 28 + 1:02d} 08:30:00") for i in range(60)
]
CREATE = "CREATE TABLE houses (id integer, price numeric(10,2), town text, garden boolean, sold timestamp)"


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    with closing(sqlite3.connect(tmp_path / "houses.db")) as connection, connection:
        connection.execute(CREATE)
        connection.executemany("INSERT INTO houses VALUES (?, ?, ?, ?, ?)", ROWS)
    return f"sqlite:///{tmp_path / 'houses.db'}"


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a fresh server that knows the same table."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries or not shutil.which("runuser"):
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    folder = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    shutil.chown(folder, "postgres")
    as_postgres = ["runuser", "-u", "postgres", "--"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    bin_ = binaries[-1]
    initdb = [*as_postgres, str(bin_ / "initdb"), "-D", str(folder / "data"), "-A", "trust", "-U", "me", "-E", "UTF8"]
    subprocess.run([*initdb, "--no-sync", "--locale=C.UTF-8"], check=True, capture_output=True, cwd="/")
    options = f"-p {port} -h 127.0.0.1 -k {folder}"
    control = [*as_postgres, str(bin_ / "pg_ctl"), "-D", str(folder / "data"), "-w"]
    start = [*control, "-o", options, "-l", str(folder / "log"), "start"]
    subprocess.run(start, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
    try:
        import psycopg

        with psycopg.connect(f"postgresql://me@127.0.0.1:{port}/postgres") as connection:
            connection.execute(CREATE)
            with connection.cursor() as cursor:
                cursor.executemany("INSERT INTO houses VALUES (%s, %s, %s, %s, %s)", ROWS)
        yield f"postgresql://me:secret@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL, cwd="/")
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.xdist_group("postgresql"))])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def test_the_rows_of_a_query_are_a_table(url: str) -> None:
    options = ReadOptions(sql="select * from houses where id < 40 order by id")
    for frame in (read_frame(url, options), pl.concat(list(read_batches(url, options)))):
        assert frame.columns == ["id", "price", "town", "garden", "sold"]
        assert [(r[0], float(r[1]), r[2], bool(r[3])) for r in frame.rows()] == [row[:4] for row in ROWS[:40]]
        kinds = [infer_field(series)[0].kind for series in frame]
        assert kinds == ["identifier", "number", "category", "number" if "sqlite" in url else "boolean", "datetime"]


def test_a_model_is_trained_on_a_query_and_the_password_is_not_kept(url: str, tmp_path: Path) -> None:
    run = fitserve.train(
        url,
        "price",
        name="houses",
        learners=["ridge"],
        read=ReadOptions(sql="select * from houses"),
        workspace=tmp_path,
    )
    assert run.manifest.task == "regression"
    recorded = Workspace.open(tmp_path).run(run.id).plan
    assert "secret" not in str(recorded)
    assert str(recorded["source"]).startswith(url.split("://", maxsplit=1)[0])
    result = fitserve.evaluate("houses", url, workspace=tmp_path, read=ReadOptions(sql="select * from houses"))
    assert result.rows == 60


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("select * from house", "the query to .* failed .*house.*; check the query and the URL"),
        ("selekt", "the query to .* failed"),
        ("select * from houses where id < 0", "has a header but no rows"),
    ],
)
def test_a_wrong_query_is_one_line_without_the_password(url: str, query: str, words: str) -> None:
    for read in (read_frame, lambda source, options: list(read_batches(source, options))):
        with pytest.raises(DataError, match=words) as caught:
            read(url, ReadOptions(sql=query))
        assert "\n" not in str(caught.value)
        assert "secret" not in str(caught.value)


def test_columns_of_one_name_are_kept_apart(url: str) -> None:
    options = ReadOptions(sql="select a.id, b.id, a.town from houses a join houses b on a.id = b.id order by a.id")
    notes: list[list[str]] = [[], []]
    for frame in (read_frame(url, options, notes[0]), pl.concat(list(read_batches(url, options, notes[1])))):
        assert frame.columns == ["id", "id.1", "town"]
        assert frame.row(1) == (1, 1, "北京")
    assert (
        notes[0]
        == notes[1]
        == ["the query has 2 columns named 'id': the second is called 'id.1', and 'id' means the first"]
    )


def test_nothing_is_changed(url: str) -> None:
    with pytest.raises(
        DataError, match=r"the query gives no rows, and what it changed is undone; give a select|check the query"
    ):
        read_frame(url, ReadOptions(sql="delete from houses"))
    assert read_frame(url, ReadOptions(sql="select * from houses")).height == 60


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("houses.csv", "--sql needs the URL of a database as the source"),
        ("sqlite:///nowhere/houses.db", "there is no file nowhere/houses.db; give the URL of a database"),
        ("oracle://x/y", "databases of the kind 'oracle' cannot be read; sqlite and postgresql can|failed|needs"),
        ("nonsense://x/y", "databases of the kind 'nonsense' cannot be read"),
        ("postgresql://me:secret@127.0.0.1:9/x", "the query to postgresql://me:\\*\\*\\*@127.0.0.1:9/x failed"),
    ],
)
def test_a_wrong_url_is_one_line(source: str, words: str) -> None:
    with pytest.raises(Exception, match=words) as caught:
        read_frame(source, ReadOptions(sql="select 1"))
    assert "\n" not in str(caught.value)
