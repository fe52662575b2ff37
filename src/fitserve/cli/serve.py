"""``fitserve serve``."""

from __future__ import annotations

import logging
import shlex
import tempfile
from pathlib import Path
from urllib.parse import quote

import click

from fitserve import settings
from fitserve.bundle.archive import model_name, unpack
from fitserve.bundle.proof import prove
from fitserve.cli.output import json_option, json_text, print_json, say, workspace_option
from fitserve.errors import NotFoundError
from fitserve.serving.messages import Load
from fitserve.serving.supervisor import ServiceSpec, Supervisor
from fitserve.store import Snapshot, published


@click.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address; beyond loopback a key is needed.")
@click.option("--port", default=8000, show_default=True, help="0 takes any free port.")
@click.option("--workers", default=1, show_default=True, help="Processes that answer.")
@click.option("--require-key", is_flag=True, help="Ask for a key on loopback, too.")
@workspace_option
@json_option
def serve(
    models: tuple[str, ...],
    host: str,
    port: int,
    workers: int,
    require_key: bool,
    workspace: str | None,
    as_json: bool,
) -> None:
    """Serve MODELS over HTTP: NAME (its champion), NAME:VERSION, NAME:ALIAS, or a bundle folder or zip.

    The first one also answers at /predict.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    with tempfile.TemporaryDirectory() as unpacked:
        state = _state(models, workspace)
        served = [_served(model, state, Path(unpacked)) for model in models]
        keys = sorted(state.keys) if state else []
        spec = ServiceSpec(served, host, port, workers, keys, require_key, bool(settings.get("manager")))

        def ready(url: str) -> None:
            _tell(url, served, as_json)

        Supervisor(spec, ready).run()


def _state(models: tuple[str, ...], workspace: str | None) -> Snapshot | None:
    """The workspace as the last command left it; None if there is none and only files are served."""
    try:
        return published(workspace)
    except NotFoundError:
        if all(_bundle_file(model) for model in models):
            return None
        raise


def _bundle_file(model: str) -> Path | None:
    path = Path(model)
    try:
        given = (path.suffix == ".zip" and path.is_file()) or (path / "manifest.json").is_file()
    except OSError:  # a name that is too long for a file
        return None
    return path.resolve() if given else None


def _served(model: str, state: Snapshot | None, unpacked: Path) -> Load:
    path = _bundle_file(model)
    if path is None:
        assert state is not None
        name, _, version = model.partition(":")
        number, folder = state.bundle(name, version or None)
        return Load(name, number, str(folder))
    name = model_name(path)
    if path.is_file():
        folder = Path(tempfile.mkdtemp(dir=unpacked))
        unpack(path, folder)
        path = folder
    prove(path)  # a file may be a stranger's; what lies in the workspace was proven when it came there
    return Load(name, 1, str(path))


def _tell(url: str, served: list[Load], as_json: bool) -> None:
    if as_json:
        models = [{"model": each.model, "version": each.version} for each in served]
        print_json({"url": url, "models": models})
        return
    for each in served:
        say(f"Serving {each.model} version {each.version} at {url}/models/{quote(each.model)}/predict")
    say(f"API page: {url}/docs")
    body = shlex.quote(_example(Path(served[0].folder)))
    say("Try it:", f"curl -H 'content-type: application/json' -d {body} {url}/predict")


def _example(folder: Path) -> str:
    """The bundle's typical row as JSON."""
    import json

    rows = json.loads((folder / "examples.json").read_text(encoding="utf-8"))["rows"]
    return json_text(rows[0] if rows else {})
