"""What clients do with their connections: everything but one whole request after the other."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

Talk = Callable[..., bytes]
USUAL: dict[str, Any] = {"rooms": 5, "city": "Berlin", "built": "1984-02-27T18:00:00Z", "garden": True}
ROW = json.dumps(USUAL).encode()
MEGABYTE = 1 << 20


@pytest.fixture(autouse=True)
def _still_answers(client: httpx.Client) -> Iterator[None]:
    yield
    answer = client.post("/predict", json=USUAL)
    assert answer.status_code == 200
    assert answer.json()["warnings"] == []


def short(value: object) -> str:
    """A name for a case, of bearable length."""
    return repr(value)[:40]


def checked(problem: dict[str, Any], status: int) -> dict[str, Any]:
    """A problem document by RFC 9457."""
    assert set(problem) == {"type", "title", "status", "detail"}
    assert problem["status"] == status
    assert problem["type"].startswith("urn:")
    assert problem["detail"]
    return problem


POST = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%s\r\n"
REQUEST = POST % (len(ROW), b"") + ROW


def answers_in(heard: bytes) -> list[tuple[int, dict[str, Any]]]:
    """Status and JSON body of all the answers on a connection."""
    found = []
    while heard:
        head, _, heard = heard.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        size = int(headers["content-length"])
        found.append((int(lines[0].split()[1]), json.loads(heard[:size])))
        heard = heard[size:]
    return found


def test_pipelined_requests_are_answered_in_order(client: httpx.Client, talk: Talk) -> None:
    rows = [{**USUAL, "rooms": 1 + i % 8} for i in range(50)]
    expected = client.post("/predict", json={"instances": rows}).json()["predictions"]
    bodies = [json.dumps(row).encode() for row in rows]
    together = b"".join(POST % (len(body), b"") + body for body in bodies)
    answers = answers_in(talk(client, together[:3000], together[3000:]))
    assert [(status, answer["prediction"]) for status, answer in answers] == [(200, each) for each in expected]


def test_a_client_that_has_said_everything_gets_its_answer(client: httpx.Client, talk: Talk) -> None:
    assert [status for status, _ in answers_in(talk(client, REQUEST))] == [200]
    many = b'{"instances": [' + b",".join([ROW] * 2000) + b"]}"
    [(status, answer)] = answers_in(talk(client, POST % (len(many), b"") + many))
    assert (status, len(answer["predictions"])) == (200, 2000)
    assert talk(client, b"GET /livez HTTP/1.0\r\n\r\n", open_end=True).endswith(b'{"status":"ok"}')


@pytest.mark.parametrize("upgrade", [b"h2c", b"websocket", b"h2c, websocket", b"TLS/1.0", b"nonsense"])
def test_an_offer_of_another_protocol_is_declined(client: httpx.Client, talk: Talk, upgrade: bytes) -> None:
    # Java's HTTP client offers HTTP/2 in this way with the first request of every connection.
    offer = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: %s\r\nhttp2-settings: AAMAAABk\r\n" % upgrade
    with_offer = POST % (len(ROW), offer) + ROW
    chunked = POST.replace(b"content-length: %d", b"transfer-encoding: chunked") % offer + b"%x\r\n%s\r\n0\r\n\r\n" % (
        len(ROW),
        ROW,
    )
    get = b"GET /livez HTTP/1.1\r\nhost: x\r\n" + offer + b"\r\n"
    whole = [with_offer, get, chunked, REQUEST, with_offer, with_offer]
    for said in ([b"".join(whole)], whole, [bytes([byte]) for byte in with_offer + get + REQUEST]):
        answers = answers_in(talk(client, *said))
        assert {status for status, _ in answers} == {200}
        assert sum(answer.get("warnings") == [] for _, answer in answers) == sum(
            b"".join(said).count(x) for x in [b"POST"]
        )


def test_a_websocket_handshake_is_answered_by_http(client: httpx.Client, talk: Talk) -> None:
    handshake = (
        b"GET /predict HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
    )
    [(status, problem)] = answers_in(talk(client, handshake))
    checked(problem, 405)
    assert status == 405


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 64,
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS handshake
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"BREW /predict HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /a b HTTP/1.1\r\n\r\n",
        b"GET http:// HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"CONNECT other:443 HTTP/1.1\r\nhost: other\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nhost: a\x00b\r\n\r\n",
        b"GET /livez HTTP/1.1\r\n: empty\r\n\r\n",
        b"POST /predict HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\ncontent-length: ten\r\n\r\n",
        b"POST /predict HTTP/1.1\r\ncontent-length: " + b"9" * 40 + b"\r\n\r\n",
        b"POST /predict HTTP/1.1\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        b"POST /predict HTTP/1.1\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /predict HTTP/1.1\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST /predict HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"POST /predict HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    ],
    ids=short,
)
def test_what_is_no_http_gets_a_problem_document(client: httpx.Client, talk: Talk, garbage: bytes) -> None:
    for before, open_end in ((b"", True), (REQUEST, True), (REQUEST * 3, True), (REQUEST * 3, False)):
        *first, (status, problem) = answers_in(talk(client, before + garbage, open_end=open_end))
        assert [code for code, _ in first] == [200] * before.count(b"POST")
        assert status == 400
        assert "HTTP/1.1" in checked(problem, 400)["detail"]


@pytest.mark.parametrize(
    "endless",
    [
        b"GET /" + b"x" * MEGABYTE,
        b"GET /livez HTTP/1.1\r\n" + b"x: y\r\n" * (MEGABYTE // 6),
        b"GET /livez HTTP/1.1\r\nx: " + b"y" * MEGABYTE,
        b"GET /livez HTTP/1.1\r\n" + b"z" * MEGABYTE,
        b"POST /predict HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\ntrailer: " + b"y" * MEGABYTE,
        b"POST /predict HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1;" + b"y" * MEGABYTE,
    ],
    ids=short,
)
def test_a_head_without_end_is_refused(
    client: httpx.Client, talk: Talk, most_memory: Callable[[], int], endless: bytes
) -> None:
    before = most_memory()
    for _ in range(3):
        [(status, problem)] = answers_in(talk(client, endless, open_end=True))
        assert status == 431
        assert "head of the request" in checked(problem, 431)["detail"]

    assert most_memory() - before < 16 * MEGABYTE


@pytest.mark.parametrize("size", [70_000, 100_000])
@pytest.mark.parametrize("pieces", [1, 8])
def test_a_long_head_is_refused_however_it_comes(client: httpx.Client, talk: Talk, size: int, pieces: int) -> None:
    head = b"GET /livez HTTP/1.1\r\nhost: x\r\nmuch: " + b"x" * size + b"\r\n\r\n"
    step = -(-len(head) // pieces)
    said = [head[i : i + step] for i in range(0, len(head), step)]
    [(status, problem)] = answers_in(talk(client, *said, open_end=True))
    assert status == 431
    assert "head of the request" in checked(problem, 431)["detail"]


def test_a_head_has_a_bearable_number_of_fields(client: httpx.Client, talk: Talk) -> None:
    def head(fields: int) -> bytes:
        return b"GET /livez HTTP/1.1\r\n" + b"x: y\r\n" * fields + b"\r\n"

    answers = answers_in(talk(client, REQUEST + head(256) + head(257) + REQUEST, open_end=True))
    assert [status for status, _ in answers] == [200, 200, 431]
    assert "256 fields" in checked(answers[-1][1], 431)["detail"]


def test_half_a_request_is_forgotten(client: httpx.Client, talk: Talk) -> None:
    for end in (1, 10, 40, len(REQUEST) - len(ROW), len(REQUEST) - 1):
        assert talk(client, REQUEST[:end]) == b""
        address = (client.base_url.host, client.base_url.port)
        with socket.create_connection(address) as connection:
            connection.sendall(REQUEST[:end])
    [(status, _)] = answers_in(talk(client, REQUEST + REQUEST[:40]))
    assert status == 200


def test_a_client_that_does_not_wait_for_its_answer(client: httpx.Client) -> None:
    many = b'{"instances": [' + b",".join([ROW] * 2000) + b"]}"
    address = (client.base_url.host, client.base_url.port)
    for turn in (1, 2, 3) * 7:
        with socket.create_connection(address) as connection:
            connection.sendall((POST % (len(many), b"") + many) * turn)
            linger_not = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # closing resets
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
