"""``provenance ledger mirror`` and ``monitor``: copy and watch any log that is published as tiles."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.digest import Digest
from provenance.errors import UnavailableError
from provenance_cli.exits import ExitCode, worst
from provenance_cli.logkeys import log_key_option, log_keys, policy_option, read_policy
from provenance_cli.places import log_at
from provenance_cli.render import clean, complain, json_text, out
from provenance_cli.session import Session

if TYPE_CHECKING:
    from provenance.ledger.monitor import Round


@click.command("mirror", short_help="copy a log as static files")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--from", "place", metavar="URL|FOLDER", help="The log to copy; default: this installation's own."
)
@log_key_option
@click.pass_obj
def mirror_command(session: Session, *, folder: Path, place: str | None, log_key: str | None) -> ExitCode:
    """Copy a log into FOLDER as static tiles, which any web server can serve.

    Everything is checked against the signed checkpoint before it is written, and the checkpoint is written
    last; run it again to bring the copy up to date. A log that does not continue the copy is refused.
    """
    from provenance.ledger.mirror import mirror  # noqa: PLC0415 - loads the ledger

    keys = log_keys(session, log_key)
    with log_at(session, place) as source:
        done = mirror(source, folder, keys)
    out(f"✓ {clean(done.checkpoint.origin)}: {done.checkpoint.size} entries, {done.written} files written")
    return ExitCode.DONE


@click.command("monitor", short_help="follow a log and raise alarms")
@click.argument("place", metavar="URL|FOLDER")
@log_key_option
@policy_option
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder that remembers what was checked, and keeps evidence.",
)
@click.option("--recheck", is_flag=True, help="Check every entry again, not only the new ones.")
@click.option("--any-entries", is_flag=True, help="The log is of another product: do not read its entries.")
@click.option(
    "--watch",
    "watched",
    multiple=True,
    metavar="SHA256",
    help="Tell of entries by this publisher key (its thumbprint, sha256:…); may be repeated.",
)
@click.option("--every", type=click.IntRange(1), metavar="SECONDS", help="Go on looking until cancelled.")
@click.option("--rounds", type=click.IntRange(1), default=None, help="With --every: end after so many looks.")
@click.option("--format", "form", type=click.Choice(["text", "jsonl"]), default="text")
@click.pass_obj
def monitor_command(
    session: Session,
    *,
    place: str,
    log_key: str | None,
    policy_file: Path | None,
    state: Path,
    recheck: bool,
    any_entries: bool,
    watched: tuple[str, ...],
    every: int | None,
    rounds: int | None,
    form: str,
) -> ExitCode:
    """Follow the log at URL|FOLDER: check every entry, and that it only ever grows.

    The first look believes what it finds (under the key given); every later one must continue it. Exit code
    3 if there was an alarm, 8 if the log could not be reached. With --every an unreachable log is told and
    tried again.
    """
    from provenance.ledger.monitor import Monitor  # noqa: PLC0415 - loads the ledger

    policy = None if policy_file is None else read_policy(policy_file)
    keys = log_keys(session, log_key) if policy is None or log_key is not None else policy.keys()
    told: set[ExitCode] = set()
    left = 1 if every is None else rounds
    with log_at(session, place) as source:
        monitor = Monitor(
            source, keys, state, policy, not any_entries, frozenset(Digest.parse(each) for each in watched)
        )
        while True:
            try:
                found = monitor.look(recheck=recheck)
                _print(found, form)
                told.add(ExitCode.FINDING if found.alarms else ExitCode.DONE)
            except UnavailableError as error:
                if every is None:
                    raise
                complain(error.message)  # a log that is away for an hour does not end its monitor
                told.add(ExitCode.UNREACHABLE)
            left = None if left is None else left - 1
            if left == 0 or every is None:
                return worst(told)
            time.sleep(every)


def _print(found: Round, form: str) -> None:
    point = found.checkpoint
    if form == "jsonl":
        shown = {
            "schema": "provenance-monitor/1",
            "origin": None if point is None else point.origin,
            "size": None if point is None else point.size,
            "root": None if point is None else point.root.hex(),
            "first": found.first,
            "alarms": [
                {"kind": each.kind.value, "index": each.index, "text": each.text} for each in found.alarms
            ],
        }
        out(json_text([shown], form))
        return
    for each in found.alarms:
        out(f"▲ {each.kind.value}: {clean(each.text)}")
    if point is not None and not found.alarms:
        span = f"entries {found.first} to {point.size - 1}" if point.size > found.first else "no new entries"
        out(f"✓ {clean(point.origin)}: {point.size} entries, consistent; checked {span}")
