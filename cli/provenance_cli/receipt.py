"""``provenance receipt``: check a receipt with nothing but the log's public key, show it, print that key."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.digest import Digest
from provenance.errors import ConfigError, InputError, KeyMaterialError, NotFoundError, ReceiptError
from provenance.record import RecordStatus
from provenance_cli.exits import ExitCode
from provenance_cli.render import clean, json_text, out, path_text, table, time_text
from provenance_cli.session import Session

if TYPE_CHECKING:
    from provenance.ledger.receipt import CheckedReceipt
    from provenance.settings import Settings

#: Largest receipt or key file read, bytes; both are far smaller.
_MAX_BYTES = 1 << 20
#: Names of a file with the log's verifier key, looked for in the keys folder.
LOG_KEY_NAMES = ("ledger-key.vkey", "trust/log.vkey")


@click.group("receipt")
def command() -> None:
    """Check or show receipts: the proof that a publisher registered exactly these bytes."""


@dataclass(frozen=True, slots=True)
class _Standing:
    lines: tuple[str, ...]
    not_checked: tuple[str, ...]
    status: RecordStatus = RecordStatus.ACTIVE


@command.command("verify")
@click.argument("receipt", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--offline", is_flag=True, help="Use no registry, even where one is configured here.")
@click.option(
    "--log-key", help="The log's verifier key, or a file that holds it; default: of the configuration."
)
@click.option(
    "--publisher-key",
    "publishers",
    multiple=True,
    metavar="SHA256",
    help="Thumbprint of a publisher key to accept, sha256:…; may be repeated. Default: the log vouches.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.pass_obj
def verify_command(
    session: Session,
    *,
    receipt: Path,
    file: Path,
    offline: bool,
    log_key: str | None,
    publishers: tuple[str, ...],
    form: str,
) -> ExitCode:
    """Check that RECEIPT proves the registration of FILE; needs no network and, with --offline, no registry.

    The log's key never comes from the receipt or from beside it: whoever forges one forges the other.
    """
    from provenance.ledger.receipt import check_receipt  # noqa: PLC0415 - loads the ledger

    vkey = _log_key(session, log_key)
    text = _read(receipt)
    with file.open("rb") as stream:
        digest = Digest.of_stream(stream)
    accepted = [Digest.parse(one) for one in publishers] or None
    checked = check_receipt(text, digest, vkey, accepted)
    standing = _offline() if offline else _in_registry(session, checked)
    gaps = list(standing.not_checked)
    if accepted is None:
        gaps.append("whether the publisher's key is theirs: the log vouches for it (--publisher-key)")
    if form == "json":
        out(json_text([_json(checked, vkey, standing, gaps)], form))
    else:
        for line in (*_lines(checked, digest, vkey), *standing.lines):
            out(f"✓ {line}")
        for gap in gaps:
            out(f"○ not checked: {gap}")
        if standing.status is RecordStatus.WITHDRAWN:
            out("▲ the publisher has withdrawn this asset since")
    return ExitCode.FINDING if standing.status is RecordStatus.WITHDRAWN else ExitCode.DONE


def _offline() -> _Standing:
    return _Standing((), ("withdrawal, and entries after the checkpoint (offline)",))


def _in_registry(session: Session, checked: CheckedReceipt) -> _Standing:
    """Return how the entry stands in the registry here, which must continue the receipt's log."""
    try:
        session.settings()
    except ConfigError:
        return _Standing((), ("withdrawal: there is no registry here",))
    from provenance.ledger.checkpoint import open_checkpoint  # noqa: PLC0415 - loads the ledger
    from provenance.ledger.merkle import check_consistency  # noqa: PLC0415 - loads the ledger

    with session.installation() as installation:
        log, then = installation.log, checked.checkpoint
        if log.verifier.name != then.origin:
            return _Standing((), (f"withdrawal: the registry here is {log.verifier.name}, another log",))
        now = open_checkpoint(log.checkpoint(), log.verifier)
        if now.size < then.size:
            raise ReceiptError(
                f"expected a log of at least {then.size} entries, found {now.size} here",
                hint="the registry here is older than the receipt: an old backup, or a split log",
            )
        proof = log.consistency(then.size, now.size)
        check_consistency(then.size, now.size, proof, then.root, now.root)
        try:
            status = installation.store.record(checked.asset_id).status
        except NotFoundError:
            return _Standing((), ("status: the entry is no registration",))
    lines = (
        f"the log here, now {now.size} entries, continues the receipt's log unchanged",
        f"status in the registry: {status.value}",
    )
    return _Standing(lines, (), status)


