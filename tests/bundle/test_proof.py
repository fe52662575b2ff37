"""Whole forged bundles that would be a burden: tried out in a process with limits, and refused in one line."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import fitserve
from fitserve.bundle.archive import pack
from fitserve.bundle.bounds import check_bounds
from fitserve.bundle.operators import check_operators
from fitserve.bundle.proof import prove
from fitserve.errors import BundleError
from fitserve.store import Workspace

FITSERVE = str(Path(sys.executable).with_name("fitserve"))
Part = tuple[list[onnx.NodeProto], dict[str, Any]]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of two numbers and a text."""
    chance = np.random.default_rng(0)
    words = [" ".join(chance.choice(["late", "paid", "again", "never"], 3)) for _ in range(60)]
    table = pl.DataFrame({"a": chance.normal(size=60), "b": chance.normal(size=60), "said": words})
    table = table.with_columns(y=pl.col("a") + pl.col("said").str.contains("paid"))
    workspace = tmp_path_factory.mktemp("sound")
    return fitserve.train(table, "y", name="m", learners=["ridge"], workspace=workspace, budget=10.0).folder


@pytest.fixture
def burdened(sound: Path, tmp_path: Path) -> Callable[[Part], Path]:
    """A bundle whose graph answers as before, and does something more: ``burden``, times 0, is added."""

    def made(part: Part) -> Path:
        nodes, constants = part
        folder = Path(shutil.copytree(sound, tmp_path / "m"))
        model = onnx.load_from_string((folder / "model.onnx").read_bytes())
        graph = model.graph
        graph.node[-1].output[0] = "honest"
        graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items())
        kind = graph.output[0].type.tensor_type.elem_type
        graph.initializer.append(helper.make_tensor("nothing", kind, [1, 1], [0.0]))
        graph.node.extend([
            *nodes,
            helper.make_node("Cast", ["burden"], ["cast burden"], to=kind),
            helper.make_node("Mul", ["cast burden", "nothing"], ["no burden"]),
            helper.make_node("Add", ["honest", "no burden"], ["raw"]),
        ])  # fmt: skip
        (folder / "model.onnx").write_bytes(model.SerializeToString())
        manifest = orjson.loads((folder / "manifest.json").read_bytes())
        for name, entry in manifest["members"].items():
            data = (folder / name).read_bytes()
            entry |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        (folder / "manifest.json").write_bytes(orjson.dumps(manifest))
        return folder

    return made


def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


HEIGHT = node("Shape", "dense", "height", start=0, end=1)


def summed(name: str) -> list[onnx.NodeProto]:
    return [node("ReduceSum", f"{name} ones", "burden", keepdims=1)]


def four_gigabytes() -> Part:
    zero = helper.make_tensor("value", TensorProto.FLOAT, [1], [0.0])
    nodes = [node("ConstantOfShape", "size", "vast", value=zero), *summed("vast")]
    return nodes, {"size": np.array([1, 1 << 30]), "ones": np.array([1])}


def a_megabyte_for_each_row() -> Part:
    nodes = [HEIGHT, node("Concat", "height width", "size", axis=0), node("Expand", "zero size", "vast")]
    constants = {"width": np.array([1 << 18]), "zero": np.zeros((1, 1), np.float32), "ones": np.array([1])}
    return [*nodes, *summed("vast")], constants


def rows_by_rows() -> Part:
    nodes = [
        HEIGHT, node("Concat", "height height width", "size", axis=0), node("Expand", "zero size", "vast"),
        node("ReduceSum", "vast last", "flat", keepdims=0), *summed("flat"),
    ]  # fmt: skip
    constants = {"width": np.array([400]), "zero": np.zeros((1, 1, 1), np.float32)}
    return nodes, {**constants, "last": np.array([2]), "ones": np.array([1])}


def terms_by_terms() -> Part:
    nodes = [
        node("Unsqueeze", "weights one", "standing"), node("Unsqueeze", "weights zero", "lying"),
        node("Mul", "standing lying", "square"),
        node("ReduceSum", "square both", "burden", keepdims=1),
    ]  # fmt: skip
    return nodes, {"one": np.array([1]), "zero": np.array([0]), "both": np.array([0, 1])}


# Missing values reach the graph as NaN, and NaN times 0 is no 0.
FINITE = [node("IsNaN", "dense", "missing"), node("Where", "missing nought dense", "finite")]
NOUGHT = {"nought": np.zeros((1, 1), np.float32)}


