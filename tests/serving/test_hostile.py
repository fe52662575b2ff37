"""Requests that nobody sends by mistake, and those that everybody does: the right refusal, and never a 500."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

Talk = Callable[..., bytes]
JSON = {"content-type": "application/json"}
USUAL: dict[str, Any] = {"rooms": 5, "city": "Berlin", "built": "1984-02-27T18:00:00Z", "garden": True}
ROW = json.dumps(USUAL).encode()
MEGABYTE = 1 << 20
LIMIT = 16 * MEGABYTE


@pytest.fixture(autouse=True)
def _still_answers(client: httpx.Client) -> Iterator[None]:
    yield
    answer = client.post("/predict", json=USUAL)
    assert answer.status_code == 200
    assert answer.json()["warnings"] == []


def problem_of(response: httpx.Response, status: int) -> dict[str, Any]:
    """The problem document of a refusal, by RFC 9457."""
    assert response.status_code == status, response.text[:500]
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail"} <= set(problem) <= {"type", "title", "status", "detail", "errors"}
    assert problem["status"] == status
    assert problem["type"].startswith("urn:")
    assert problem["detail"]
    assert len(problem["detail"]) < 400
    return problem


def short(value: object) -> str:
    """A name for a case, of bearable length."""
    return repr(value)[:40]


def post(client: httpx.Client, body: bytes, **headers: str) -> httpx.Response:
    return client.post(
        "/predict", content=body, headers={**JSON, **{k.replace("_", "-"): v for k, v in headers.items()}}
    )


@pytest.mark.parametrize(
    ("body", "note"),
    [
        (b"", "empty"),
        (b" \r\n\t ", "empty"),
        (b"rooms=5&city=Berlin", "not JSON"),
        (ROW[:-1], "end of data"),
        (ROW[: len(ROW) // 2], "not JSON"),
        (ROW + ROW, "not JSON"),
        (b"{'rooms': 5}", "double quotes"),
        (b'{"rooms": 5,}', "not JSON"),
        (b'{"rooms": NaN}', "no NaN or Infinity, send null"),
        (b'{"rooms": Infinity}', "no NaN or Infinity, send null"),
        (b'{"rooms": -Infinity}', "no NaN or Infinity, send null"),
        (b'{"rooms": 1e999}', "send null"),
        (b'{"rooms": ' + b"9" * 400 + b"}", "send null"),
        (b'{"rooms": 0x10}', "not JSON"),
        (b'{"rooms": 01}', "not JSON"),
        (b'{"rooms": undefined}', "not JSON"),
        (b"[" * 100_000, "depth"),
        (b'{"rooms": ' * 100_000, "depth"),
        (b'{"rooms": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "depth"),
        (b'{"city": "\\ud800"}', "in pairs"),
        (b'{"city": "\\udc00\\ud800"}', "in pairs"),
        (b'{"\\udfff": 1}', "in pairs"),
        (b'{"city": "\xff\xfe"}', "not UTF-8 (byte 10 is 0xff)"),
        (b'{"city": "\xed\xa0\x80"}', "not UTF-8"),
        ('{"city": "上海"}'.encode("gb18030"), "not UTF-8"),
        (ROW.decode().encode("utf-16"), "not UTF-8"),
        (b"\xef\xbb\xbf" + ROW, "leave its first three bytes out"),
        (b'{"city": "Ber\nlin"}', "not JSON"),
        (b"\x00" * 100, "not JSON"),
        (gzip.compress(ROW, mtime=0), "not UTF-8"),
    ],
    ids=short,
)
def test_what_is_no_json_is_refused(client: httpx.Client, body: bytes, note: str) -> None:
    assert note in problem_of(post(client, body), 400)["detail"]


@pytest.mark.parametrize("body", [b"[]", b"[1]", b"5", b'"row"', b"null", b"true", b"[" + ROW + b"]"])
def test_what_is_no_object_is_no_row(client: httpx.Client, body: bytes) -> None:
    assert '{"instances": [row, …]}' in problem_of(post(client, body), 422)["detail"]


@pytest.mark.parametrize("instances", ["null", "{}", "5", '"rows"', "true", '{"rooms": 5}'])
def test_instances_must_be_a_list(client: httpx.Client, instances: str) -> None:
    problem = problem_of(post(client, b'{"instances": %s}' % instances.encode()), 422)
    assert "list of rows" in problem["detail"]


def test_every_instance_must_be_an_object(client: httpx.Client) -> None:
    problem = problem_of(client.post("/predict", json={"instances": [USUAL, 1, None, [], "x", {}, True]}), 422)
    assert [error["row"] for error in problem["errors"]] == [1, 2, 3, 4, 6]
    assert "5 of 7 rows" in problem["detail"]


def test_what_stands_beside_the_rows_is_told(client: httpx.Client) -> None:
    body = {"instances": [USUAL, USUAL], "strict": True, "rooms": 9}
    answer = client.post("/predict", json=body)
    assert answer.status_code == 200
    assert [(each["code"], each["field"]) for each in answer.json()["warnings"]] == [
        ("extra_field", "strict"),
        ("extra_field", "rooms"),
    ]
    problem = problem_of(client.post("/predict?strict=true", json=body), 422)
    assert [each["field"] for each in problem["errors"]] == ["strict", "rooms"]


@pytest.mark.parametrize("piece", [b"[],", b"{},", b"[[]],"])
def test_lists_without_end_are_refused_unread(client: httpx.Client, piece: bytes) -> None:
    body = b'{"rooms": 5, "more": [' + piece * 1_000_000 + b"1]}"
    assert "one request may hold 400000" in problem_of(post(client, body), 413)["detail"]


def test_of_duplicate_keys_the_last_one_wins(client: httpx.Client) -> None:
    twice = b'{"rooms": "many", "rooms": 1, ' + ROW[1:-1] + b', "rooms": 2}'
    expected = client.post("/predict", json={**USUAL, "rooms": 2}).json()
    answer = post(client, twice).json()
    assert (answer["prediction"], answer["warnings"]) == (expected["prediction"], [])


VALUES: list[Any] = [
    None, True, False, 0, -0.0, 1.5, 1e308, -1e308, 5e-324, 2**53 + 1, 2**63, -(2**63), 2**64, 10**29, -(10**29),
    "", " ", "5", "-1e999", "nan", "inf", "null", "上海", "\u0000", "\U0001f600", "x" * 100_000, "9" * 5000,
    [], [1], ["Berlin"], {},
    {"rooms": 5}, [[[[]]]], {"a": {"b": {"c": []}}}, "0000-00-00", "9999-12-31T23:59:59+00:00", "2024-02-30",
    "0001-01-01T00:00:00+23:59", "2024-01-01T25:61:61Z", "١٢٣", "1_000", "0x1F",
]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "field"),
    [*(("houses", field) for field in USUAL), ("text", "title"), ("text", "评论"), ("small", "a")],
)
def test_any_value_of_any_field_is_served_or_named(client: httpx.Client, model: str, field: str) -> None:
    base = USUAL if model == "houses" else client.get(f"/models/{model}").json()["example"]
    path = f"/models/{model}/predict"
    for value in VALUES:
        alone = client.post(path, json={**base, field: value})
        among = client.post(path, json={"instances": [base, {**base, field: value}]})
        assert alone.status_code == among.status_code in (200, 422), (value, alone.text)
        if alone.status_code == 200:
            assert alone.json()["prediction"] == among.json()["predictions"][1], value
        else:
            errors = problem_of(alone, 422)["errors"]
            assert [error["field"] for error in errors] == [field]
            assert problem_of(among, 422)["errors"] == [{**error, "row": 1} for error in errors]
        list_of_texts = model == "text" and isinstance(value, list) and not any(isinstance(v, list) for v in value)
        nested = isinstance(value, (list, dict)) and not list_of_texts
        assert not nested or alone.status_code == 422


@pytest.mark.parametrize("depth", [500, 900, 1000, 1020])
def test_nested_values_are_refused_at_any_depth(client: httpx.Client, depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    assert post(client, b'{"rooms": ' + nested + b"}").status_code in (400, 422)
    assert post(client, b'{"instances": [{"rooms": ' + nested + b"}]}").status_code in (400, 422)
    # In a field that nobody reads it harms nobody, not even beside a number that is looked at twice.
    assert post(client, b'{"rooms": ' + b"9" * 30 + b', "more": ' + nested + b"}").status_code == 200


@pytest.mark.parametrize(
    "key",
    ["", " ", "\u0000", "x" * 200_000, "字段" * 1000, "\U0001f600", '"\\', "__class__", "rooms "],
    ids=short,
)
def test_any_key_is_an_extra_field(client: httpx.Client, key: str) -> None:
    answer = client.post("/predict", json={**USUAL, key: 1})
    assert answer.status_code == 200
    [warning] = answer.json()["warnings"]
    assert warning["code"] == "extra_field"
    assert key.startswith(warning["field"].removesuffix("..."))
    assert len(answer.content) < 2000


def test_a_row_has_a_bearable_number_of_fields(client: httpx.Client) -> None:
    wide = {f"field {i}": i for i in range(100_000)}
    assert "100004 fields" in problem_of(client.post("/predict", json={**USUAL, **wide}), 413)["detail"]
    problem = problem_of(client.post("/predict", json={"instances": [USUAL, {**USUAL, **wide}]}), 413)
    assert "row 1 has 100004 fields" in problem["detail"]


def test_too_many_rows(client: httpx.Client) -> None:
    one_more = b'{"instances": [' + b"{}," * 10_000 + b"{}]}"
    for _ in range(5):  # on one connection, which nobody has a reason to close
        response = post(client, one_more)
        assert "send several requests" in problem_of(response, 413)["detail"]
        assert "connection" not in response.headers
    assert post(client, b'{"instances": [' + b'{"rooms":1},' * 9_999 + b'{"rooms":2}]}').status_code == 200
    nothing = problem_of(post(client, b'{"instances": [' + b"{}," * 9_999 + b"{}]}"), 422)
    assert [error["row"] for error in nothing["errors"]] == list(range(10_000))


def pieces(size: int) -> Iterator[bytes]:
    for _ in range(size // MEGABYTE):
        yield b" " * MEGABYTE


def test_a_body_above_the_limit(client: httpx.Client, most_memory: Callable[[], int]) -> None:
    assert "16777216 bytes" in problem_of(post(client, b" " * (LIMIT + 1)), 413)["detail"]
    assert "empty" in problem_of(post(client, b" " * LIMIT), 400)["detail"]
    before = most_memory()
    for _ in range(2):
        problem_of(post(client, b" " * (100 * MEGABYTE)), 413)
        problem_of(client.post("/predict", content=pieces(100 * MEGABYTE), headers=JSON), 413)
    assert most_memory() - before < 48 * MEGABYTE


def test_a_body_above_a_small_limit_in_one_piece(start: Callable[..., Any], talk: Talk) -> None:
    with start("small", environment={"FITSERVE_BODY_LIMIT": "100"}) as (client, _):
        for _ in range(20):
            problem_of(client.post("/predict", content=iter([b" " * 101]), headers=JSON), 413)
            problem_of(post(client, b" " * 101), 413)
        assert client.post("/predict", content=iter([b'{"a": 1, "b": 1}']), headers=JSON).status_code == 200
        head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n"
        heard = talk(client, head + b"content-length: 101\r\n\r\n", open_end=True)
        assert heard.startswith(b"HTTP/1.1 413 ")
        heard = talk(
            client, head + b"connection: close\r\ncontent-length: 16\r\n\r\n", b'{"a": 1, "b": 1}', open_end=True
        )
        assert heard.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_a_chunked_body_is_read(client: httpx.Client) -> None:
    answer = client.post("/predict", content=(ROW[i : i + 1] for i in range(len(ROW))), headers=JSON)
    assert answer.status_code == 200
    assert answer.json()["warnings"] == []


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "x",
        "; ,",
        "é",
    ],
)
def test_wrong_content_types(client: httpx.Client, kind: str) -> None:
    response = client.post("/predict", content=ROW, headers={b"content-type": kind.encode("latin-1")})
    if kind == "; ,":  # says nothing
        assert response.status_code == 200
    else:
        assert "content-type: application/json" in problem_of(response, 415)["detail"]


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json", ""])
def test_right_content_types(client: httpx.Client, kind: str) -> None:
    assert client.post("/predict", content=ROW, headers={"content-type": kind}).status_code == 200
    assert client.post("/predict", content=ROW).status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "GZIP", "zstd"])
def test_compressed_bodies_are_refused(client: httpx.Client, encoding: str) -> None:
    problem = problem_of(post(client, gzip.compress(ROW), content_encoding=encoding), 415)
    assert "compressed" in problem["detail"]
    assert post(client, ROW, content_encoding="identity").status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"])
@pytest.mark.parametrize("path", ["/predict", "/models/text/predict", "/models/small/versions/1/predict"])
def test_predictions_are_posted(client: httpx.Client, method: str, path: str) -> None:
    response = client.request(method, path, json=None if method == "HEAD" else USUAL)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    if method != "HEAD":
        problem_of(response, 405)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize(
    "path",
    ["/", "/docs", "/docs/swagger-ui.css", "/openapi.json", "/models", "/models/houses", "/livez", "/ping", "/metrics"],
)
def test_pages_are_read(client: httpx.Client, method: str, path: str) -> None:
    response = client.request(method, path)
    assert path in problem_of(response, 405)["detail"]
    assert response.headers["allow"] == "GET, HEAD"
    if path == "/models/houses":
        assert "POST to /models/houses/predict" in response.json()["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/docs",
        "/docs/swagger-ui-bundle.js",
        "/openapi.json",
        "/models",
        "/models/text",
        "/livez",
        "/readyz",
        "/metrics",
        "/no",
    ],
)
def test_head_is_get_without_the_body(client: httpx.Client, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert head.status_code == got.status_code
    assert head.content == b""
    assert (
        head.headers["content-type" if path != "/" else "location"]
        == got.headers["content-type" if path != "/" else "location"]
    )
    if path != "/metrics":
        assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize(
    ("path", "note"),
    [
        ("/models/house/predict", "did you mean 'houses'?"),
        ("/models/HOUSES", "did you mean 'houses'?"),
        ("/models/zzz/predict", "there are houses, small, text"),
        ("/models/" + "x" * 5000, "no model"),
        ("/models/houses/versions/9/predict", "version '9' of 'houses' is not served here, only 1"),
        ("/models/houses/versions/one", "only 1"),
        ("/models/houses/predicts", "did you mean /models/houses/predict?"),
        ("/predict/", "did you mean /predict?"),
        ("/predictions", "did you mean /predict?"),
        ("/health/", "did you mean /health?"),
        ("/nothing-like-it", "/docs lists"),
        ("/models//predict", "nothing"),
        ("/..%2f..%2fetc/passwd", "nothing"),
        ("/docs/../../../etc/passwd", "nothing"),
        ("/docs/LICENSE", "nothing"),
        ("/%00", "nothing"),
        ("/%ff%fe", "nothing"),
        ("/模型", "nothing"),
    ],
    ids=short,
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_paths_say_what_may_have_been_meant(client: httpx.Client, method: str, path: str, note: str) -> None:
    assert note in problem_of(client.request(method, path), 404)["detail"]


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.integers(-10, 10),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=40),
    st.sampled_from(["Berlin", "上海", "2024-02-29", "yes", "1e999", "nan", "5", "good"]),
)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)
KEYS = st.one_of(st.sampled_from([*USUAL, "title", "评论", "a", "b", "price"]), st.text(max_size=20))
ROWS = st.dictionaries(KEYS.filter(lambda key: key != "instances"), ANYTHING, max_size=6)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_arbitrary_values_are_served_or_named(service: tuple[httpx.Client, Any], data: st.DataObject) -> None:
    client = service[0]
    model = data.draw(st.sampled_from(["houses", "text", "small"]))
    many = st.lists(ROWS, max_size=4).map(lambda rows: {"instances": rows})
    body = data.draw(st.one_of(ROWS, many, ANYTHING))
    strict = data.draw(st.sampled_from(["", "?strict=true"]))
    response = client.post(f"/models/{model}/predict{strict}", content=json.dumps(body), headers=JSON)
    if response.status_code == 200:
        answer = json.loads(response.content, parse_constant=pytest.fail)  # NaN and infinity are constants
        assert answer["model"] == model
        assert not strict or answer["warnings"] == []
        assert ("predictions" in answer) == ("instances" in body)
    else:
        problem_of(response, 422)
