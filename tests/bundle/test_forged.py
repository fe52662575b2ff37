"""Whole forged bundles, every digest of which is right: refused in one line, or else they work."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import orjson
import polars as pl
import pytest
from onnx import TensorProto, helper

import fitserve
from fitserve.bundle.operators import OPERATORS, check_operators
from fitserve.errors import BundleError
from fitserve.models.base import get_learners
from fitserve.prediction import Predictor
from fitserve.serving.endpoint import Endpoint
from fitserve.serving.openapi import describe_model, openapi
from fitserve.serving.problems import HttpProblem

Path_ = tuple[str | int, ...]


@pytest.fixture(scope="module", params=["yes", "price"])
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with steps of every type; one with labels, one with a number."""
    n = 60
    table = pl.DataFrame({
        "said": [f"{'late payment' if i % 2 else 'paid in time'} again by number {i}" for i in range(n)],
        "n": [i % 7 for i in range(n)], "town": [["Ulm", "Bonn", None][i % 3] for i in range(n)],
        "garden": [i % 4 == 0 for i in range(n)], "price": [i % 7 * 100.0 + i for i in range(n)],
        "yes": [i % 2 for i in range(n)],
    }).with_columns(sold=pl.date(2026, 1, 1) + pl.duration(days=pl.int_range(n)))  # fmt: skip
    learner = "logistic" if request.param == "yes" else "ridge"
    workspace = tmp_path_factory.mktemp("sound")
    return fitserve.train(table, request.param, name="m", learners=[learner], workspace=workspace, budget=10.0).folder


@pytest.fixture
def bundle(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "bundle"))


def forge(bundle: Path, manifest: dict[str, Any], **members: bytes | None) -> None:
    """Write a manifest and members, given by their names with "_" for ".", and make every digest right."""
    for name, data in members.items():
        path = bundle / name.replace("_", ".")
        path.write_bytes(data) if data is not None else path.unlink()
    listed = {path.name: path.read_bytes() for path in bundle.iterdir() if path.name != "manifest.json"}
    manifest["members"] = {
        name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in listed.items()
    }
    (bundle / "manifest.json").write_bytes(orjson.dumps(manifest))


def manifest_of(bundle: Path) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((bundle / "manifest.json").read_bytes())
    return found


def refused_or_working(bundle: Path) -> bool:
    """Whether a bundle is refused, in one line; else it has to answer in every way."""
    try:
        predictor = fitserve.load_bundle(bundle)
    except BundleError as error:
        return is_one_line(error)
    work_all_through(predictor)
    return False


def is_one_line(error: Exception) -> bool:
    assert "\n" not in str(error)
    return True


def work_all_through(predictor: Predictor) -> None:
    endpoint = Endpoint("m", 1, predictor, 100)
    for row in (dict(predictor.example), {}, {"n": 10**30}, dict.fromkeys(predictor.example, "x")):
        predictor.answer(row)
    endpoint.predict_at_once(orjson.dumps({"instances": [dict(predictor.example), dict(predictor.example)]}))
    with pytest.raises(HttpProblem, match="none of the model's fields"):
        endpoint.predict_at_once(orjson.dumps({"instances": [dict(predictor.example), {}]}))
    orjson.dumps([openapi([endpoint], endpoint, needs_key=False), describe_model(endpoint)])