def twenty_products() -> Part:
    size = 900  # the packed squares stay below the limit of memory
    nodes = [
        *FINITE, node("MatMul", "finite first", "flat"), node("Unsqueeze", "flat ones", "high"),
        node("Mul", "high sixteen", "product0"),
        *(node("MatMul", f"product{i} square", f"product{i + 1}") for i in range(20)),
        node("ReduceSum", "product20 twos", "by_row", keepdims=0), node("ReduceSum", "by_row ones", "burden", keepdims=1),
    ]  # fmt: skip
    constants = {
        "first": np.zeros((2, size), np.float32), "square": np.ones((size, size), np.float32),
        "sixteen": np.ones((1, 16, 1), np.float32), "twos": np.array([2]), "ones": np.array([1]),
    }  # fmt: skip
    return nodes, {**constants, **NOUGHT}


def much_that_stays() -> Part:
    zero = helper.make_tensor("value", TensorProto.FLOAT, [1], [0.0])
    nodes = [
        *FINITE,
        node("ConstantOfShape", "size", "table", value=zero),
        node("Gather", "finite place", "number", axis=1),
        node("Mul", "number nothing32", "still"), node("Cast", "still", "index", to=TensorProto.INT64),
        node("Gather", "table index", "burden", axis=0),
    ]  # fmt: skip
    constants = {"size": np.array([50_000_000]), "place": np.array([0]), "nothing32": np.zeros((1, 1), np.float32)}
    return nodes, {**constants, **NOUGHT}


def a_size_of_values() -> Part:
    nodes = [
        node("ReduceSum", "dense both", "sum", keepdims=0), node("Cast", "sum", "whole", to=TensorProto.INT64),
        node("Unsqueeze", "whole first", "size"), node("Expand", "zero size", "vast"),
        node("ReduceSum", "vast first", "burden", keepdims=1),
    ]  # fmt: skip
    return nodes, {"both": np.array([0, 1]), "first": np.array([0]), "zero": np.zeros(1, np.float32)}


def so_many_as_a_value_says() -> Part:
    nodes = [
        node("ReduceSum", "dense both", "sum", keepdims=0), node("Cast", "sum", "whole", to=TensorProto.INT64),
        node("Unsqueeze", "whole first", "k"), node("TopK", "dense k", "burden places", axis=1),
    ]  # fmt: skip
    return nodes, {"both": np.array([0, 1]), "first": np.array([0])}


def whole_numbers_divided() -> Part:
    nodes = [
        node("Cast", "dense", "whole", to=TensorProto.INT64), node("Div", "whole minus", "quotient"),
        node("Gather", "quotient place", "burden", axis=1),
    ]  # fmt: skip
    return nodes, {"minus": np.array([[-1]]), "place": np.array([0])}


def trees(left: list[int], right: list[int], leaves: int) -> Part:
    n = len(left)
    ensemble = helper.make_node(
        "TreeEnsembleRegressor", ["dense"], ["burden"], domain="ai.onnx.ml", n_targets=1, aggregate_function="SUM",
        nodes_treeids=[0] * n, nodes_nodeids=list(range(n)), nodes_featureids=[0] * n,
        nodes_modes=["BRANCH_LEQ"] * (n - leaves) + ["LEAF"] * leaves,
        nodes_values=[float(i) for i in range(n)], nodes_truenodeids=left, nodes_falsenodeids=right,
        nodes_missing_value_tracks_true=[0] * n, target_treeids=[0], target_nodeids=[n - 1], target_ids=[0],
        target_weights=[1.0],
    )  # fmt: skip
    return [ensemble], {}


def a_circle() -> Part:
    return trees([4, 5, 1, 0, 0, 0], [1, 2, 3, 0, 0, 0], 3)


def a_deep_tree() -> Part:
    n = 3_000
    inner = range(n)
    return trees(
        [*(n + i for i in inner), *[0] * (n + 1)], [*(i + 1 for i in range(n - 1)), 2 * n, *[0] * (n + 1)], n + 1
    )


