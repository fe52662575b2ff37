"""What every port of the store promises, tested over all implementations: one of another kind is added to a list.

The file is a program, too: `main` is what the processes do that are killed, or that write at once.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import pytest
from sqlalchemy import Connection, insert, select, update

from fitserve.errors import BundleError, NotFoundError, UserError
from fitserve.store.folder import FolderLock, folder_ports, lay_out, seal, staging, sync
from fitserve.store.ports import Lock, Ports, Records
from fitserve.store.sqlite import SqliteRecords
from fitserve.store.tables import META

PORTS: dict[str, Callable[[Path], Ports]] = {"folder": folder_ports}
"""Makes the ports of the workspace in a local folder, which is laid out."""


def sqlite(path: Path) -> tuple[Records, Lock]:
    lock = FolderLock(path)
    return SqliteRecords.open(path, lock, create=True), lock


RECORDS: dict[str, Callable[[Path], tuple[Records, Lock]]] = {"sqlite": sqlite}
"""Makes or opens the records of the workspace in a local folder, and the lock of their only writer."""

NOBODY = "0" * 64
SIZE = 200_000
ROUNDS = 20


@pytest.fixture(params=PORTS)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Ports]:
    lay_out(tmp_path)
    return request.param, PORTS[request.param](tmp_path)


@pytest.fixture
def ports(made: tuple[str, Ports]) -> Ports:
    return made[1]


@pytest.fixture(params=RECORDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def opened(kind: str, tmp_path: Path) -> tuple[Records, Lock]:
    return RECORDS[kind](tmp_path)


# --- what is put, and whether it is whole ---


def put_bundle(ports: Ports, text: str) -> str:
    with staging(ports.path) as folder:
        (folder / "model.onnx").write_bytes(text.encode()[:1] * SIZE)
        (folder / "manifest.json").write_text(text)
        sha256 = seal(folder)
        ports.bundles.put(folder, sha256)
    return sha256


def whole_bundle(ports: Ports, sha256: str, text: str) -> bool:
    """Whether the bundle is there; never half of it."""
    try:
        folder = ports.bundles.fetch(sha256)
    except BundleError:
        return False
    assert {path.name for path in folder.iterdir()} == {"manifest.json", "model.onnx"}
    assert (folder / "manifest.json").read_text() == text
    assert (folder / "model.onnx").read_bytes() == text.encode()[:1] * SIZE
    return folder.name == sha256


def put_dataset(ports: Ports, sha256: str) -> None:
    with staging(ports.path) as folder:
        file = folder / "table"
        file.write_bytes(sha256.encode() * (SIZE // 64))
        sync(file)
        ports.datasets.put(file, sha256)


def whole_dataset(ports: Ports, sha256: str) -> bool:
    try:
        file = ports.datasets.fetch(sha256)
    except NotFoundError:
        return False
    assert file.read_bytes() == sha256.encode() * (SIZE // 64)
    return True


def publish(ports: Ports, content: bytes) -> None:
    with ports.snapshot.publishing() as write:
        write(content)


# --- bundles ---


def test_a_bundle_is_put_fetched_and_removed(ports: Ports) -> None:
    first, second = put_bundle(ports, "1"), put_bundle(ports, "2")
    assert whole_bundle(ports, first, "1")
    assert put_bundle(ports, "1") == first  # twice is once
    assert whole_bundle(ports, first, "1")
    for _ in range(2):
        ports.bundles.remove(first)
        assert not whole_bundle(ports, first, "1")
    assert whole_bundle(ports, second, "2")
    assert put_bundle(ports, "1") == first
    assert whole_bundle(ports, first, "1")


def test_a_bundle_is_never_changed(ports: Ports) -> None:
    sha256 = put_bundle(ports, "1")
    with staging(ports.path) as folder:
        (folder / "manifest.json").write_text("another")
        ports.bundles.put(folder, sha256)
    assert whole_bundle(ports, sha256, "1")


@pytest.mark.parametrize("sha256", [NOBODY, "", "..", "../../etc", "a\0b", "x" * 5000, "A" * 64])
def test_what_is_not_there_is_told_in_a_line(ports: Ports, sha256: str) -> None:
    for fetch, kind, note in (
        (ports.bundles.fetch, BundleError, "is gone; restore it from a backup"),
        (ports.datasets.fetch, NotFoundError, "is lost: restore it from a backup"),
    ):
        with pytest.raises(kind, match=note) as caught:
            fetch(sha256)
        assert isinstance(caught.value, UserError)
        assert "\n" not in str(caught.value)
    ports.bundles.remove(sha256)
    ports.datasets.remove(sha256)


# --- datasets ---


def test_a_dataset_is_put_fetched_and_removed(ports: Ports) -> None:
    first, second = "1" * 64, "2" * 64
    for _ in range(2):
        put_dataset(ports, first)
        put_dataset(ports, second)
        assert whole_dataset(ports, first)
    for _ in range(2):
        ports.datasets.remove(first)
        assert not whole_dataset(ports, first)
    assert whole_dataset(ports, second)


# --- documents ---


def test_a_document_is_written_replaced_read_and_removed(ports: Ports) -> None:
    name, other = "runs/r1.json", "seen/key"
    assert ports.documents.read(name) is None
    ports.documents.write(other, b"secret", private=True)
    for content in (b"first", b"", bytes(range(256))):
        ports.documents.write(name, content)
        assert ports.documents.read(name) == content
    for _ in range(2):
        ports.documents.remove(name)
        assert ports.documents.read(name) is None
    assert ports.documents.read(other) == b"secret"


@pytest.mark.parametrize("name", ["", "runs", "runs/", "runs/../key", "/etc/passwd", "other/x", "runs/a\0b"])
def test_a_name_that_no_document_can_have(ports: Ports, name: str) -> None:
    assert ports.documents.read(name) is None
    ports.documents.remove(name)
    with pytest.raises(ValueError, match="names no document"):
        ports.documents.write(name, b"")


# --- the snapshot ---


def test_a_snapshot_is_published_at_the_end_or_not_at_all(ports: Ports) -> None:
    assert ports.snapshot.read() is None
    with ports.snapshot.publishing():
        pass
    assert ports.snapshot.read() is None
    publish(ports, b"first")
    with ports.snapshot.publishing() as write:
        write(b"second")
        assert ports.snapshot.read() == b"first"
    assert ports.snapshot.read() == b"second"
    with suppress(ZeroDivisionError), ports.snapshot.publishing() as write:
        write(b"third")
        _ = 1 / 0
    assert ports.snapshot.read() == b"second"


# --- records ---


def value(connection: Connection, name: str) -> Any:
    return connection.scalar(select(META.c.value).where(META.c.name == name))


def count_up(records: Records, lock: Lock) -> None:
    """Read, then write: right only if nobody else writes in between."""
    with lock.held(), records.writing() as connection:
        number = value(connection, "revision")
        connection.execute(update(META).where(META.c.name == "revision").values(value=number + 1))


def test_a_transaction_is_there_as_a_whole_or_not_at_all(
    opened: tuple[Records, Lock], kind: str, tmp_path: Path
) -> None:
    records, lock = opened
    assert not records.read_only
    with suppress(ZeroDivisionError), lock.held(), records.writing() as connection:
        connection.execute(insert(META).values(name="a", value=1))
        assert value(connection, "a") == 1
        _ = 1 / 0
    with records.reading() as connection:
        assert (value(connection, "a"), value(connection, "revision")) == (None, 0)
    with lock.held(), records.writing() as connection:
        connection.execute(insert(META).values(name="a", value=2))
    again, _ = RECORDS[kind](tmp_path)
    for reader in (records, again):
        with reader.reading() as connection:
            assert value(connection, "a") == 2


# --- processes that meet, and processes that die ---


def bundles_forever(ports: Ports) -> Iterator[None]:
    while True:
        sha256 = put_bundle(ports, "1")
        yield
        ports.bundles.remove(sha256)


def datasets_forever(ports: Ports) -> Iterator[None]:
    while True:
        put_dataset(ports, "1" * 64)
        yield
        ports.datasets.remove("1" * 64)


def documents_forever(ports: Ports) -> Iterator[None]:
    while True:
        for content in (b"a", b"b"):
            ports.documents.write("runs/r1.json", content * SIZE)
            yield


def snapshots_forever(ports: Ports) -> Iterator[None]:
    while True:
        for content in (b"a", b"b"):
            publish(ports, content * SIZE)
            yield


FOREVER = {
    "bundles": bundles_forever,
    "datasets": datasets_forever,
    "documents": documents_forever,
    "snapshot": snapshots_forever,
}


def main(what: str, kind: str, path: Path) -> None:
    """Be a process that writes until it is killed, or ROUNDS times from when it is let go."""
    if what == "records":
        records, lock = RECORDS[kind](path)
        meet()
        for _ in range(ROUNDS):
            count_up(records, lock)
        return
    ports = PORTS[kind](path)
    if what == "meet":
        meet()
        for number in range(ROUNDS):
            assert whole_bundle(ports, put_bundle(ports, str(number)), str(number))
            put_dataset(ports, f"{number:064x}")
            assert whole_dataset(ports, f"{number:064x}")
        return
    for number, _ in enumerate(FOREVER[what](ports)):
        if number == 0:
            say("ready")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def meet() -> None:
    say("ready")
    sys.stdin.readline()


def start(what: str, kind: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", __file__, what, kind, str(path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def together(what: str, kind: str, path: Path, count: int) -> None:
    """Let ``count`` processes go at once, and wait for all."""
    processes = [start(what, kind, path) for _ in range(count)]
    for process in processes:
        assert pipe(process.stdout).readline() == "ready\n"
    for process in processes:
        pipe(process.stdin).write("go\n")
        pipe(process.stdin).flush()
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0] * count


def test_two_processes_put_the_same_at_once(made: tuple[str, Ports]) -> None:
    kind, ports = made
    together("meet", kind, ports.path, 2)
    for number in range(ROUNDS):
        assert whole_bundle(ports, put_bundle(ports, str(number)), str(number))
        assert whole_dataset(ports, f"{number:064x}")


def test_two_processes_write_records_one_after_the_other(
    kind: str, opened: tuple[Records, Lock], tmp_path: Path
) -> None:
    together("records", kind, tmp_path, 2)
    with opened[0].reading() as connection:
        assert value(connection, "revision") == 2 * ROUNDS


@pytest.mark.parametrize("what", FOREVER)
def test_killed_in_the_middle_nothing_is_half_written(made: tuple[str, Ports], what: str) -> None:
    kind, ports = made
    chance = random.Random(0)
    sha256 = put_bundle(ports, "1")
    for _ in range(4):
        with start(what, kind, ports.path) as process:
            assert pipe(process.stdout).readline() == "ready\n"
            with pytest.raises(subprocess.TimeoutExpired):  # it does not end by itself
                process.wait(chance.uniform(0, 0.02))
            process.kill()
        whole_bundle(ports, sha256, "1")
        whole_dataset(ports, "1" * 64)
        if what in {"documents", "snapshot"}:
            content = ports.documents.read("runs/r1.json") if what == "documents" else ports.snapshot.read()
            assert content in {b"a" * SIZE, b"b" * SIZE}
        next(FOREVER[what](ports))  # the next writer is not in the way of what was left
        lay_out(ports.path)
        assert list((ports.path / "staging").iterdir()) == []
    assert put_bundle(ports, "1") == sha256
    assert whole_bundle(ports, sha256, "1")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
