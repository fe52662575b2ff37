"""``fitserve keys``."""

from __future__ import annotations

import click

from fitserve.cli.output import json_option, print_json, print_table, say, workspace_option
from fitserve.store import Workspace


def _open(workspace: str | None) -> Workspace:
    from fitserve.store.workspace import Workspace as Opened

    return Opened.open(workspace)


@click.group()
def keys() -> None:
    """Make, list and revoke API keys. A running server knows the keys of the moment it was started."""


@keys.command()
@click.argument("label")
@workspace_option
@json_option
def create(label: str, workspace: str | None, as_json: bool) -> None:
    """Make a key and show it, this once; only its hash is kept."""
    record, plain = _open(workspace).add_key(label)
    if as_json:
        print_json({"label": record.label, "prefix": record.prefix, "key": plain})
    else:
        say(plain, "Keep it: it cannot be shown again. Send it as 'Authorization: Bearer KEY'.")


@keys.command("list")
@workspace_option
@json_option
def list_keys(workspace: str | None, as_json: bool) -> None:
    """List labels and first characters."""
    found = _open(workspace).keys()
    if as_json:
        print_json({"keys": [{"label": k.label, "prefix": k.prefix, "created": k.created} for k in found]})
    elif not found:
        say("No keys yet. Make one: fitserve keys create LABEL")
    else:
        print_table(("label", "prefix", "created"), [(k.label, k.prefix, k.created) for k in found])


@keys.command()
@click.argument("key")
@workspace_option
@json_option
def revoke(key: str, workspace: str | None, as_json: bool) -> None:
    """Revoke the key with this label or these first characters."""
    record = _open(workspace).revoke_key(key)
    if as_json:
        print_json({"revoked": record.label})
    else:
        say(f"Revoked {record.label}; servers that run now must be started again to forget it")
