"""``provenance ledger``: look after this installation's log, and check logs that others run."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.errors import FormatError, NotFoundError
from provenance_cli.exits import ExitCode
from provenance_cli.ledger_follow import mirror_command, monitor_command
from provenance_cli.ledger_state import announce_command, redact_command, revoke_key_command
from provenance_cli.ledger_witness import witness_group
from provenance_cli.logkeys import log_key_option, log_keys
from provenance_cli.places import log_at
from provenance_cli.render import clean, json_text, out, path_text, say, table, time_text
from provenance_cli.session import Session

if TYPE_CHECKING:
    from provenance.ledger.store import Store
    from provenance.ledger.verified import VerifiedTiles
    from provenance.settings import Settings

#: Entries read at a time by the export.
_STEP = 1_000

form_option = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")


@click.group("ledger")
def command() -> None:
    """Look after the log: its state, full check, proofs, copies; watch logs that others run."""


command.add_command(mirror_command)
command.add_command(monitor_command)
command.add_command(witness_group)
command.add_command(redact_command)
command.add_command(revoke_key_command)
command.add_command(announce_command)


@contextmanager
def _opened(session: Session) -> Iterator[tuple[Settings, Store]]:
    """Give settings and database without keys and workers: what can be read needs neither."""
    from provenance.ledger.store import Store  # noqa: PLC0415 - loads the database

    settings = session.settings()
    store = Store.open(settings.database)
    try:
        yield settings, store
    finally:
        store.close()


@command.command("status", short_help="show size, root, signatures and high-water mark")
@form_option
@click.pass_obj
def status_command(session: Session, *, form: str) -> ExitCode:
    """Show size, root, signatures and high-water mark of this installation's log."""
    from provenance.ledger.checkpoint import open_signed  # noqa: PLC0415 - loads the ledger
    from provenance.ledger.cosign import check_cosigned  # noqa: PLC0415 - loads the ledger
    from provenance.ledger.highwater import HighWater  # noqa: PLC0415 - loads the ledger
    from provenance.setup import HIGH_WATER_NAME  # noqa: PLC0415 - loads codecs

    keys = log_keys(session, None)
    with _opened(session) as (settings, store):
        head, counts = store.head(), store.counts()
        signers = open_signed(head.note, keys)[1] if head.size else ()
        mark = HighWater(settings.root / HIGH_WATER_NAME, keys).read()
        cosigned = check_cosigned(store, keys)
    shown: dict[str, Any] = {
        "schema": "provenance-ledger-status/1",
        "origin": settings.origin,
        "size": head.size,
        "root": head.root.hex(),
        "last_append": time_text(head.at) if head.size else None,
        "signed_by": [key.label for key in signers],
        "cosigned": cosigned,
        "high_water": None if mark is None else mark.size,
        "assets": counts.assets,
        "publisher_keys": counts.publishers,
    }
    if form == "json":
        out(json_text([shown], form))
    else:
        rows = [(name.replace("_", " "), _words(value)) for name, value in shown.items() if name != "schema"]
        out(table(rows))
    return ExitCode.DONE


def _words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nobody"
    return "none" if value is None else str(value)


