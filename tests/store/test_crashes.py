"""Processes that meet, and processes that die."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from fitserve.store import Workspace, published

START = """
import hashlib, json, os, pathlib, random, select, signal, sys
from fitserve.store import VersionDetails, Workspace, folder as files, published

path = pathlib.Path(sys.argv[1])
DETAILS = VersionDetails(task="t", target="y", learner="l", metric="m", score=0.5, baseline=None, rows=1)

def add(workspace):
    with workspace.staging() as folder:
        graph = os.urandom(20_000)
        (folder / "model.onnx").write_bytes(graph)
        digests = {"model.onnx": hashlib.sha256(graph).hexdigest()}
        (folder / "manifest.json").write_text(json.dumps(digests))
        return workspace.register("credit", folder, DETAILS, promote=True)

def meet():
    print("ready", flush=True)
    sys.stdin.readline()
"""

REGISTER = START + "workspace = Workspace.open(path)\nmeet()\nprint(add(workspace).version)"

CREATE = START + "meet()\nprint(add(Workspace.open(path)).version)"

STRIKE = """
def check():
    workspace = Workspace.open(path)
    state = published(path)
    for model in workspace.models():
        versions = workspace.versions(model.name)
        assert {v.version: v.sha256 for v in versions} == state.models[model.name].versions
        assert state.bundle(model.name)[0] == model.champion == max(v.version for v in versions)
        for version in versions:
            folder = workspace.fetch(version)
            manifest = (folder / "manifest.json").read_bytes()
            assert hashlib.sha256(manifest).hexdigest() == version.sha256
            for name, digest in json.loads(manifest).items():
                assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert list((path / "staging").iterdir()) == []
    add(workspace)
    workspace.delete("credit", workspace.version("credit").version - 1)

chance = random.Random(0)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
add(Workspace.open(path))
for _ in range(20):
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        workspace = Workspace.open(path)
        os.write(theirs, b"x")
        while True:
            version = add(workspace).version
            workspace.delete("credit", version - 1) if version % 3 == 0 else None
    os.read(ours, 1)
    assert signal.sigtimedwait({signal.SIGCHLD}, chance.uniform(0, 0.06)) is None, "the child ended by itself"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    signal.sigtimedwait({signal.SIGCHLD}, 0)
    os.close(ours), os.close(theirs)
    check()
print(max(v.version for v in Workspace.open(path).versions("credit")))
"""


def together(code: str, path: Path, count: int) -> list[int]:
    """Numbers that ``count`` processes print after they were let go at once."""
    command = [sys.executable, "-W", "error", "-c", code, str(path)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)
    ]
    for process in processes:
        assert pipe(process.stdout).readline() == "ready\n"
    for process in processes:
        pipe(process.stdin).write("go\n")
        pipe(process.stdin).flush()
    answers = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * count
    return sorted(map(int, answers))


def pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def test_two_processes_that_register_at_once_get_two_numbers(tmp_path: Path) -> None:
    Workspace.open(tmp_path)
    assert together(REGISTER, tmp_path, 2) == [1, 2]
    assert [record.version for record in Workspace.open(tmp_path).versions("credit")] == [1, 2]
    assert published(tmp_path).revision == 2


def test_processes_may_create_one_workspace_at_once(tmp_path: Path) -> None:
    assert together(CREATE, tmp_path / "new" / "w", 4) == [1, 2, 3, 4]
    assert published(tmp_path / "new" / "w").revision == 4


def test_killed_at_any_moment_it_opens_and_every_version_is_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", START + STRIKE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20


@pytest.mark.parametrize("kill_after", ["place", "write_durably", "publish"])
def test_killed_at_the_worst_moments(tmp_path: Path, kill_after: str) -> None:
    """The windows of a few microseconds that chance hardly hits."""
    add_then_die = f"""
add(Workspace.open(path))
workspace, real = Workspace.open(path), files.{kill_after}
def deadly(*given):
    real(*given)
    os.kill(os.getpid(), signal.SIGKILL)
files.{kill_after} = deadly
add(workspace)
"""
    done = subprocess.run([sys.executable, "-c", START + add_then_die, str(tmp_path)], check=False, timeout=60)
    assert done.returncode == -9
    numbers = [1, 2] if kill_after == "publish" else [1]
    assert [record.version for record in Workspace.open(tmp_path).versions("credit")] == numbers
    assert sorted(published(tmp_path).models["credit"].versions) == numbers
    command = [sys.executable, "-c", START + "print(add(Workspace.open(path)).version)", str(tmp_path)]
    assert json.loads(subprocess.check_output(command, timeout=60)) == numbers[-1] + 1


def test_killed_between_the_commit_and_the_snapshot(tmp_path: Path) -> None:
    before = """
add(Workspace.open(path))
workspace = Workspace.open(path)
files.publish = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
add(workspace)
"""
    done = subprocess.run([sys.executable, "-c", START + before, str(tmp_path)], check=False, timeout=60)
    assert done.returncode == -9
    assert published(tmp_path).revision == 1
    assert len(Workspace.open(tmp_path).versions("credit")) == 2
    assert published(tmp_path).revision == 2