BURDENS: list[tuple[Callable[[], Part], str]] = [
    (
        four_gigabytes,
        "takes more than 912 MB to load and to answer; do not use it, or raise FITSERVE_SERVABLE_MEMORY if",
    ),
    (a_megabyte_for_each_row, "takes more than 912 MB"),
    (rows_by_rows, "takes more than 912 MB"),
    (terms_by_terms, "takes more than 912 MB"),
    (
        much_that_stays,
        r"takes [12]\d\d MB, more than FITSERVE_SERVABLE_MEMORY allows \(104857600\); do not use it, or raise",
    ),
    (twenty_products, r"takes [\d.]+ ms for one row, more than FITSERVE_SERVABLE_ROW_SECONDS allows \(0.002\)"),
    (a_size_of_values, "model.onnx holds a Expand whose size depends on values; do not use it"),
    (so_many_as_a_value_says, "holds a TopK whose size depends on values"),
    (whole_numbers_divided, "divides whole numbers"),
    (a_circle, "holds trees deeper than 2,000 nodes"),
    (a_deep_tree, "holds trees deeper than 2,000 nodes"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("part", "words"), BURDENS, ids=[part.__name__ for part, _ in BURDENS])
def test_a_burden_is_refused(burdened: Callable[[Part], Path], part: Callable[[], Part], words: str) -> None:
    with pytest.raises(BundleError, match=words) as caught:
        prove(burdened(part()))
    assert "\n" not in str(caught.value)


def nothing_more() -> Part:
    return [helper.make_node("Identity", ["a constant"], ["burden"])], {"a constant": np.zeros((1, 1))}


def test_a_harmless_part_and_a_sound_bundle_pass(burdened: Callable[[Part], Path], sound: Path) -> None:
    prove(sound)
    prove(burdened(nothing_more()))


def test_neither_import_nor_server_takes_the_burden_itself(burdened: Callable[[Part], Path], tmp_path: Path) -> None:
    folder = burdened(four_gigabytes())
    pack(folder, tmp_path / "m.zip")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    environment = {**os.environ, "FITSERVE_WORKSPACE": str(tmp_path / "workspace")}
    for arguments in (["models", "import", "m.zip"], ["serve", "m.zip", "--port", "0"], ["serve", "m", "--port", "0"]):
        done = subprocess.run(
            [FITSERVE, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(
            "fitserve: the bundle takes more than 912 MB to load and to answer; do not use it"
        )
        assert done.stderr.count("\n") == 1
    assert Workspace.open(tmp_path / "workspace").models() == []
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss <= max(before, 1 << 20)  # in KB


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "value"), [("MEMORY", "1000"), ("LOAD_SECONDS", "0.0000001"), ("ROW_SECONDS", "0.0000001")]
)
def test_limits_are_settings(sound: Path, tmp_path: Path, setting: str, value: str) -> None:
    variable = f"FITSERVE_SERVABLE_{setting}"
    environment = {**os.environ, "FITSERVE_WORKSPACE": str(tmp_path / "workspace"), variable: value}
    pack(sound, tmp_path / "m.zip")
    command = [FITSERVE, "models", "import", str(tmp_path / "m.zip"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 2
    assert f"more than {variable} allows" in done.stderr
    assert f"or raise {variable} if you trust whoever made it" in done.stderr
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**environment, variable: ""})
    assert json.loads(done.stdout)["version"] == 1


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_trees_that_end_pass_and_others_do_not(data: st.DataObject) -> None:
    """Children may stand anywhere; what counts is whether every way comes to an end."""
    inner = data.draw(st.integers(1, 12))
    n = inner + data.draw(st.integers(1, 4))
    children = [[data.draw(st.integers(0, n - 1)) for _ in range(2)] for _ in range(inner)]
    left, right = ([each[side] for each in children] + [0] * (n - inner) for side in (0, 1))

    def ends(place: int, above: frozenset[int]) -> bool:
        return place >= inner or (place not in above and all(ends(child, above | {place}) for child in children[place]))

    [ensemble], _ = trees(left, right, n - inner)
    raw = helper.make_tensor_value_info("burden", TensorProto.FLOAT, None)
    dense = helper.make_tensor_value_info("dense", TensorProto.FLOAT, None)
    model = helper.make_model(helper.make_graph([ensemble], "g", [dense], [raw])).SerializeToString()
    check_operators("m", model)
    if all(ends(place, frozenset()) for place in range(inner)):
        check_bounds("m", model, ["dense"])
    else:
        with pytest.raises(BundleError, match="deeper"):
            check_bounds("m", model, ["dense"])


def test_bytes_that_are_no_graph_are_refused(sound: Path) -> None:
    model = (sound / "model.onnx").read_bytes()
    check_bounds("m", model, ["dense"])
    for cut in range(1, 400, 7):
        for data in (model[:-cut], model[cut:], b"\xff" * cut, bytes(cut), model + model[:cut], model + model):
            with suppress(BundleError):
                check_bounds("m", data, ["dense"])
    for nothing in (b"", bytes(9), b"\xff" * 9, model + model):
        with pytest.raises(BundleError, match="no graph of fitserve"):
            check_bounds("m", nothing, ["dense"])