@command.command("fsck", short_help="check all of the stored log and name what is wrong")
@click.option(
    "--tree", "tree_only", is_flag=True, help="Leaf hashes, tiles and signed roots only: much faster."
)
@log_key_option
@form_option
@click.pass_obj
def fsck_command(session: Session, *, tree_only: bool, log_key: str | None, form: str) -> ExitCode:
    """Check all of the stored log: every leaf, signature, tile, checkpoint and registry row is recomputed.

    With --tree only that the entries are those whose roots were signed, not what they say.
    The first thing that does not fit is named, with the number of its entry; the exit code is then 3.
    """
    from provenance.ledger.audit import Audit, audit  # noqa: PLC0415 - loads the ledger
    from provenance.ledger.cosign import check_cosigned  # noqa: PLC0415 - loads the ledger
    from provenance.ledger.highwater import HighWater  # noqa: PLC0415 - loads the ledger
    from provenance.ledger.prover import Prover  # noqa: PLC0415 - loads the ledger
    from provenance.ledger.regrow import check_tree  # noqa: PLC0415 - loads the ledger
    from provenance.setup import HIGH_WATER_NAME  # noqa: PLC0415 - loads codecs

    keys = log_keys(session, log_key)
    with _opened(session) as (settings, store):
        found = check_tree(store, keys) if tree_only else audit(store, keys)
        mark = HighWater(settings.root / HIGH_WATER_NAME, keys)
        mark.check(store.head(), Prover(store.tile).consistency)
        cosigned = check_cosigned(store, keys)
    if form == "json":
        shown = {name: getattr(found, name) for name in found.__dataclass_fields__}
        schema = {"schema": "provenance-ledger-fsck/1", "checked": "tree" if tree_only else "all"}
        out(json_text([schema | shown | {"root": found.root.hex(), "cosigned": cosigned}], form))
        return ExitCode.DONE
    what = "leaves and tiles" if tree_only else "leaves, publishers' signatures, tiles"
    out(f"✓ {found.size} entries are whole: {what}; root {found.root.hex()}")
    out(f"✓ {found.checkpoints} signed checkpoints are those of the recomputed tree")
    if isinstance(found, Audit):
        out(f"✓ {found.assets} registry rows say what their entries say, {found.redacted} redacted")
    out("✓ the log is not older than its high-water mark")
    if cosigned is not None:
        out(f"✓ the witnesses cosigned this log at {cosigned} entries")
    if tree_only:
        out("○ not checked: what the entries and the registry say (fsck without --tree)")
    return ExitCode.DONE


@command.command("proof", short_help="print an inclusion or consistency proof")
@click.argument("what", nargs=-1, required=True, metavar="ENTRY | OLD NEW")
@click.option("--from", "place", metavar="URL|FOLDER", help="A log elsewhere; default: this installation's.")
@log_key_option
@form_option
@click.pass_obj
def proof_command(
    session: Session, *, what: tuple[str, ...], place: str | None, log_key: str | None, form: str
) -> ExitCode:
    """Print a proof of RFC 9162 against the newest checkpoint, made from tiles that were checked first.

    ENTRY: a number, or (of this installation's log) an asset id, sha256:…: that the entry is in the log.

    OLD NEW: two sizes: that the log of size OLD is the beginning of the log of size NEW.
    """
    from provenance.ledger.checkpoint import open_checkpoint  # noqa: PLC0415 - loads the ledger
    from provenance.ledger.source import read_note  # noqa: PLC0415 - loads the ledger
    from provenance.ledger.verified import VerifiedTiles  # noqa: PLC0415 - loads the ledger

    if len(what) > 2:
        raise click.UsageError("name one entry, or two sizes")
    keys = log_keys(session, log_key)
    if len(what) == 1 and what[0].startswith("sha256:"):
        if place is not None:
            raise click.UsageError("of a log elsewhere name the entry by its number")
        with _opened(session) as (_, store):
            what = (str(store.index_of(what[0])),)
    numbers = [_number(each) for each in what]
    with log_at(session, place) as source:
        note = read_note(source)
        tiles = VerifiedTiles(source, open_checkpoint(note, keys))
        shown = _proof(tiles, numbers)
    if form == "json":
        out(json_text([shown | {"checkpoint": note}], form))
    else:
        for line in (f"{name} {value}" for name, value in shown.items() if not isinstance(value, list)):
            out(line)
        for each in shown["hashes"]:
            out(each)
        out(f"\n{note}".rstrip("\n"))
    return ExitCode.DONE


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 19:
        raise FormatError(f"expected a number, found {text[:40]!r}", hint="entries are counted from 0")
    return int(text)


