"""``provenance search``: registered assets near a file or a hash."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.errors import ProvenanceError
from provenance_cli import exits
from provenance_cli.exits import ExitCode
from provenance_cli.render import (
    clean,
    complain,
    error_json,
    json_text,
    note,
    out,
    path_text,
    record_json,
    table,
    time_text,
)
from provenance_cli.session import Session

if TYPE_CHECKING:
    from provenance.search import Hit, Searcher

#: A hash names its algorithm; a file of that very name wins.
_HASH = re.compile(r"[a-z0-9][a-z0-9.-]*:\S+")


@click.command("search")
@click.argument("queries", nargs=-1, required=True, metavar="FILE_OR_HASH...")
@click.option("--radius", type=click.IntRange(min=0), help="Bits that may differ; only with hashes.")
@click.option("--format", "form", type=click.Choice(["text", "json", "jsonl"]), default="text")
@click.option(
    "--receipts",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the receipt of every hit to this folder.",
)
@click.pass_obj
def command(
    session: Session, *, queries: tuple[str, ...], radius: int | None, form: str, receipts: Path | None
) -> ExitCode:
    """Look up registered assets by FILE or HASH (as `provenance hash` prints them).

    A hit says that hashes are near, no more; `provenance verify` compares the content.
    """
    named = [query for query in queries if _is_file(query)]
    if radius is not None and named:
        raise click.UsageError(
            "expected hashes with --radius, found a file; take a hash of `provenance hash`"
        )
    codes: list[ExitCode] = []
    results: list[dict[str, Any]] = []
    hits: dict[str, Hit] = {}
    with session.installation() as installation:
        for query in queries:
            shown = path_text(Path(query)) if query in named else clean(query)
            try:
                found = _look_up(installation.searcher, query, radius)
            except ProvenanceError as error:
                complain(error.message, error.hint, shown)
                codes.append(exits.of_error(error))
                results.append({"query": shown, "error": error_json(error)})
                continue
            hits |= {hit.record.asset_id: hit for hit in found}
            results.append({"query": shown, "hits": [_hit_json(hit) for hit in found]})
            if form == "text":
                _show(shown, found)
    if form != "text":
        out(json_text(results, form))
    if receipts is not None:
        _write_receipts(list(hits.values()), receipts)
    return exits.worst(codes)


def _is_file(query: str) -> bool:
    if Path(query).is_file():
        return True
    if _HASH.fullmatch(query) is None:
        raise click.UsageError(f"{query} is neither a file nor a hash as `provenance hash` prints them")
    return False


def _look_up(searcher: Searcher, query: str, radius: int | None) -> list[Hit]:
    return searcher.by_file(Path(query)) if _is_file(query) else searcher.by_text(query, radius)


def _show(query: str, hits: Sequence[Hit]) -> None:
    if not hits:
        note(f"{query}: nothing registered is near")
        return
    out(query)
    head = ("entry", "title", "publisher", "registered", "status", "found by", "differs")
    out(table([head, *map(_row, hits)]))


def _row(hit: Hit) -> tuple[str, ...]:
    record = hit.record
    at = f" at {hit.time_s:.1f} s" if hit.time_s is not None else ""
    return (
        str(record.index),
        "(redacted)" if record.redacted else record.title,
        record.publisher,
        time_text(record.registered_at),
        record.status.value,
        hit.algorithm + at,
        f"{hit.distance} of {hit.bits} bits",
    )


def _hit_json(hit: Hit) -> dict[str, Any]:
    return {
        "record": record_json(hit.record),
        "algorithm": hit.algorithm,
        "distance": hit.distance,
        "bits": hit.bits,
        "time_s": hit.time_s,
        "receipt": hit.receipt,
    }


def _write_receipts(hits: Sequence[Hit], folder: Path) -> None:
    from provenance import files  # noqa: PLC0415 - only where something is written

    folder.mkdir(parents=True, exist_ok=True)
    for hit in hits:
        place = folder / f"entry-{hit.record.index}.tlog-proof"
        files.write_whole(place, hit.receipt.encode(), replace=False)
        note(f"wrote {path_text(place)}")