def _lines(checked: CheckedReceipt, digest: Digest, vkey: str) -> tuple[str, ...]:
    point = checked.checkpoint
    return (
        f"these bytes are the registered ones: {digest}",
        f"entry {checked.index} is in log {clean(point.origin)}, checkpoint of {point.size} entries",
        f"the checkpoint is signed by log key {_key_id(vkey)}",
        f"the entry is signed by publisher key {checked.publisher}",
    )


def _key_id(vkey: str) -> str:
    """Return name and key id of a verifier key, as people compare them."""
    return clean("+".join(vkey.strip().split("+")[:2]))


def _json(checked: CheckedReceipt, vkey: str, standing: _Standing, gaps: list[str]) -> dict[str, object]:
    entry, point = checked.entry, checked.checkpoint
    return {
        "schema": "provenance-receipt-check/1",
        "asset_id": checked.asset_id,
        "index": checked.index,
        "file": str(entry.asset),
        "manifest_id": entry.manifest_id,
        "media_type": entry.media_type.value if entry.media_type is not None else None,
        "declared_at": time_text(entry.declared_at),
        "publisher_key": str(checked.publisher),
        "log_key": _key_id(vkey),
        "checkpoint": {"origin": point.origin, "size": point.size, "root": point.root.hex()},
        "status": standing.status.value if standing.lines else None,
        "not_checked": gaps,
    }


@command.command("show")
@click.argument("receipt", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def show_command(*, receipt: Path) -> ExitCode:
    """Show what RECEIPT says. The publisher's signature is checked, the log is not: use `receipt verify`."""
    from provenance.ledger.cose import key_from_bytes, key_thumbprint  # noqa: PLC0415 - loads the ledger
    from provenance.ledger.entry import open_entry  # noqa: PLC0415 - loads the ledger
    from provenance.ledger.receipt import Receipt  # noqa: PLC0415 - loads the ledger

    parsed = Receipt.parse(_read(receipt))
    key = key_from_bytes(parsed.publisher_key)
    entry = open_entry(parsed.leaf, key)
    head = parsed.checkpoint.split("\n")
    rows = [
        ("asset", parsed.asset_id),
        ("entry", f"{parsed.index}, {entry.type.value}"),
        ("file", str(entry.asset)),
        ("media type", entry.media_type.value if entry.media_type is not None else "not stated"),
        ("origin", entry.source_type.value if entry.source_type is not None else "not stated"),
        ("manifest", entry.manifest_id or "not stated"),
        ("declared at", time_text(entry.declared_at)),
        ("publisher key", str(key_thumbprint(key))),
        ("log", head[0]),
        ("checkpoint", f"{head[1]} entries, {len(parsed.proof)} proof hashes"),
    ]
    out(table(rows))
    out("○ not checked: log, inclusion and file; provenance receipt verify RECEIPT FILE checks them")
    return ExitCode.DONE


@command.command("key")
@click.pass_obj
def key_command(session: Session) -> ExitCode:
    """Print the log's verifier key; give it to whoever should be able to check receipts (--log-key)."""
    out(_log_key(session, None))
    return ExitCode.DONE


def _log_key(session: Session, given: str | None) -> str:
    """Return the verifier key: given as text or file, else that of the configuration.

    Raises:
        InputError: Nothing was given and nothing is configured.
        KeyMaterialError: The configured keys cannot be read.
    """
    if given is not None:
        return _read(Path(given)).strip() if Path(given).is_file() else given.strip()
    try:
        settings = session.settings()
    except ConfigError as cause:
        raise InputError(
            "expected the log's verifier key, found neither --log-key nor a configuration here",
            hint="ask the log's operator for its key (`provenance receipt key` prints it there)",
        ) from cause
    for name in LOG_KEY_NAMES:
        if (settings.keys_folder / name).is_file():
            return _read(settings.keys_folder / name).strip()
    return _own_log_key(settings)


def _own_log_key(settings: Settings) -> str:
    from provenance.ledger.checkpoint import NoteSigner  # noqa: PLC0415 - loads the ledger
    from provenance.setup import Installation  # noqa: PLC0415 - loads codecs and the database

    if not os.access(settings.keys_folder, os.R_OK):
        raise KeyMaterialError(
            f"expected keys in {settings.keys_folder}, found nothing readable", hint="name the key: --log-key"
        )
    with Installation.open(settings) as installation:
        return NoteSigner(settings.origin, installation.keys.ledger).vkey


def _read(path: Path) -> str:
    with path.open("rb") as stream:
        content = stream.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ReceiptError(
            f"expected a receipt or key, found more than {_MAX_BYTES} bytes in {path_text(path)}"
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as cause:
        raise ReceiptError(f"expected text in {path_text(path)}, found other bytes") from cause
