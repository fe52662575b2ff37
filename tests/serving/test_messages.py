"""Messages between supervisor and processes: what is said is heard, and nonsense is told from what is unknown."""

from __future__ import annotations

import json
import logging

import pytest

from fitserve.serving.messages import (
    BrokenMessageError,
    Drain,
    Heartbeat,
    Keys,
    Load,
    Message,
    MessageReader,
    Route,
    State,
    Unload,
    encode,
)

MESSAGES: list[Message] = [
    Load("houses", 3, "/a folder/\udce4\n"),
    Unload("模型", 1),
    Route("", "houses", 3),
    Keys(None),
    Keys(("ab", "cd")),
    Keys(()),
    Drain(2.5),
    State(7, ready=True, served=("houses:3", "模型:1")),
    State(7, ready=False, error="a bundle is damaged"),
    Heartbeat(7),
]


def test_what_is_said_is_heard_in_whatever_pieces() -> None:
    stream = b"".join(map(encode, MESSAGES))
    assert stream.count(b"\n") == len(MESSAGES)
    assert list(MessageReader().feed(stream)) == MESSAGES
    reader = MessageReader()
    assert [message for i in range(len(stream)) for message in reader.feed(stream[i : i + 1])] == MESSAGES


def test_a_message_of_a_newer_version_is_ignored_and_so_are_its_fields(caplog: pytest.LogCaptureFixture) -> None:
    lines = b'{"message": "dance", "steps": 3}\n{"message": "heartbeat", "pid": 1, "mood": "good"}\n'
    with caplog.at_level(logging.WARNING):
        assert list(MessageReader().feed(lines)) == [Heartbeat(1)]
    assert [record.getMessage() for record in caplog.records] == ["a message of the unknown kind 'dance' is ignored"]


def test_a_field_with_a_default_may_be_missing() -> None:
    assert list(MessageReader().feed(b'{"message": "state", "pid": 1, "ready": true}\n')) == [State(1, ready=True)]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[]",
        b"null",
        b"1",
        b'"heartbeat"',
        b"{}",
        b'{"message": 1}',
        b'{"message": {}}',
        b'{"message": "heartbeat"}',
        b'{"message": "heartbeat", "pid": "1"}',
        b'{"message": "heartbeat", "pid": true}',
        b'{"message": "heartbeat", "pid": null}',
        b'{"message": "load", "model": "m", "version": 1}',
        b'{"message": "load", "model": "m", "version": 1.5, "folder": "f"}',
        b'{"message": "keys", "sha256": "ab"}',
        b'{"message": "keys", "sha256": [1]}',
        b'{"message": "keys", "sha256": {"ab": 1}}',
        b'{"message": "state", "pid": 1, "ready": 1}',
        b'{"message": "drain", "seconds": "2"}',
    ],
)
def test_what_is_no_message_is_an_error(line: bytes) -> None:
    reader = MessageReader()
    messages = reader.feed(encode(Heartbeat(1)) + line + b"\n" + encode(Heartbeat(2)))
    assert next(messages) == Heartbeat(1)
    with pytest.raises(BrokenMessageError) as broken:
        next(messages)
    assert len(str(broken.value)) < 1000


def test_a_line_without_end_is_an_error() -> None:
    reader = MessageReader()
    for _ in range(16):
        assert list(reader.feed(b" " * (1 << 20))) == []
    with pytest.raises(BrokenMessageError, match="a line of more than"):
        list(reader.feed(b" "))


def test_numbers_keep_their_value() -> None:
    assert json.loads(encode(Drain(0.1)))["seconds"] == 0.1
    assert list(MessageReader().feed(b'{"message": "drain", "seconds": 3}\n')) == [Drain(3)]
