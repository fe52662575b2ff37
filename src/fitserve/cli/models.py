"""``fitserve models``."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import click

from fitserve.cli.output import json_option, print_json, print_table, say, workspace_option, write_whole
from fitserve.errors import BundleError, DataError, SpecError
from fitserve.store import VersionRecord, Workspace

_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError)


def _open(workspace: str | None) -> Workspace:
    from fitserve.store.workspace import Workspace as Opened

    return Opened.open(workspace)


def version_json(record: VersionRecord) -> dict[str, Any]:
    """A version as a JSON object."""
    return {
        name: getattr(record, name)
        for name in (
            "model",
            "version",
            "sha256",
            "task",
            "target",
            "learner",
            "metric",
            "score",
            "baseline",
            "rows",
            "created",
            "run",
            "source",
        )
    }


@click.group(invoke_without_command=True)
@workspace_option
@json_option
@click.pass_context
def models(ctx: click.Context, workspace: str | None, as_json: bool) -> None:
    """List, show, promote, delete, export and import models. Alone, it lists."""
    if ctx.invoked_subcommand is None:
        _list(workspace, as_json)
    elif workspace:
        ctx.find_root().obj = workspace


@models.command("list")
@workspace_option
@json_option
def list_models(workspace: str | None, as_json: bool) -> None:
    """List the models."""
    _list(workspace, as_json)


def _list(workspace: str | None, as_json: bool) -> None:
    opened = _open(workspace)
    found = opened.models()
    if as_json:
        print_json(
            {
                "models": [
                    {
                        "name": m.name,
                        "versions": m.versions,
                        "champion": m.champion,
                        "aliases": dict(m.aliases),
                        "created": m.created,
                    }
                    for m in found
                ]
            }
        )
    elif not found:
        say(f"No models in {opened.path} yet. Train one: fitserve train houses.csv --target price")
    else:
        rows = []
        for model in found:
            record = opened.version(model.name) if model.champion else None
            of_it = (record.task, record.target, record.learner, record.metric, record.score) if record else ("",) * 5
            rows.append((model.name, model.versions, model.champion, *of_it))
        print_table(("model", "versions", "champion", "task", "target", "learner", "metric", "score"), rows)


@models.command()
@click.argument("name")
@click.argument("version", required=False)
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Of the card.")
@click.option("--html", "page", type=click.Path(path_type=Path), help="Write the report of the training as a page.")
@workspace_option
@json_option
def show(
    name: str, version: str | None, language: str, page: Path | None, workspace: str | None, as_json: bool
) -> None:
    """Show the versions of a model, or the card of one VERSION (a number or an alias)."""
    opened = _open(workspace)
    if version is None and (page is not None or language != "en"):
        raise SpecError(f"name the version, too: fitserve models show {name} champion")
    if version is not None:
        record = opened.version(name, version)
        folder = opened.fetch(record)
        if page is not None:
            write_whole(page, _report_page(folder, f"{name} version {record.version}"))
        if as_json:
            print_json({**version_json(record), "folder": str(folder)})
        elif page is None:
            say(*(_card(folder) if language == "en" else _card_in(folder, language)).split("\n"))
        return
    champion = opened.version(name).version
    versions = opened.versions(name)
    if as_json:
        print_json({"model": name, "champion": champion, "versions": [version_json(record) for record in versions]})
        return
    rows = [
        (
            f"{r.version}{' *' if r.version == champion else ''}",
            r.learner,
            r.metric,
            r.score,
            r.baseline,
            r.rows,
            r.created,
        )
        for r in versions
    ]
    print_table(("version", "learner", "metric", "score", "without learning", "rows", "created"), rows)
    say("(* the champion: it answers)")


def _card(folder: Path) -> str:
    """The card of a bundle."""
    try:
        return (folder / "card.md").read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise BundleError(f"{folder / 'card.md'} cannot be read ({error.strerror}); import the bundle again") from None


def _card_in(folder: Path, language: str) -> str:
    """The card in another language than the bundle's own."""
    from fitserve.bundle.folder import open_bundle
    from fitserve.training.card import card

    bundle = open_bundle(folder)
    return card(bundle.manifest, _report(bundle), language)


def _report_page(folder: Path, title: str) -> str:
    """The report of a training as a page."""
    from fitserve.bundle.folder import open_bundle
    from fitserve.evaluation.page import report_page

    return report_page(_report(open_bundle(folder)), title)


def _report(bundle: Any) -> Any:
    """The report of a bundle, which may come from a stranger."""
    from fitserve.evaluation.page import check_report

    try:
        report = json.loads(bundle.read("report.json"))
        check_report(report)
    except _MALFORMED as error:
        raise BundleError(f"report.json is malformed ({error!r}); export the model again") from None
    return report


@models.command()
@click.argument("name")
@click.argument("version")
@click.option("--alias", default="champion", show_default=True, help="The alias to move.")
@workspace_option
@json_option
def promote(name: str, version: str, alias: str, workspace: str | None, as_json: bool) -> None:
    """Let an alias of NAME point to VERSION; the champion answers."""
    opened = _open(workspace)
    opened.set_alias(name, alias, version)
    record = opened.version(name, alias)
    if as_json:
        print_json({"model": name, "alias": alias, "version": record.version})
    else:
        say(f"{alias} of {name} is now version {record.version}")


