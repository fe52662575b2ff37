"""Every mistake of a user: exit code 2, one line that says what to do, and nothing left behind."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import polars as pl
import pytest

from fitserve.store import Workspace


class Done(Protocol):
    code: int
    out: str
    err: str

    @property
    def message(self) -> str: ...


Command = Callable[..., Done]

FILES = {
    "empty.csv": b"",
    "blank.csv": b" \n\n",
    "header.csv": b"size,town,paid\n",
    "one-class.csv": b"a,y\n" + b"".join(b"%d,x\n" % i for i in range(40)),
    "one-number.csv": b"a,y\n" + b"".join(b"%d,7\n" % i for i in range(40)),
    "no-target.csv": b"a,y\n" + b"1,NA\n2,?\n3,\n" * 10,
    "one-row.csv": b"a,y\n1,x\n",
    "one-target.csv": b"a,y\n1,x\n" + b"2,\n" * 30,
    "one-column.csv": b"y\n" + b"x\nz\n" * 20,
    "forty-classes.csv": b"a,y\n" + b"".join(b"%d,L%d\n" % (i * i, i) for i in range(40)),
    "texts.csv": b"a,y\n" + b"".join(b"%d,a long text about number %d\n" % (i * i, i) for i in range(40)),
    "dates.csv": b"a,y\n" + b"".join(b"%d,2026-01-%02d\n" % (i * i, i % 28 + 1) for i in range(40)),
    "quotes.csv": b'a,b,y\n1,2,x\n3,"4,z\n5,6,x\n',
    "quoted.csv": b'size,town\n50,Ulm\n60,"Bonn\n70,Ulm\n',
    "swallowed.csv": b'a,b,y\n1,2,x\n3,"4,z\n5,6"7,x\n',
    "ragged.csv": b"a,b,y\n1,2,x\n3,4,5,z\n",
    "latin.csv": "a,y\n1,x\n2,café\n".encode("latin-1"),
    "excel.csv": b"PK\x03\x04rest",
}  # fmt: skip


@pytest.fixture
def files(home: Path) -> Path:
    for name, content in FILES.items():
        (home / name).write_bytes(content)
    (home / "folder").mkdir()
    pl.DataFrame({"a": [[[1]], [[2]]] * 20, "y": ["x", "z"] * 20}).write_parquet(home / "lists.parquet")
    return home


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["loan.csv", "--target", "paid"], "there is no file loan.csv; did you mean loans.csv?"),
        (["nowhere/x.csv", "--target", "paid"], "there is no file nowhere/x.csv; check the path"),
        (["folder", "--target", "y"], "folder is a folder; give its files, such as 'folder/*.csv'"),
        (["empty.csv", "--target", "y"], "empty.csv is empty; give a table with a header and rows"),
        (["blank.csv", "--target", "y"], "blank.csv is empty; give a table with a header and rows"),
        (["header.csv", "--target", "paid"], "header.csv has a header but no rows; give a table with data"),
        (["excel.csv", "--target", "y"], "excel.csv cannot be read: it is damaged, cut off or of a kind that"),
        (["loans.csv", "--target", "pay"], "there is no column 'pay'; did you mean 'paid'?"),
        (["loans.csv", "--target", "zzz"], "there is no column 'zzz'; there are 'size', 'town', 'paid'"),
        (["loans.csv"], "name the column to predict: fitserve train loans.csv --target COLUMN"),
        ([], "name the file to train on: fitserve train houses.csv --target price"),
        (["one-class.csv", "--target", "y"], "column 'y': the target has one value only ('x')"),
        (["one-number.csv", "--target", "y"], "column 'y': the target has one value only"),
        (["no-target.csv", "--target", "y"], "all values of the target 'y' are missing; choose another column"),
        (["one-row.csv", "--target", "y"], "'y'"),
        (["one-target.csv", "--target", "y"], "'y'"),
        (["one-column.csv", "--target", "y"], "no column is left to predict from"),
        (["forty-classes.csv", "--target", "y"], "column 'y': the target has 40 labels and each occurs once"),
        (["texts.csv", "--target", "y"], "'y'"),
        (["dates.csv", "--target", "y"], "the target 'y' holds dates, which cannot be predicted"),
        (["quotes.csv", "--target", "y"], "quotes.csv: the quoting that starts on line 3 is broken"),
        (["swallowed.csv", "--target", "y"], "swallowed.csv: the quoting that starts on line 3 is broken"),
        (["ragged.csv", "--target", "y"], "ragged.csv: line 3 has 4 fields, the header 3; check quotes and delimiters"),
        (["latin.csv", "--target", "y", "--encoding", "utf-8"], "latin.csv is not UTF-8 (line 3); leave --encoding out"),
        (["latin.csv", "loans.csv", "--target", "y"], "loans.csv lacks the column 'a', compared with latin.csv"),
        (["latin.csv", "loans.csv", "--target", "y", "--sql", "select 1"], "--sql needs one source, the URL of the data"),
        (["loans.csv", "--target", "y", "--sql", "select 1"], "--sql needs the URL of a database as the source"),
        (["*.xyz", "--target", "y"], "no file matches *.xyz; check the pattern"),
        (["http://127.0.0.1:9/x.csv", "--target", "y"], "is an address in a network; add --fetch to have it read"),
        (["latin.csv", "--target", "y", "--encoding", "gb18030"], "latin.csv is not gb18030 (line 3); try another"),
        (["lists.parquet", "--target", "y"], "column 'a' holds List(List(Int64)) values; turn them into"),
        (["lists.parquet", "--target", "y", "--exclude", "a"], "no column is left to predict from"),
        (["loans.csv", "--target", "paid", "--learner", "forst"], "there is no learner 'forst'; choose from baseline"),
        (["loans.csv", "--target", "paid", "--metric", "auc"], "there is no metric 'auc'; choose from roc_auc"),
        (["loans.csv", "--target", "paid", "--metric", "rmse"], "rmse does not score a classification"),
        (["loans.csv", "--target", "paid", "--task", "cluster"], "there is no task 'cluster'; choose one of"),
        (["loans.csv", "--target", "paid", "--task", "regression"], "the target holds no numbers; for labels"),
        (["loans.csv", "--target", "paid", "--kind", "size"], "--kind takes COLUMN=KIND, such as zip=category"),
        (["loans.csv", "--target", "paid", "--kind", "size=nummer"], "there is no kind 'nummer'; choose from number"),
        (["loans.csv", "--target", "paid", "--kind", "siz=number"], "there is no column 'siz'; did you mean 'size'?"),
        (["loans.csv", "--target", "paid", "--kind", "town=number"], "no value of column 'town' can be read as"),
        (["loans.csv", "--target", "paid", "--exclude", "siz"], "there is no column 'siz'; did you mean 'size'?"),
        (["loans.csv", "--target", "paid", "--exclude", "size", "--exclude", "town"], "no column is left"),
        (["loans.csv", "--target", "paid", "--budget", "0"], "'0' leaves no time; write 90, 60s, 5m or 1h"),
        (["loans.csv", "--target", "paid", "--budget", "soon"], "'soon' is not a duration; write 90, 60s, 5m or 1h"),
        (["loans.csv", "--target", "paid", "--budget", "nan"], "leaves no time"),
        (["loans.csv", "--target", "paid", "--budget", "inf"], "leaves no time"),
        (["loans.csv", "--target", "paid", "--seed", "-1"], "a seed is a whole number from 0"),
        (["loans.csv", "--target", "paid", "--name", "My Loans"], "must be 1 to 63 of a-z, 0-9, '-' and '_'"),
        (["loans.csv", "--target", "paid", "--delimiter", "::"], "a delimiter is one ASCII character"),
        (["loans.csv", "--target", "paid", "--encoding", "utf-9"], "there is no encoding 'utf-9'; common ones: utf-8"),
        (["loans.csv", "--target", "paid", "--promote", "--promote-if-better"], "exclude each other; give one"),
        (["--replay", "20260101-000000-abcdef"], "there is no run '20260101-000000-abcdef': list the runs"),
        (["--replay", "x", "--name", "y", "--target", "y"], "--replay takes --target from the run; leave --target out"),
        (["loans.csv", "--target", "paid", "--workspace", "loans.csv"], "is a file, or lies below one: name a folder"),
        (["loans.csv", "--target", "paid", "--workspace", "s3://bucket/x"], "at s3:// is not supported"),
    ],
)  # fmt: skip
def test_a_training_is_refused(files: Path, command: Command, arguments: list[str], words: str) -> None:
    message = command("train", *arguments).message
    assert words in message
    workspace = Workspace.open(files / "workspace")
    assert workspace.models() == []
    # A wrong command is no run; a table that cannot be used is a failed one.
    assert [(run.status, run.plan["reason"]) for run in workspace.runs()] in ([], [("failed", message)])
    assert list((files / "workspace" / "staging").iterdir()) == []


def test_a_training_beyond_the_memory_is_refused(
    files: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITSERVE_MEMORY_LIMIT", "1000")
    words = "of memory and may take 0.001 MB; use a part of its rows, or raise FITSERVE_MEMORY_LIMIT"
    assert words in command("train", "loans.csv", "--target", "paid").message
    monkeypatch.setenv("FITSERVE_MEMORY_LIMIT", "lots")
    assert "FITSERVE_MEMORY_LIMIT='lots' is not int" in command("train", "loans.csv", "--target", "paid").message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["predict", "loan", "loans.csv", "-o", "out.csv"], "there is no model 'loan': did you mean 'loans'"),
        (["predict", "loans:7", "loans.csv", "-o", "out.csv"], "model 'loans' has no version '7': it has"),
        (["predict", "loans", "loan.csv", "-o", "out.csv"], "there is no file loan.csv; did you mean loans.csv?"),
        (["predict", "loans", "loans.csv", "-o", "out.txt"], "out.txt must end in .csv or .parquet"),
        (["predict", "loans", "loans.csv", "-o", "no/out.csv"], "there is no folder no; make it or choose"),
        (["predict", "loans", "empty.csv", "-o", "out.csv"], "empty.csv is empty; give a table with a header and rows"),
        (["predict", "loans", "header.csv", "-o", "out.csv"], "header.csv has a header but no rows"),
        (["predict", "loans", "ragged.csv", "-o", "out.csv"], "ragged.csv: line 3 has 4 fields, the header 3"),
        (["predict", "loans", "quoted.csv", "-o", "out.csv"], "starts on line 3 is broken"),
        (["predict", "loans", "latin.csv", "-o", "out.csv", "--encoding", "utf-8"], "is not UTF-8 (line 3); leave --enc"),
        (["predict", "loans", "one-class.csv", "-o", "out.csv"], "none of the model's columns (size, town)"),
        (["predict", "loans", "loans.csv", "-o", "out.csv", "--encoding", "x"], "there is no encoding 'x'"),
        (["predict", "loans", "loans.csv", "-o", "out.csv", "--workspace", "none"], "there is no workspace at"),
        (["evaluate", "loans", "houses.csv"], "lacks the target: there is no column 'paid'"),
        (["evaluate", "loans", "no.csv"], "there is no file no.csv"),
        (["evaluate", "lones", "loans.csv"], "there is no model 'lones': did you mean 'loans'"),
        (["models", "show", "loan"], "there is no model 'loan': did you mean 'loans'"),
        (["models", "show", "loans", "9"], "model 'loans' has no version '9': it has the versions 1"),
        (["models", "promote", "loans", "9"], "has no version '9'"),
        (["models", "promote", "loans", "1", "--alias", "2"], "alias '2' must be 1 to 32 of a-z"),
        (["models", "delete", "loans", "9", "--yes"], "has no version '9'"),
        (["models", "export", "loans", "-o", "no/loans.zip"], "there is no folder no; make it or choose another"),
        (["models", "export", "loans", "-o", "folder"], "folder is a folder; name a zip in it with --output"),
        (["models", "import", "no.zip"], "there is no file no.zip; give a zip that 'fitserve models export' wrote"),
        (["models", "import", "loans.csv"], "loans.csv is damaged or no zip archive"),
        (["models", "import", "loans.csv", "--name", "My Loans"], "must be 1 to 63 of a-z"),
        (["runs", "x"], "there is no run 'x': list the runs to see their ids"),
        (["keys", "revoke", "x"], "there is no key 'x'"),
        (["serve", "loan"], "there is no model 'loan': did you mean 'loans'"),
        (["serve", "loans", "--port", "70000"], "70000 is no port; give 0 (any free one) to 65535"),
        (["mdels"], "No such command 'mdels'"),
        (["zzzz"], "No such command 'zzzz'; see fitserve --help"),
        (["models", "shwo"], "fitserve models --help"),
        (["train", "loans.csv", "--targt", "paid"], "No such option '--targt'"),
        (["train", "loans.csv", "--target"], "Option '--target' requires an argument"),
        (["train", "loans.csv", "--target", "paid", "--seed", "x"], "'x' is not a valid integer; see fitserve train"),
        (["predict", "loans", "loans.csv"], "Missing option '-o' / '--output'; see fitserve predict --help"),
        (["models", "show"], "Missing argument 'NAME'; see fitserve models show --help"),
        (["evaluate", "loans", "loans.csv", "extra"], "there is no file extra; check the path"),
    ],
)  # fmt: skip
def test_a_command_is_refused(trained: Path, files: Path, command: Command, arguments: list[str], words: str) -> None:
    before = state(trained)
    assert words in command(*arguments).message
    assert state(trained) == before


def state(home: Path) -> dict[str, bytes]:
    """Every file but the database, whose reading may touch it."""
    files = (
        path for path in home.rglob("*") if path.is_file() and not path.name.startswith(("workspace.sqlite", ".lock"))
    )
    return {str(path): path.read_bytes() for path in files}


def test_a_mistake_in_a_real_process(trained: Path, process: Command) -> None:
    assert "there is no column 'pay'; did you mean 'paid'?" in process("train", "loans.csv", "--target", "pay").message
    assert "did you mean 'loans'" in process("predict", "loan", "loans.csv", "-o", "out.csv").message
    assert "No such command 'mdels'" in process("mdels").message


def test_without_a_command_there_is_help(process: Command) -> None:
    done = process()
    assert done.code == 2
    assert "Usage: fitserve" in done.err
    for name in ("train", "models", "evaluate", "predict", "serve", "runs", "keys"):
        assert f"  {name} " in done.err
        notes = process(name, "--help") if name in {"train", "serve"} else None
        assert notes is None or (notes.code, notes.err) == (0, "")


def test_a_reader_that_leaves_early_is_no_error(trained: Path) -> None:
    fitserve = str(Path(sys.executable).with_name("fitserve"))
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        command = [fitserve, "models", "--json"]
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (1, "")


def test_no_answer_deletes_nothing(trained: Path, process: Command) -> None:
    done = process("models", "delete", "loans", given="")
    assert done.code == 2
    assert done.err == "fitserve: nothing was deleted, for nobody said yes; add --yes to delete without a question\n"
    refused = process("models", "delete", "loans", given="n\n")
    assert refused.code != 0
    assert "nothing was" in refused.err
    assert [model.name for model in Workspace.open(trained / "workspace").models()] == ["houses", "loans"]
    assert process("models", "delete", "loans", given="y\n").code == 0
    assert [model.name for model in Workspace.open(trained / "workspace").models()] == ["houses"]


def test_a_program_deletes_nothing_without_saying_yes(trained: Path, process: Command) -> None:
    for given in ("", "y\n", "n\n"):
        message = process("models", "delete", "loans", "--json", given=given).message
        assert message == "nothing was deleted, for nobody said yes; add --yes to delete without a question"
    assert [model.name for model in Workspace.open(trained / "workspace").models()] == ["houses", "loans"]
    done = process("models", "delete", "loans", "--json", "--yes")
    assert json.loads(done.out)["deleted"] == [{"model": "loans", "version": 1}]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_at_a_terminal_deleting_is_asked_for(trained: Path, options: list[str]) -> None:
    fitserve = str(Path(sys.executable).with_name("fitserve"))

    def deleted(answer: bytes) -> subprocess.CompletedProcess[str]:
        ours, theirs = os.openpty()
        with os.fdopen(ours, "wb", buffering=0) as terminal, os.fdopen(theirs, "rb") as stdin:
            terminal.write(answer)
            command = [fitserve, "models", "delete", "loans", *options]
            return subprocess.run(command, stdin=stdin, capture_output=True, text=True, check=False, timeout=60)

    refused = deleted(b"n\n")
    assert refused.returncode == 130
    assert [model.name for model in Workspace.open(trained / "workspace").models()] == ["houses", "loans"]
    done = deleted(b"y\n")
    assert done.returncode == 0
    asked = "Delete loans with all its versions? [y/N]: "
    assert asked in (done.stderr if options else done.stdout)
    if options:
        assert json.loads(done.stdout)["deleted"] == [{"model": "loans", "version": 1}]
    assert [model.name for model in Workspace.open(trained / "workspace").models()] == ["houses"]


def test_a_table_of_quotes_is_refused_by_its_line_wherever_it_is(home: Path, command: Command) -> None:
    with (home / "long.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["a", "y"])
        writer.writerows([[f"text, with\n{i}", i % 2] for i in range(1000)])
        stream.write('"open,1\n')
    assert "the quoting that starts on line 2002 is broken" in command("train", "long.csv", "--target", "y").message
