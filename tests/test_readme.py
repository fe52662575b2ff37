"""The documentation is true: its commands run, its links lead somewhere, its lists are complete."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fitserve

PROJECT = Path(__file__).parents[1]
SOURCE = PROJECT / "src" / "fitserve"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^```.*?^```$|`[^`]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
ROOT_PAGES = ["README.md", "README.zh-CN.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"]
EXECUTED_PAGES = ["README.md", "docs/tutorial/first-model.md"]


def pages() -> list[str]:
    docs = (path for path in (PROJECT / "docs").rglob("*.md") if not {"_build", "generated"} & set(path.parts))
    examples = (PROJECT / "examples").rglob("*.md")
    return [*ROOT_PAGES, *sorted(str(path.relative_to(PROJECT)) for path in (*docs, *examples))]


def text_of(page: str) -> str:
    return (PROJECT / page).read_text(encoding="utf-8")


def blocks(page: str, *languages: str) -> list[str]:
    return [code for language, code in BLOCK.findall(text_of(page)) if language in languages]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def run(command: list[str], folder: Path, said: Path) -> str:
    """What a command prints, run where a newcomer would run it; fails if the command does."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"PATH": path, "FITSERVE_WORKSPACE": str(folder.parent / "workspace"), "PORT": str(free_port())}
    with (
        said.open("w", encoding="utf-8") as output,
        subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **own},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            code = process.wait(300)
        finally:
            leave_nothing_running(process)
    printed = said.read_text(encoding="utf-8")
    assert code == 0, printed
    return printed


def leave_nothing_running(process: subprocess.Popen[bytes]) -> None:
    """A page that stopped half-way may have a server in the background."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        return


@pytest.mark.parametrize("page", EXECUTED_PAGES)
def test_the_commands_of_a_page_run(page: str, tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    folder.mkdir()
    shutil.copytree(PROJECT / "examples", folder / "examples")
    script = tmp_path / "page.sh"
    script.write_text("\n".join(["set -euo pipefail", *blocks(page, "bash")]), encoding="utf-8")
    printed = run(["bash", str(script)], folder, tmp_path / "shell.txt")
    assert '"warnings":[]' in printed
    program = tmp_path / "page.py"
    program.write_text("\n".join(blocks(page, "python")), encoding="utf-8")
    run([sys.executable, str(program)], folder, tmp_path / "python.txt")


def test_both_readmes_have_the_same_code() -> None:
    english, chinese = (BLOCK.findall(text_of(page)) for page in ("README.md", "README.zh-CN.md"))
    assert len(blocks("README.md", "bash")) >= 5
    assert len(blocks("README.md", "python")) >= 1
    assert english == chinese


@pytest.mark.parametrize("page", pages())
def test_links_lead_to_files(page: str) -> None:
    folder = (PROJECT / page).parent
    targets = [target.split("#")[0] for target in LINK.findall(CODE.sub("", text_of(page))) if "://" not in target]
    assert [target for target in targets if target and not (folder / target).exists()] == []


@pytest.mark.parametrize("page", pages())
def test_links_have_words(page: str) -> None:
    assert "[](" not in text_of(page)


def test_the_generated_reference_is_that_of_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("generate_reference", PROJECT / "docs" / "generate_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "GENERATED", tmp_path)
    module.main()
    kept = PROJECT / "docs" / "reference" / "generated"
    for page in tmp_path.iterdir():
        assert (kept / page.name).read_text(encoding="utf-8") == page.read_text(encoding="utf-8"), "run: make docs"


def test_the_article_is_answered_rightly(tmp_path: Path) -> None:
    folder = tmp_path / "article"
    shutil.copytree(PROJECT / "examples" / "article", folder)
    printed = run(["bash", "run.sh"], folder, tmp_path / "said.txt")
    answers = [json.loads(line) for line in printed.splitlines() if line.startswith('{"id"')]
    assert [answer["prediction"] for answer in answers] == [pytest.approx(12.0, abs=1e-6)]
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "data.csv", "run.sh"]


def codes_of_values() -> Iterator[tuple[str, bool]]:
    """Every code that the source gives to a value, and whether it is fatal."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Problem" and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant):
                    yield str(code.value), any(keyword.arg == "fatal" for keyword in node.keywords)
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "code" and isinstance(value, ast.Constant):
                        yield str(value.value), True


def test_the_reference_lists_every_code_of_a_value() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (yes|no) \|", text_of("docs/reference/errors.md"), re.MULTILINE)
    assert {(code, fatal == "yes") for code, fatal in rows} == set(codes_of_values())


def test_the_reference_has_a_heading_for_every_public_name() -> None:
    headings = re.findall(r"^## fitserve\.(\w+)$", text_of("docs/reference/python.md"), re.MULTILINE)
    assert sorted(headings) == sorted(fitserve.__all__)


def test_the_index_names_every_page() -> None:
    named = set(re.findall(r"^([\w-]+/[\w-]+)$", text_of("docs/index.md"), re.MULTILINE))
    found = {page.removeprefix("docs/").removesuffix(".md") for page in pages() if page.startswith("docs/")}
    assert named == found - {"index"}


def test_the_page_on_looking_at_a_table_lists_every_finding() -> None:
    listed = dict(re.findall(r"^\| `(\w+)` \| (stop|warn|note) \|", text_of("docs/how-to/data.md"), re.MULTILINE))
    made = re.compile(r"(?<=[\s(])(stop|warn|note)\)?\(\s*\"(\w+)\"")
    sources = [*(SOURCE / "data" / "checks").glob("*.py"), SOURCE / "data" / "views" / "table_view.py"]
    found = {code: severity for path in sources for severity, code in made.findall(path.read_text(encoding="utf-8"))}
    assert listed == {**found, "drift": "warn"}