@models.command()
@click.argument("name")
@click.argument("version", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@workspace_option
@json_option
def delete(name: str, version: str | None, yes: bool, workspace: str | None, as_json: bool) -> None:
    """Delete one VERSION, or the whole model."""
    opened = _open(workspace)
    opened.version(name, version) if version else opened.versions(name)
    what = f"version {version} of {name}" if version else f"{name} with all its versions"
    if not yes:
        _confirm(f"Delete {what}?", as_json)
    gone = opened.delete(name, version)
    if as_json:
        print_json({"deleted": [{"model": record.model, "version": record.version} for record in gone]})
    else:
        say(f"Deleted {what}")


def _confirm(question: str, as_json: bool) -> None:
    """Ask; a program, which reads one document on standard output and answers nothing, has to say --yes."""
    said_nothing = SpecError("nothing was deleted, for nobody said yes; add --yes to delete without a question")
    if as_json and not sys.stdin.isatty():
        raise said_nothing
    try:
        click.confirm(question, abort=True, err=as_json)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        say()
        raise said_nothing from None


@models.command()
@click.argument("name")
@click.argument("version", required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The zip; default NAME-VERSION.zip.")
@workspace_option
@json_option
def export(name: str, version: str | None, output: Path | None, workspace: str | None, as_json: bool) -> None:
    """Write a version (default: the champion) into one zip file."""
    from fitserve.bundle.archive import pack

    opened = _open(workspace)
    record = opened.version(name, version)
    path = output or Path(f"{name}-{record.version}.zip")
    if path.is_dir():
        raise SpecError(f"{path} is a folder; name a zip in it with --output")
    if not path.parent.is_dir():
        raise SpecError(f"there is no folder {path.parent}; make it or choose another --output")
    try:
        pack(opened.fetch(record), path)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror}); choose another --output") from None
    if as_json:
        print_json({"model": name, "version": record.version, "path": str(path), "sha256": record.sha256})
    else:
        say(f"Wrote {path}", f"sha256 of its manifest: {record.sha256}")


@models.command("import")
@click.argument("archive", type=click.Path(path_type=Path))
@click.option("--name", help="The model's name; default: the file's.")
@click.option("--sha256", help="The identity that export printed; the bundle is refused if it has another.")
@click.option("--promote", is_flag=True, help="Make it the champion.")
@workspace_option
@json_option
def import_model(
    archive: Path, name: str | None, sha256: str | None, promote: bool, workspace: str | None, as_json: bool
) -> None:
    """Add the bundle in ARCHIVE, a zip that export wrote, as a new version, after proving it."""
    from fitserve.bundle.archive import model_name, unpack
    from fitserve.bundle.folder import MANIFEST, open_bundle
    from fitserve.bundle.proof import prove
    from fitserve.store.records import check_model_name, details_of

    if not archive.is_file():
        raise SpecError(f"there is no file {archive}; give a zip that 'fitserve models export' wrote")
    chosen = name or model_name(archive)
    check_model_name(chosen)
    opened = _open(workspace)
    with opened.staging() as staged:
        folder = staged / "bundle"
        folder.mkdir()
        unpack(archive, folder)
        if sha256 is not None and (folder / MANIFEST).is_file():
            identity = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
            if sha256.lower() != identity:
                raise BundleError(f"{archive} has the identity {identity}, not {sha256}; get the file again")
        prove(folder)
        manifest = open_bundle(folder).manifest  # not before: what is read of it has been proven to be bearable
        details = details_of(manifest, source="import")
        record = opened.register(chosen, folder, details, promote=promote)
    if as_json:
        print_json(version_json(record))
    else:
        say(f"Imported {archive} as {record.model} version {record.version}")
        champion = opened.version(chosen).version
        if champion != record.version:
            say(f"THE CHAMPION HAS NOT MOVED: version {champion} still answers.", bold=True)


@models.command()
@click.argument("archive", type=click.Path(path_type=Path), required=False)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The zip to write; default: ARCHIVE-migrated.zip."
)
@workspace_option
@json_option
def migrate(archive: Path | None, output: Path | None, workspace: str | None, as_json: bool) -> None:
    """Convert bundles that an older fitserve made: all of the workspace, or the one in ARCHIVE, a zip.

    They answer as before. Each has a new identity, and keeps the old one.
    """
    from fitserve.store.bundle_migration import migrate_bundles

    if archive is not None:
        path = output or archive.with_name(f"{archive.stem}-migrated.zip")
        sha256 = _migrate_archive(archive, path, _open(workspace))
        if as_json:
            print_json({"path": str(path), "sha256": sha256})
        else:
            say(f"Wrote {path}", f"sha256 of its manifest: {sha256}")
        return
    if output is not None:
        raise SpecError("--output is for one ARCHIVE; a workspace is converted where it is")
    found = migrate_bundles(_open(workspace))
    if as_json:
        print_json({"migrated": [version_json(record) for record in found]})
    elif not found:
        say("Nothing to convert: all bundles are of today's format.")
    for record in () if as_json else found:
        say(f"Converted {record.model} version {record.version}: {record.sha256}")


def _migrate_archive(archive: Path, output: Path, opened: Any) -> str:
    """Write the bundle of an archive in today's format into another one; its new identity is returned."""
    from fitserve.bundle.archive import pack, unpack
    from fitserve.bundle.migrate import migrate_bundle

    if not archive.is_file():
        raise SpecError(f"there is no file {archive}; give a zip that 'fitserve models export' wrote")
    with opened.staging() as staged:
        before, folder = staged / "before", staged / "bundle"
        before.mkdir()
        folder.mkdir()
        unpack(archive, before)
        sha256 = migrate_bundle(before, folder)
        try:
            pack(folder, output)
        except OSError as error:
            raise DataError(f"{output} cannot be written ({error.strerror}); choose another --output") from None
    return sha256
