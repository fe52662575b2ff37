"""A document in shared memory: whoever reads it gets a whole one, however often it is written and by whom."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import IO

import pytest

from fitserve.serving import shared_document
from fitserve.serving.shared_document import SharedDocument

# Writes documents of many lengths without end; says so when the first ones are there.
WRITER = """
import sys
from fitserve.serving.shared_document import SharedDocument
document = SharedDocument(int(sys.argv[1]))
for i in range(10**9):
    document.write(b"[" + b",".join([b"%d" % i] * (i * 7919 % 4001 + 1)) + b"]")
    if i == 100:
        print(flush=True)
"""


@pytest.fixture
def descriptor() -> Iterator[int]:
    created = shared_document.create("test")
    yield created
    os.close(created)


def test_the_last_document_is_read(descriptor: int) -> None:
    writer, reader = SharedDocument(descriptor), SharedDocument(descriptor)
    assert reader.read() == b""
    for length in (0, 1, 10, 100_000, 3, 50_000, 1_000_000, 999_999, 1, 1_000_000):
        content = os.urandom(length)
        writer.write(content)
        assert reader.read() == writer.read() == content
    assert os.fstat(descriptor).st_size < 5_000_000


def test_a_reader_beside_a_busy_writer_gets_whole_documents(descriptor: int) -> None:
    reader = SharedDocument(descriptor)
    command = [sys.executable, "-c", WRITER, str(descriptor)]
    for _ in range(3):  # a writer that is killed leaves a whole one
        with subprocess.Popen(command, pass_fds=(descriptor,), stdout=subprocess.PIPE) as writer:
            stdout: IO[bytes] | None = writer.stdout
            assert stdout is not None
            stdout.readline()
            read = [reader.read() for _ in range(5000)]
            os.kill(writer.pid, signal.SIGKILL)
        last = [reader.read(), reader.read()]
        assert last[0] == last[1] != b""
        for content in (*read, *last):
            if content:  # a reader that is overtaken again and again gives up
                assert len(set(json.loads(content))) == 1
        assert sum(content == b"" for content in read) < 20
        assert len(set(read)) > 2
