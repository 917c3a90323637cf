"""How a statement that went into the ledger is shown, and where its receipt goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance import files
from provenance_cli.render import json_text, note, out, path_text, record_json

if TYPE_CHECKING:
    from provenance.statement import Stated

form_option = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
receipt_option = click.option(
    "--receipt",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the statement's own receipt to this file.",
)
yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


def asset_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the argument that names a registered asset."""
    return click.argument("asset", metavar="ASSET")(function)


def show(stated: Stated, sentence: str, form: str, receipt: Path | None) -> None:
    """Print what was stated, and write its receipt where one was asked for.

    Args:
        stated: The statement.
        sentence: What it means, in one line.
        form: ``text`` or ``json``.
        receipt: Where the receipt goes; None for nowhere.
    """
    if form == "json":
        shown = {
            "schema": "provenance-statement/1",
            "type": stated.kind.value,
            "entry": stated.receipt.index,
            "entry_id": stated.receipt.asset_id,
            "record": None if stated.record is None else record_json(stated.record),
            "receipt": stated.receipt.format(),
        }
        out(json_text([shown], form))
    else:
        out(f"✓ {sentence}")
        out(f"  entry {stated.receipt.index} of the ledger says so, {stated.receipt.asset_id}")
    if receipt is not None:
        files.write_whole(receipt, stated.receipt.format().encode(), replace=False)
        note(f"wrote {path_text(receipt)}")
