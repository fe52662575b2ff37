"""Where a table comes from: several files, patterns, standard input, addresses."""

from __future__ import annotations

import gzip
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from fitserve.data.reading.delimited import ReadOptions
from fitserve.data.reading.read import read_batches, read_frame, recorded
from fitserve.errors import DataError, NotFoundError


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_text("x,y\n1,p\n2,q\n")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"y;x\nr;3\n"))
    pl.DataFrame({"x": [4], "y": ["s"]}).write_parquet(tmp_path / "c.parquet")
    (tmp_path / "folder.csv").mkdir()
    return tmp_path


def rows(frame: pl.DataFrame) -> list[tuple[str, str]]:
    return frame.select(pl.col("x").cast(pl.String), "y").rows()


ALL = [("1", "p"), ("2", "q"), ("3", "r"), ("4", "s")]


def test_several_files_are_one_table(parts: Path) -> None:
    paths = [parts / "a.csv", str(parts / "b.csv.gz"), parts / "c.parquet"]
    assert rows(read_frame(paths)) == ALL
    assert [row for batch in read_batches(paths) for row in rows(batch)] == ALL


def test_a_pattern_means_the_files_that_match_by_the_alphabet(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rows(read_frame(parts / "*.csv*")) == ALL[:3]
    assert rows(read_frame(str(parts / "**" / "[ab].*"))) == ALL[:3]
    monkeypatch.chdir(parts)
    assert rows(read_frame("?.csv")) == ALL[:2]
    (parts / "a[1].csv").write_text("x,y\n9,z\n")
    assert rows(read_frame("a[1].csv")) == [("9", "z")]
    with pytest.raises(NotFoundError, match=r"no file matches nothing-\*.csv; check the pattern"):
        read_frame("nothing-*.csv")


def test_files_with_other_columns_are_not_one_table(parts: Path) -> None:
    (parts / "d.csv").write_text("x,z\n1,p\n2,q\n")
    (parts / "e.csv").write_text("x,y,z\n1,p,1\n2,q,2\n")
    for name, words in (
        ("d.csv", "d.csv lacks the column 'y', compared with"),
        ("e.csv", "has the additional column 'z'"),
    ):
        for read in (read_frame, lambda source: list(read_batches(source))):
            with pytest.raises(DataError, match=words):
                read([parts / "a.csv", parts / name])


def test_every_file_has_to_be_there(parts: Path) -> None:
    with pytest.raises(NotFoundError, match=r"there is no file .*c\.csv; did you mean .*a\.csv"):
        read_frame([parts / "a.csv", parts / "c.csv"])


def test_a_plan_records_where_a_table_is_found_again(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(parts)
    assert recorded("a.csv", ReadOptions()) == str(parts / "a.csv")
    assert recorded(["a.csv", Path("*.gz")], ReadOptions()) == [str(parts / "a.csv"), str(parts / "*.gz")]
    assert recorded("-", ReadOptions()) is None
    assert recorded(pl.DataFrame({"a": [1]}), ReadOptions()) is None
    assert recorded("https://x.example/a.csv", ReadOptions(fetch=True)) == "https://x.example/a.csv"
    secret = recorded("postgresql://me:secret@host/db", ReadOptions(sql="select 1"))
    assert secret == "postgresql://me:***@host/db"


def test_a_table_comes_on_standard_input() -> None:
    script = (
        "import sys; from fitserve.data.reading.read import read_frame, read_batches; "
        "print((read_frame if sys.argv[1] == 'whole' else lambda s: next(read_batches(s)))('-').rows())"
    )
    for way in ("whole", "batches"):
        for data in (
            b"x;y\n1;2\n3;4\n",
            gzip.compress(b"x,y\n1,2\n3,4\n"),
            b'{"x": "1", "y": "2"}\n{"x": "3", "y": "4"}',
        ):
            done = subprocess.run([sys.executable, "-c", script, way], input=data, capture_output=True, check=True)
            assert done.stdout.decode().strip() == "[('1', '2'), ('3', '4')]"
    done = subprocess.run([sys.executable, "-c", script, "whole"], input=b"", capture_output=True, check=False)
    assert b"nothing came on standard input" in done.stderr
    done = subprocess.run([sys.executable, "-c", script, "whole"], input=b"x,y\n", capture_output=True, check=False)
    assert b"DataError: standard input has a header but no rows" in done.stderr


@pytest.fixture
def address(parts: Path) -> Iterator[str]:
    (parts / "empty.csv").write_bytes(b"")
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(parts))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_an_address_is_read_only_if_asked(address: str) -> None:
    with pytest.raises(DataError, match="is an address in a network; add --fetch to have it read from there"):
        read_frame(f"{address}/a.csv")
    fetch = ReadOptions(fetch=True)
    assert rows(read_frame(f"{address}/a.csv?x=1", fetch)) == ALL[:2]
    assert rows(pl.concat(list(read_batches([f"{address}/c.parquet"], fetch)))) == ALL[3:]
    for path, words in (
        ("no.csv", "answers with the status 404; check the address"),
        ("empty.csv", "is empty"),
    ):
        with pytest.raises(DataError, match=words):
            read_frame(f"{address}/{path}", fetch)
    with pytest.raises(DataError, match=r"cannot be fetched \(its host refuses connections\); check the address"):
        read_frame("http://127.0.0.1:9/a.csv", fetch)