def _proof(tiles: VerifiedTiles, numbers: list[int]) -> dict[str, Any]:
    if len(numbers) == 1:
        proof = tiles.inclusion(numbers[0])
        head: dict[str, Any] = {"kind": "inclusion", "index": numbers[0], "size": tiles.checkpoint.size}
    else:
        old, new = numbers
        if not 0 < old <= new:
            raise FormatError(f"expected sizes 0 < OLD <= NEW, found {old} and {new}")
        if new > tiles.checkpoint.size:
            raise NotFoundError(f"expected sizes up to {tiles.checkpoint.size}, found {new}")
        proof = tiles.consistency(old, new)
        head = {"kind": "consistency", "old": old, "new": new}
    return head | {"hashes": [base64.b64encode(each).decode() for each in proof]}


@command.command("export", short_help="write every entry as a line of JSON")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File; default: stdout."
)
@click.option("--first", type=click.IntRange(0), default=0, help="First entry, counted from 0.")
@click.pass_obj
def export_command(session: Session, *, output: Path | None, first: int) -> ExitCode:
    """Write every entry as one JSON line: number, leaf hash, what it says, and the signed leaf in base64.

    Names and titles are not in it: they lie outside the log, where they can be erased.
    """
    with _opened(session) as (_, store):
        size = store.head().size
        if output is None:
            for line in _lines(store, first, size):
                out(line)
        else:
            from provenance import files  # noqa: PLC0415

            partial = files.partial_beside(output)
            with files.removed_on_exit(partial):
                with partial.open("w", encoding="ascii") as stream:
                    stream.writelines(f"{line}\n" for line in _lines(store, first, size))
                files.move_into_place(partial, output, replace=False)
            say(f"provenance: wrote entries {first} to {size - 1} to {path_text(output)}")
    return ExitCode.DONE


def _lines(store: Store, first: int, size: int) -> Iterator[str]:
    from provenance.ledger.entry import publisher_of, read_entry  # noqa: PLC0415 - loads the ledger

    for at in range(first, size, _STEP):
        for index, leaf_hash, leaf in store.leaves(at, min(at + _STEP, size)):
            entry = read_entry(leaf)
            said = {
                "type": entry.type.value,
                "asset": None if entry.asset is None else str(entry.asset),
                "publisher_key": str(publisher_of(leaf)),
                "declared_at": time_text(entry.declared_at),
                "manifest_id": None if entry.manifest_id is None else clean(entry.manifest_id),
                "refs": [str(each) for each in entry.refs],
            }
            line = {"index": index, "leaf_hash": f"sha256:{leaf_hash.hex()}", "entry": said}
            yield json.dumps(line | {"leaf": base64.b64encode(leaf).decode()})


@command.group("rotate", short_help="change the ledger key, with an overlap")
def rotate_group() -> None:
    """Change the ledger key in two steps, with as much time between them as its readers need."""


@rotate_group.command("begin", short_help="make the next key; sign with both")
@click.pass_obj
def begin_command(session: Session) -> ExitCode:
    """Make the next ledger key and log it. From the next start on every checkpoint is signed by both keys.

    Restart the service, then give the printed keys to readers, monitors and witnesses.
    """
    from provenance import rotation  # noqa: PLC0415 - loads codecs

    for each in rotation.begin(session.settings()).keys:
        out(each.vkey)
    say("provenance: the rotation has begun; restart the service, hand out these keys, then `rotate finish`")
    return ExitCode.DONE


@rotate_group.command("finish", short_help="make the next key the current one")
@click.pass_obj
def finish_command(session: Session) -> ExitCode:
    """Make the next ledger key the current one. What the former key signed stays believed."""
    from provenance import rotation  # noqa: PLC0415 - loads codecs

    for each in rotation.finish(session.settings()).keys:
        out(each.vkey)
    say("provenance: restart the service; destroy ledger-key.retired.pem (keys/README.md, point 15)")
    return ExitCode.DONE
