"""``provenance model-report``: what the registry knows of the generators its assets were made with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from provenance.errors import NotFoundError
from provenance_cli.exits import ExitCode
from provenance_cli.render import json_text, out, record_json, table, time_text
from provenance_cli.session import Session

if TYPE_CHECKING:
    from provenance.detect.origin import ModelAssets
    from provenance.record import Record
    from provenance.setup import Installation

_PAGE = 500


@click.command("model-report")
@click.argument("model", required=False)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.pass_obj
def command(session: Session, *, model: str | None, form: str) -> ExitCode:
    """List the generators of registered assets, or the assets of MODEL.

    Models are named by the publishers who registered the assets: declarations, not findings.
    """
    from provenance.detect.origin import by_model  # noqa: PLC0415 - `provenance --help` stays fast

    with session.installation() as installation:
        found = by_model(_records(installation))
    if model is not None:
        found = tuple(one for one in found if one.model.casefold() == model.casefold())
        if not found:
            raise NotFoundError(
                f"expected assets declared as made with {model!r}, found none",
                hint="`provenance model-report` lists the models",
            )
    if form == "json":
        out(json_text([_plain(one) for one in found], "jsonl") if found else "")
    else:
        out(_assets(found[0]) if model is not None else _overview(found))
    return ExitCode.DONE


def _records(installation: Installation) -> Iterator[Record]:
    after = -1
    while page := installation.store.records_after(after, _PAGE):
        yield from page
        after = page[-1].index


def _plain(one: ModelAssets) -> dict[str, object]:
    return {
        "model": one.model,
        "assets": [record_json(record) for record in one.records],
        "publishers": list(one.publishers),
    }


def _overview(found: tuple[ModelAssets, ...]) -> str:
    if not found:
        return "no registered asset is declared as generated"
    rows = [("model (as declared)", "assets", "publishers", "first", "last", "withdrawn or disputed")]
    for one in found:
        when = (time_text(one.first), time_text(one.last))
        rows.append((one.model, str(len(one.records)), ", ".join(one.publishers), *when, str(one.not_active)))
    return table(rows)


def _assets(one: ModelAssets) -> str:
    rows = [("entry", "title", "publisher", "registered", "status")]
    rows += [
        (str(r.index), r.title, r.publisher, time_text(r.registered_at), r.status.value) for r in one.records
    ]
    return f"{one.model} (as declared by the publishers)\n" + table(rows)
