"""A bundle of a stranger, every digest of which is right, with names that would steer a terminal."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from fitserve.errors import DataError, printable, steers
from fitserve.store import Workspace

FITSERVE = str(Path(sys.executable).with_name("fitserve"))
# Clears the screen, sets the title, colours by a control of one character, turns the direction, makes lines of its own.
EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnp\u200b\x00\x7f\r\n- nothing is wrong\u2028\U000e0041上海"
Command = Callable[..., Any]
OUR_OWN = re.compile(r"\x1b\[(?:0|1|2|3[0-9])m|\r\x1b\[K")


@pytest.fixture
def archive(trained: Path) -> Path:
    """The loans with another learner, target, column, level and label: each of them is now called like `EVIL`."""
    [version] = Workspace.open(trained / "workspace").versions("loans")
    folder = Workspace.open(trained / "workspace").fetch(version)
    members = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in ("manifest.json", "examples.json", "report.json"):
        text = orjson.dumps(orjson.loads(members[name])).decode()
        for word in ("town", "paid", "logistic", "yes", "Ulm"):
            text = text.replace(json.dumps(word), json.dumps(word + EVIL))
        members[name] = text.encode()
    members["card.md"] = f"# Card\n{EVIL}\n".encode()
    manifest = orjson.loads(members.pop("manifest.json"))
    manifest["members"] = {
        name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in members.items()
    }
    path = trained / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**members, "manifest.json": orjson.dumps(manifest)}.items():
            archive.writestr(name, data)
    return path


def at_a_terminal(home: Path, *arguments: object, until: str | None = None) -> str:
    """All that a command writes to a terminal; with ``until``, it is told to stop when it has written that."""
    ours, theirs = os.openpty()
    process = subprocess.Popen([FITSERVE, *map(str, arguments)], stdin=theirs, stdout=theirs, stderr=theirs, cwd=home)
    os.close(theirs)
    heard = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        try:
            while piece := terminal.read(65_536):
                heard += piece
                if until is not None and until in heard.decode(errors="replace"):
                    process.send_signal(signal.SIGTERM)
                    until = None
        except OSError:  # the other end is closed
            pass
    process.wait(60)
    return heard.decode().replace("\r\n", "\n")


def steering(text: str) -> set[str]:
    return {sign for sign in OUR_OWN.sub("", text) if steers(sign)} - {"\n"}


COMMANDS: list[tuple[str, ...]] = [
    ("models", "show", "evil", "--json"),
    ("models", "show", "evil", "1"),
    ("models", "show", "evil", "1", "--language", "zh"),
    ("evaluate", "evil", "loans.csv"),
    ("evaluate", "evil", "renamed.csv"),
    ("predict", "evil", "loans.csv", "-o", "out.csv"),
    ("compare", "evil", "loans"),
]


def test_no_command_lets_a_name_steer_the_terminal(trained: Path, archive: Path, command: Command) -> None:
    table = (trained / "loans.csv").read_text().replace("paid", f'"paid{EVIL}"', 1).replace("yes", f'"yes{EVIL}"')
    (trained / "renamed.csv").write_text(table, newline="")
    assert "as evil version 1" in at_a_terminal(trained, "models", "import", archive)
    shown: dict[tuple[str, ...], str] = {("models", "show", "evil"): at_a_terminal(trained, "models", "show", "evil")}
    for arguments in COMMANDS:
        done = command(*arguments)
        shown[arguments] = done.out + done.err
    for arguments, text in shown.items():
        assert steering(text) == set(), arguments
        if arguments[:4] != ("models", "show", "evil", "1"):  # a card has lines of its own
            assert not re.search("^- nothing is wrong", text, re.MULTILINE), arguments
        assert "上海" in text or arguments[-1] == "loans.csv", arguments


def test_a_server_shows_names_without_being_steered(trained: Path, archive: Path) -> None:
    folder = trained / f"odd{EVIL}".replace("\x00", "").replace("/", "")
    folder.mkdir()
    with zipfile.ZipFile(archive) as bundle:
        bundle.extractall(folder)
    shown = at_a_terminal(trained, "serve", folder, archive, "--port", 0, until="Try it")
    assert steering(shown) == set()
    assert not re.search("^- nothing is wrong", shown, re.MULTILINE)
    [line] = [line for line in shown.splitlines() if line.startswith("curl ")]
    body = re.search("-d '(.*)' http", line)
    assert body is not None
    assert f"town{EVIL}" in json.loads(body[1])


def test_metrics_stay_readable(trained: Path, archive: Path) -> None:
    command = [FITSERVE, "serve", str(archive), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=trained) as server:
        assert server.stdout is not None
        said = ""
        while not said.rstrip().endswith("}") or said.count("{") != said.count("}"):
            line = server.stdout.readline()
            assert line, "the server has ended"
            said += line
        with httpx.Client(base_url=json.loads(said)["url"], timeout=60) as client:
            text = client.get("/metrics").text
            [info] = [line for line in text.split("\n") if line.startswith("fitserve_model_info{")]
            assert re.fullmatch(r'[a-z_]+\{(?:[a-z0-9]+="(?:[^"\\\n]|\\["\\])*",?)+\} 1', info)
            assert steering(text) == set()
            assert client.get("/openapi.json").status_code == client.get("/models/evil").status_code == 200
            example = client.get("/models/evil").json()["example"]
            assert client.post("/predict", json=example).json()["warnings"] == []
        server.terminate()
        assert server.wait(60) == 0


def test_errors_spell_out_what_steers() -> None:
    assert str(DataError(f"no column {EVIL}; name another")) == (
        "no column \\x1b[2J\\x1b]0;owned\\x07\\x9b31m\\u202egnp\\u200b\\x00\\x7f "
        "- nothing is wrong \\U000e0041上海; name another"
    )
    for plain in ("a\tb", "\u3000全角", "1\u00a0234", "👩‍💻", "किताब", "می‌خواهم", "e\u0301", ""):
        assert printable(plain) == plain
    assert printable("\ud800\n") == "\\ud800\\n"


def members_of(manifest: dict[str, Any]) -> dict[str, Any]:
    return {f"x{EVIL}": manifest}


@pytest.mark.parametrize(
    "change",
    [
        members_of,
        lambda manifest: {**manifest, "steps": [{"step": EVIL}]},
        lambda manifest: {**manifest, "task": EVIL},
        lambda manifest: {**manifest, "members": {EVIL: {}}},
        lambda manifest: {**manifest, "learner": "x" * 1000},
        lambda manifest: {**manifest, "graphs": [{**manifest["graphs"][0], "engine": EVIL}]},
    ],
)
def test_a_refusal_is_one_line_whatever_it_quotes(
    trained: Path, archive: Path, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    with zipfile.ZipFile(archive) as bundle:
        members = {name: bundle.read(name) for name in bundle.namelist()}
    members["manifest.json"] = orjson.dumps(change(orjson.loads(members["manifest.json"])))
    with zipfile.ZipFile(archive, "w") as forged:
        for name, data in members.items():
            forged.writestr(name, data)
    shown = at_a_terminal(trained, "models", "import", archive)
    assert shown.startswith("fitserve: ")
    assert shown.count("\n") == 1
    assert steering(shown) == set()
