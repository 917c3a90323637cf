"""``provenance lookup``: ask a service elsewhere by hashes, and check here what it proves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance_cli.exits import ExitCode
from provenance_cli.logkeys import log_key_option, log_keys, read_text
from provenance_cli.render import clean, json_text, note, out, table
from provenance_cli.session import Session

if TYPE_CHECKING:
    from provenance.client import Found

#: What of an address may be the name of a folder.
_UNNAMED = re.compile(r"[^A-Za-z0-9.-]+")


@click.command("lookup")
@click.argument("hashes", nargs=-1, required=True, metavar="HASH...")
@click.option("--service", required=True, metavar="URL", help="Address of the service.")
@click.option("--radius", type=click.IntRange(min=0), help="Bits that may differ.")
@log_key_option
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that remembers the service's log; default: one for each service in the user's folder.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with an API key of the service.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.pass_obj
def command(
    session: Session,
    *,
    hashes: tuple[str, ...],
    service: str,
    radius: int | None,
    log_key: str | None,
    state: Path | None,
    token_file: Path | None,
    form: str,
) -> ExitCode:
    """Ask the service at URL for assets near HASH (as `provenance hash` prints them); the media stays here.

    Every receipt is checked here, and the service's log must continue what was seen of it before. Its key is
    the one given; else the one it named at the first use. A hit says that hashes are near, no more.
    """
    from provenance.client import Client  # noqa: PLC0415 - loads the ledger
    from provenance.web import Web  # noqa: PLC0415 - loads httpx

    keys = None if log_key is None else log_keys(session, log_key)
    token = None if token_file is None else read_text(token_file).strip()
    folder = state if state is not None else _state_of(service)
    with Web() as web:
        client = Client(web, service, folder, keys=keys, token=token)
        first = client.seen() is None
        found = client.lookup(hashes, radius)
        if first and keys is None:
            note(f"trusting the log key that the service named: {client.keys().keys[0].label}")
    if form == "json":
        out(json_text([{"schema": "provenance-lookup/1", "hits": [_json(one) for one in found]}], form))
    elif found:
        out(table([("entry", "title", "publisher", "status", "found by", "differs"), *map(_row, found)]))
        out("✓ every receipt holds, in the one history of this log that was seen here")
    else:
        note("nothing registered is near")
    return ExitCode.DONE


def _state_of(service: str) -> Path:
    name = _UNNAMED.sub("_", service.partition("://")[2]).strip("_.")
    return Path(click.get_app_dir("provenance")) / "services" / (name or "unnamed")


def _row(found: Found) -> Sequence[str]:
    return (
        str(found.proof.index),
        clean(found.title),
        clean(found.publisher),
        clean(found.status),
        clean(found.algorithm),
        f"{found.distance} of {found.bits} bits",
    )


def _json(found: Found) -> dict[str, Any]:
    return {
        "hash": found.hash,
        "algorithm": found.algorithm,
        "distance": found.distance,
        "bits": found.bits,
        "asset_id": found.proof.asset_id,
        "index": found.proof.index,
        "file": str(found.proof.entry.asset),
        "publisher_key": str(found.proof.publisher),
        "claimed": {"title": found.title, "publisher": found.publisher, "status": found.status},
    }