def leaves(node: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Every place of a document, down to the single values; of long lists and objects, the first of them."""
    if path:
        yield path
    if isinstance(node, dict):
        for key in list(node)[:12]:
            yield from leaves(node[key], (*path, key))
    elif isinstance(node, list):
        for i in range(min(len(node), 8)):
            yield from leaves(node[i], (*path, i))


@pytest.mark.slow
def test_any_value_of_the_manifest_may_be_anything(bundle: Path) -> None:
    manifest = manifest_of(bundle)
    places = [path for path in leaves(manifest) if path[0] not in ("members", "versions", "parameters")]
    places += [("steps", i, key) for i, step in enumerate(manifest["steps"]) for key in step]
    assert len(places) > 100
    wrong: list[Any] = [None, "x", -1, 1e308, [], {}, True, ["a", "a"]]
    refused = 0
    for i, path in enumerate(places):
        for value in (wrong[i % len(wrong)], wrong[(i + 5) % len(wrong)], wrong[(i + 3) % len(wrong)]):
            document = orjson.loads(orjson.dumps(manifest))
            place = document
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = value
            forge(bundle, document)
            refused += refused_or_working(bundle)
    assert refused > len(places)


@pytest.mark.parametrize("value", [None, "x", True, [1], {}])
def test_states_of_steps_are_of_their_types(bundle: Path, value: object) -> None:
    for i, step in enumerate(manifest_of(bundle)["steps"]):
        for key in step:
            manifest = manifest_of(bundle)
            if type(value) is type(step[key]):
                continue
            manifest["steps"][i][key] = value
            forge(bundle, manifest)
            assert refused_or_working(bundle), (step, key)


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "no examples": lambda _: {"examples_json": b'{"rows":[],"answers":[]}'},
    "no card": lambda _: {"card_md": None},
    "no report": lambda _: {"report_json": None},
    "rows of a text": lambda m: m["sections"]["data"].update(rows="x"),
    "rows beyond 64 bits": lambda m: m["sections"]["data"].update(rows=2**63),
    "a list for a score": lambda m: m["sections"]["evaluation"]["scores"].update({m["metric"]: [1]}),
    "an unknown metric": lambda m: m.update(metric="best"),
    "no place of evaluation": lambda m: m["sections"]["evaluation"].pop("on"),
    "intervals in a list": lambda m: m["sections"]["evaluation"].update(intervals=[1, 2]),
    "an interval of texts": lambda m: m["sections"]["evaluation"]["intervals"].update({m["metric"]: ["a", "b"]}),
    "an interval of three ends": lambda m: m["sections"]["evaluation"]["intervals"].update({m["metric"]: [1, 2, 3]}),
    "an interval upside down": lambda m: m["sections"]["evaluation"]["intervals"].update({m["metric"]: [2, 1]}),
    "a section without a version": lambda m: m["sections"]["data"].pop("version"),
    "a section from the future": lambda m: m["sections"]["data"].update(version=99),
    "no graph": lambda m: m.update(graphs=[]),
    "a graph twice": lambda m: m["graphs"].append(m["graphs"][0]),
    "a graph after itself": lambda m: m["graphs"][0].update(sources=["model.onnx"]),
    "a graph that is no member": lambda m: m["graphs"][0].update(member="other.onnx"),
    "a block twice": lambda m: m["graphs"][0]["inputs"].append(m["graphs"][0]["inputs"][0]),
    "a level beyond certainty": lambda m: m["sections"]["evaluation"].update(level=2.0),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_bundle_needs(bundle: Path, name: str) -> None:
    manifest = manifest_of(bundle)
    members = CHANGES[name](manifest)
    forge(bundle, manifest, **members if isinstance(members, dict) and "_" in next(iter(members)) else {})
    assert refused_or_working(bundle)


def test_a_card_may_hold_anything(bundle: Path) -> None:
    forge(bundle, manifest_of(bundle), card_md=b"# \xff\xfe\x1b[2J card\r\n\x07")
    assert not refused_or_working(bundle)


@pytest.mark.parametrize(
    "array",
    [np.zeros((3, 3), np.float32), np.zeros(3, np.float32), np.array([255, 254], np.uint8), np.zeros(0, np.int64)],
    ids=["two dimensions", "too few", "no UTF-8", "empty"],
)
@pytest.mark.parametrize("part", ["terms", "idf"])
def test_arrays_of_texts_have_to_fit(bundle: Path, array: Any, part: str) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array)
    (bundle / f"text0-{part}.npy").write_bytes(buffer.getvalue())
    forge(bundle, manifest_of(bundle))
    assert refused_or_working(bundle)


def graph_of(nodes: list[Any], inputs: list[Any], *more: Any, kind: int = TensorProto.FLOAT) -> onnx.ModelProto:
    raw = helper.make_tensor_value_info("raw", kind, [None, 1])
    graph = helper.make_graph(nodes, "g", inputs, [raw], list(more))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def inputs_of(bundle: Path) -> list[Any]:
    return list(onnx.load_from_string((bundle / "model.onnx").read_bytes()).graph.input)


def endless(inputs: list[Any]) -> onnx.ModelProto:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["goes"]), helper.make_node("Identity", ["v"], ["w"])],
        "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []),
         helper.make_tensor_value_info("go", TensorProto.BOOL, []),
         helper.make_tensor_value_info("v", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("goes", TensorProto.BOOL, []),
         helper.make_tensor_value_info("w", TensorProto.FLOAT, None)],
    )  # fmt: skip
    often = helper.make_tensor("often", TensorProto.INT64, [], [2**62])
    yes = helper.make_tensor("yes", TensorProto.BOOL, [], [True])
    return graph_of([helper.make_node("Loop", ["often", "yes", "dense"], ["raw"], body=body)], inputs, often, yes)


def vast(inputs: list[Any]) -> onnx.ModelProto:
    size = helper.make_tensor("size", TensorProto.INT64, [2], [1 << 20, 1 << 40])
    return graph_of([helper.make_node("ConstantOfShape", ["size"], ["raw"])], inputs, size)


def elsewhere(inputs: list[Any]) -> onnx.ModelProto:
    tensor = helper.make_tensor("secret", TensorProto.FLOAT, [1, 1], [0.0])
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "secret.bin"
    return graph_of([helper.make_node("Identity", ["secret"], ["raw"])], inputs, tensor)


def foreign(inputs: list[Any]) -> onnx.ModelProto:
    return graph_of([helper.make_node("Evil", ["dense"], ["raw"], domain="my.code")], inputs)


def function(inputs: list[Any]) -> onnx.ModelProto:
    model = graph_of([helper.make_node("Identity", ["dense"], ["raw"])], inputs)
    model.functions.append(
        helper.make_function("d", "F", ["x"], ["y"], [helper.make_node("Identity", ["x"], ["y"])], [])
    )
    return model


def wide(inputs: list[Any]) -> onnx.ModelProto:
    return graph_of([helper.make_node("Identity", ["dense"], ["raw"])], inputs)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (endless, "model.onnx holds the operator 'Loop', which no graph of fitserve has"),
        (foreign, "model.onnx holds the operator 'my.code.Evil'"),
        (elsewhere, "model.onnx refers to numbers outside itself"),
        (function, "model.onnx holds functions"),
        (vast, "model.onnx does not work"),
        (wide, "model.onnx does not work|cannot be loaded"),
    ],
)
def test_graphs_of_strangers(bundle: Path, make: Callable[[list[Any]], onnx.ModelProto], words: str) -> None:
    forge(bundle, manifest_of(bundle), model_onnx=make(inputs_of(bundle)).SerializeToString())
    with pytest.raises(BundleError, match=words) as caught:
        fitserve.load_bundle(bundle)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_graph_are_refused(sound: Path) -> None:
    model = (sound / "model.onnx").read_bytes()
    check_operators("model.onnx", model)
    for cut in range(1, 200, 7):
        for data in (model[:-cut], model[cut:], b"\xff" * cut, bytes(cut)):
            try:
                check_operators("m", data)
            except BundleError as error:
                is_one_line(error)


def test_the_operators_are_those_that_learners_use() -> None:
    source = "".join(path.read_text() for path in Path(fitserve.__file__).parent.joinpath("models").glob("*.py"))
    assert [operator for operator in OPERATORS if f'"{operator}"' not in source] == []
    assert get_learners()
