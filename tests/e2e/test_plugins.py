"""Two packages outside this one add a task each: trained, reported, served, evaluated, predicted in bulk, replayed."""

from __future__ import annotations

import csv
import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

PLUGINS = Path(__file__).parents[2] / "examples" / "plugins"
FITSERVE = [sys.executable, "-m", "fitserve"]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("plugins")]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which both packages are installed beside fitserve."""
    folder = tmp_path_factory.mktemp("plugins")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run(
        [*pip, "--target", str(folder), *sorted(str(each.parent) for each in PLUGINS.glob("*/pyproject.toml"))],
        check=True,
    )
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


def run(environment: dict[str, str], home: Path, *arguments: object) -> Any:
    command = [*FITSERVE, "--workspace", str(home / "w"), *map(str, arguments), "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=home)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refusal(environment: dict[str, str], home: Path, *arguments: object) -> str:
    command = [*FITSERVE, "--workspace", str(home / "w"), *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=home)
    assert done.returncode == 2
    return done.stderr


@contextmanager
def served(environment: dict[str, str], home: Path, name: str) -> Iterator[httpx.Client]:
    command = [*FITSERVE, "--workspace", str(home / "w"), "serve", name, "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        said = ""
        while not said.rstrip().endswith("}") or said.count("{") != said.count("}"):
            line = server.stdout.readline()
            assert line, "the server has ended"
            said += line
        with httpx.Client(base_url=json.loads(said)["url"], timeout=30) as client:
            yield client
        server.terminate()
        assert server.wait(30) == 0


def calls(path: Path, n: int = 300, seed: int = 1) -> Path:
    """Counts that grow with a size, and are twice as high in one of two towns."""
    rng = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["size", "town", "calls"])
        for _ in range(n):
            size, town = rng.uniform(0, 3), rng.choice(["Ulm", "Bonn"])
            rate = math.exp(0.3 + 0.6 * size) * (2 if town == "Bonn" else 1)
            writer.writerow([round(size, 3), town, sum(rng.random() < rate / 200 for _ in range(200))])
    return path


def sales(path: Path, n: int = 240, seed: int = 2) -> Path:
    """A series with a season of twelve."""
    rng = random.Random(seed)
    values = [100 + 30 * math.sin(2 * math.pi * i / 12) + rng.gauss(0, 3) for i in range(n)]
    path.write_text("sales\n" + "\n".join(f"{value:.3f}" for value in values) + "\n", encoding="utf-8")
    return path


def test_a_near_task_counts(installed: dict[str, str], tmp_path: Path) -> None:
    source = calls(tmp_path / "calls.csv")
    trained = run(installed, tmp_path, "train", source, "--target", "calls", "--task", "counts", "--budget", "60")
    assert (trained["task"], trained["learner"], trained["highest"] > 3) == ("counts", "poisson", True)
    assert trained["scores"]["poisson_deviance"] < trained["baseline"]["poisson_deviance"]
    page = tmp_path / "report.html"
    run(installed, tmp_path, "models", "show", "calls", "1", "--html", page)
    text = page.read_text(encoding="utf-8")
    assert "Errors by count" in text
    assert "expected calls" in text
    with served(installed, tmp_path, "calls") as client:
        one = client.post("/predict", json={"size": 2.0, "town": "Bonn"}).json()
        many = client.post("/predict", json={"instances": [{"size": 2.0, "town": "Bonn"}] * 2}).json()
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert one["low"] < one["prediction"] < one["high"]
    assert many["predictions"] == [one["prediction"]] * 2
    assert many["intervals"] == [[one["low"], one["high"]]] * 2
    assert {"prediction", "low", "high"} <= schemas["calls.1.answer"]["properties"].keys()
    new = calls(tmp_path / "new.csv", seed=3)
    found = run(installed, tmp_path, "evaluate", "calls", new)
    assert found["scores"]["mae"] < found["baseline"]["mae"]
    out = tmp_path / "out.csv"
    run(installed, tmp_path, "predict", "calls", new, "-o", out)
    assert {"prediction", "low", "high"} <= set(out.read_text(encoding="utf-8").splitlines()[0].split(","))
    again = run(installed, tmp_path, "train", "--replay", trained["run"])
    assert again["sha256"] == trained["sha256"]
    assert run(installed, tmp_path, "compare", "calls:1", "calls:2", new)["verdict"].startswith("calls:1 and calls:2")


def test_a_far_task_has_no_target_and_answers_with_lists(installed: dict[str, str], tmp_path: Path) -> None:
    source = sales(tmp_path / "sales.csv")
    arguments = ("train", source, "--task", "forecast", "--role", "series=sales", "--budget", "60")
    trained = run(installed, tmp_path, *arguments)
    assert (trained["task"], trained["target"], trained["learner"]) == ("forecast", None, "seasonal_naive")
    assert trained["scores"]["mae"] < trained["baseline"]["mae"] / 3
    page = tmp_path / "report.html"
    run(installed, tmp_path, "models", "show", "sales", "1", "--html", page)
    assert "Errors by step" in page.read_text(encoding="utf-8")
    past = [100 + 30 * math.sin(2 * math.pi * i / 12) for i in range(36)]
    with served(installed, tmp_path, "sales") as client:
        one = client.post("/predict", json={"series": past}).json()
        short = client.post("/predict", json={"series": past[:5]}).json()
        wrong = client.post("/predict", json={"series": "up"})
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert one["prediction"] == pytest.approx(past[:6], abs=0.01)
    assert all(low < value < high for low, value, high in zip(one["low"], one["prediction"], one["high"], strict=True))
    assert len(short["prediction"]) == 6
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (422, "not_a_series")
    assert schemas["sales.1.row"]["required"] == ["series"]
    found = run(installed, tmp_path, "evaluate", "sales", sales(tmp_path / "new.csv", seed=5))
    assert found["rows"] == 240 - 29
    assert found["scores"]["mae"] < found["baseline"]["mae"] / 3
    asked = tmp_path / "asked.jsonl"
    asked.write_text("".join(json.dumps({"series": past[i : i + 24]}) + "\n" for i in range(12)), encoding="utf-8")
    out = tmp_path / "out.csv"
    run(installed, tmp_path, "predict", "sales", asked, "-o", out, "--predictions-only")
    lines = out.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 13
    assert lines[0].split(",")[:2] == ["prediction_1", "prediction_2"]
    again = run(installed, tmp_path, "train", "--replay", trained["run"])
    assert again["sha256"] == trained["sha256"]


def test_what_a_task_needs_is_asked_for(installed: dict[str, str], tmp_path: Path) -> None:
    source = sales(tmp_path / "sales.csv")
    assert "needs a column for its series; name it: --role series=COLUMN" in refusal(
        installed, tmp_path, "train", source, "--task", "forecast"
    )
    assert "has no target; it needs series" in refusal(
        installed, tmp_path, "train", source, "--task", "forecast", "--role", "series=sales", "--target", "sales"
    )
    assert "too short" in refusal(
        installed, tmp_path, "train", sales(tmp_path / "s.csv", 20), "--task", "forecast", "--role", "series=sales"
    )
