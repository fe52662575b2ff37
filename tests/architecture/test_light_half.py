"""The light half stays light: what it imports, and that it serves where nothing else is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = [
    "polars",
    "pandas",
    "pyarrow",
    "sklearn",
    "scipy",
    "lightgbm",
    "xgboost",
    "catboost",
    "onnx",
    "joblib",
    "torch",
]
SERVER = [*HEAVY, "sqlalchemy", "alembic"]


def imported(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after running some code."""
    script = f"{code}\nimport sys, json\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import fitserve", [*SERVER, "numpy", "onnxruntime", "click"]),
        ("import fitserve.serving.worker", SERVER),
        ("import fitserve.serving.supervisor", [*SERVER, "numpy", "onnxruntime", "uvicorn", "orjson"]),
        ("import fitserve.management.manager", [*SERVER, "onnxruntime"]),
        ("import fitserve.cli.serve", [*SERVER, "numpy", "onnxruntime", "uvicorn"]),
        ("import fitserve.prediction", SERVER),
        ("import fitserve.store", [*SERVER, "numpy"]),
        ("import fitserve.cli", [*SERVER, "numpy", "onnxruntime", "uvicorn", "orjson"]),
        ("from fitserve.tasks import get_task; get_task('classification'); get_task('regression')", SERVER),
    ],
)
def test_a_fresh_interpreter_has_not_imported(code: str, absent: list[str]) -> None:
    assert imported(code).isdisjoint(absent)


def test_public_names_exist_and_are_listed_once() -> None:
    import fitserve

    for name in fitserve.__all__:
        assert getattr(fitserve, name) is not None
    assert sorted(set(fitserve.__all__)) == sorted(fitserve.__all__)
    with pytest.raises(AttributeError):
        _ = fitserve.nothing


@pytest.fixture(scope="module")
def light_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment with the light install only."""
    project = Path(__file__).parents[2]
    folder = tmp_path_factory.mktemp("light")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", str(project / "constraints.txt"), str(project)], check=True)
    return folder


@pytest.mark.slow
@pytest.mark.xdist_group("light")
def test_a_light_install_serves_a_bundle(light_environment: Path, tmp_path: Path) -> None:
    import fitserve

    source = tmp_path / "line.csv"
    source.write_text("x,y\n1,2\n2,4\n3,6\n4,8\n5,10\n", encoding="utf-8")
    trained = tmp_path / "trained"
    run = fitserve.train(source, "y", name="line", learners=["linear"], workspace=trained)
    fitserve_here = [sys.executable, "-m", "fitserve", "--workspace", str(trained)]
    archive = tmp_path / "line.zip"
    subprocess.run([*fitserve_here, "models", "export", "line", "-o", str(archive)], check=True, capture_output=True)
    light = [str(light_environment / "bin" / "fitserve"), "--workspace", str(tmp_path / "light")]
    importing = [*light, "models", "import", str(archive), "--sha256", run.record.sha256, "--json"]
    imported_json = subprocess.run(importing, check=True, capture_output=True, text=True).stdout
    assert json.loads(imported_json)["version"] == 1
    script = "import fitserve; print(fitserve.load('line').predict({'x': 6})['prediction'])"
    python = [str(light_environment / "bin" / "python"), "-c", script]
    env = {"FITSERVE_WORKSPACE": str(tmp_path / "light")}
    predicted = subprocess.run(python, check=True, capture_output=True, text=True, env=env).stdout
    assert float(predicted) == pytest.approx(12.0, abs=1e-6)
    _serve_and_ask([*light, "serve", "line", "--port", "0", "--json"])
    _serve_and_ask([*light, "serve", str(archive), "--port", "0", "--json"])
    refused = subprocess.run(
        [*light, "train", str(source), "--target", "y"], check=False, capture_output=True, text=True
    )
    assert refused.returncode == 2
    assert "pip install 'fitserve[train]'" in refused.stderr
    assert refused.stderr.count("\n") == 1


def _serve_and_ask(command: list[str]) -> None:
    import httpx

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        said = ""
        while not said.rstrip().endswith("}") or said.count("{") != said.count("}"):
            said += server.stdout.readline()
        answer = httpx.post(json.loads(said)["url"] + "/predict", json={"x": 6}).json()
        assert answer["prediction"] == pytest.approx(12.0, abs=1e-6)
        server.terminate()
        assert server.wait(20) == 0


def test_no_pickle_anywhere() -> None:
    sources = Path(__file__).parents[2].joinpath("src").rglob("*.py")
    for path in sources:
        text = path.read_text(encoding="utf-8")
        for word in ("import pickle", "import dill", "cloudpickle", "joblib.dump", "allow_pickle=True"):
            assert word not in text, path
