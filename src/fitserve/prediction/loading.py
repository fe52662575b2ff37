"""Opening a bundle for prediction."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fitserve.blocks import Codes, Dense
from fitserve.bundle.folder import open_bundle
from fitserve.bundle.manifest import Graph
from fitserve.errors import BundleError
from fitserve.features.encoder import Encoder
from fitserve.prediction.predictor import Predictor
from fitserve.prediction.replay import read_examples, replay_examples
from fitserve.prediction.session import Session
from fitserve.tasks import get_task


def load(folder: str | Path, *, replay: bool = True) -> Predictor:
    """The predictor of a bundle folder, after replaying its examples.

    Raises BundleError if the bundle is damaged or does not give the answers recorded at export.
    """
    bundle = open_bundle(Path(folder))
    manifest = bundle.manifest
    try:
        arrays = {name: bundle.array(name) for name in _array_names(manifest.members)}
        ignored = [field.name for field in manifest.schema() if not field.used]
        encoder = Encoder.from_json(
            manifest.steps, arrays, [*ignored, *([manifest.target] if manifest.target is not None else [])]
        )
        answerer = get_task(manifest.task).load(manifest.answer)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"manifest.json: a fitted state is malformed ({error}); export the model again") from None
    graphs = manifest.model_graphs()
    for each in graphs:
        _check_fit(encoder, each, {field.name for field in manifest.schema()})
    *before, graph = graphs
    if manifest.metric not in answerer.metrics or graph.outputs != answerer.n_outputs:
        raise BundleError("manifest.json: metric, labels and graph do not belong together; export the model again")
    session = Session(graph, bundle.read(graph.member), [(each, bundle.read(each.member)) for each in before])
    _try_out(session, encoder, graph)
    rows, answers = read_examples(bundle)
    predictor = Predictor(manifest, bundle.sha256, encoder, session, answerer, rows[0] if rows else {})
    if replay:
        replay_examples(predictor, rows, answers)
    return predictor


def _check_fit(encoder: Encoder, graph: Graph, fields: set[str]) -> None:
    """Raise BundleError unless steps, fields and graph belong together."""
    widths = dict(encoder.widths)
    if graph.merged:
        widths |= {Dense.name: widths[Dense.name] + widths[Codes.name], Codes.name: 0}
    # A graph may do without a block; what it takes, it takes as a whole.
    fits = all(widths.get(name) == width for name, width in graph.inputs.items())
    if not fits or not set(encoder.fields) <= fields:
        raise BundleError("manifest.json: steps, fields and graph do not belong together; export the model again")


def _try_out(session: Session, encoder: Encoder, graph: Graph) -> None:
    """Raise BundleError unless the graph answers rows without any value, as many numbers to each as promised."""
    try:
        for n in (0, 1, 3):
            raw = session.run(encoder.columns({}, n))
            if raw.shape != (n, graph.outputs) or raw.dtype.kind != "f":
                raise ValueError(f"{n} rows give {raw.dtype} of shape {raw.shape}")  # noqa: TRY301
    except Exception as error:  # noqa: BLE001 - a forged graph may fail in any way
        reason = " ".join(str(error).split())[:200]
        raise BundleError(f"{graph.member} does not work ({reason}); export the model again") from None


def _array_names(members: Mapping[str, Any]) -> list[str]:
    return [name.removesuffix(".npy") for name in members if name.endswith(".npy")]
