"""``provenance receipt``: check a receipt with nothing but the log's public key, show it, renew it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.digest import Digest
from provenance.errors import ConfigError, NotFoundError, ReceiptError
from provenance.record import RecordStatus
from provenance_cli.exits import ExitCode
from provenance_cli.logkeys import log_key_option, log_keys, policy_option, read_policy, read_small, read_text
from provenance_cli.places import log_at
from provenance_cli.render import clean, json_text, out, path_text, say, table, time_text
from provenance_cli.session import Session

if TYPE_CHECKING:
    from provenance.ledger.checkpoint import LogKeys
    from provenance.ledger.receipt import CheckedReceipt


@click.group("receipt")
def command() -> None:
    """Check, show or renew receipts: the proof that a publisher registered exactly these bytes."""


@dataclass(frozen=True, slots=True)
class _Standing:
    lines: tuple[str, ...]
    not_checked: tuple[str, ...]
    status: RecordStatus = RecordStatus.ACTIVE


@command.command("verify", short_help="check that a receipt proves a file's registration")
@click.argument("receipt", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--offline", is_flag=True, help="Use no registry, even where one is configured here.")
@log_key_option
@policy_option
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
    policy_file: Path | None,
    publishers: tuple[str, ...],
    form: str,
) -> ExitCode:
    """Check that RECEIPT proves the registration of FILE; needs no network and, with --offline, no registry.

    RECEIPT is a C2SP tlog-proof, or a COSE statement with a receipt of RFC 9942.

    The log's key never comes from the receipt or from beside it: whoever forges one forges the other.
    """
    from provenance.ledger.cose_receipt import check_cose_receipt  # noqa: PLC0415 - loads the ledger
    from provenance.ledger.receipt import check_receipt  # noqa: PLC0415 - loads the ledger

    with file.open("rb") as stream:
        digest = Digest.of_stream(stream)
    accepted = [Digest.parse(one) for one in publishers] or None
    witnesses: list[str] = []
    if (statement := _statement(receipt)) is not None:
        if policy_file is not None:
            raise click.UsageError("a COSE receipt carries no witnesses: use the .tlog-proof with --policy")
        checked = check_cose_receipt(statement, digest, log_keys(session, log_key), accepted)
    else:
        text = _read(receipt)
        keys, witnesses = _believed(session, text, log_key, policy_file)
        checked = check_receipt(text, digest, keys, accepted)
    standing = _offline() if offline else _in_registry(session, checked)
    gaps = list(standing.not_checked)
    if accepted is None:
        gaps.append("whether the publisher's key is theirs: the log vouches for it (--publisher-key)")
    if policy_file is None:
        gaps.append("whether the log shows everybody the same: ask for witnesses (--policy)")
    if form == "json":
        out(json_text([_json(checked, witnesses, standing, gaps)], form))
    else:
        for line in (*_lines(checked, digest, witnesses), *standing.lines):
            out(f"✓ {line}")
        for gap in gaps:
            out(f"○ not checked: {gap}")
        if standing.status is RecordStatus.WITHDRAWN:
            out("▲ the publisher has withdrawn this asset since")
    return ExitCode.FINDING if standing.status is RecordStatus.WITHDRAWN else ExitCode.DONE


def _statement(path: Path) -> bytes | None:
    """Return the content of a COSE receipt; None where the file is a text, as a tlog-proof is."""
    content = read_small(path)
    return content if content.startswith(b"\xd2") else None


def _read(path: Path) -> str:
    """Return the text of a receipt; a further line end, as ``jq -r`` and editors add, does not belong to it."""
    return read_text(path).rstrip("\n") + "\n"


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


def _believed(
    session: Session, text: str, log_key: str | None, policy_file: Path | None, *, quorum: bool = True
) -> tuple[LogKeys, list[str]]:
    """Return the keys of the receipt's log, and the witnesses that a policy asked for and that cosigned."""
    from provenance.ledger.checkpoint import cosigned_by  # noqa: PLC0415 - loads the ledger
    from provenance.ledger.receipt import Receipt  # noqa: PLC0415 - loads the ledger

    if policy_file is None:
        return log_keys(session, log_key), []
    if log_key is not None:
        raise click.UsageError("--policy names the logs; leave out --log-key")
    policy, note = read_policy(policy_file), Receipt.parse(text).checkpoint
    point = policy.check(note, quorum=quorum)
    seen = cosigned_by(note, (each.key for each in policy.witnesses.values()))
    return policy.keys(point.origin), [f"{key.label} at {time_text(at)}" for key, at in seen.items()]


def _lines(checked: CheckedReceipt, digest: Digest, witnesses: list[str]) -> tuple[str, ...]:
    point = checked.checkpoint
    return (
        f"these bytes are the registered ones: {digest}",
        f"entry {checked.index} is in log {clean(point.origin)}, checkpoint of {point.size} entries",
        *(f"the checkpoint is signed by log key {clean(key.label)}" for key in checked.log_keys),
        *(f"the checkpoint was seen by witness {clean(each)}" for each in witnesses),
        f"the entry is signed by publisher key {checked.publisher}",
    )


def _json(
    checked: CheckedReceipt, witnesses: list[str], standing: _Standing, gaps: list[str]
) -> dict[str, object]:
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
        "log_keys": [key.label for key in checked.log_keys],
        "witnesses": witnesses,
        "checkpoint": {"origin": point.origin, "size": point.size, "root": point.root.hex()},
        "status": standing.status.value if standing.lines else None,
        "not_checked": gaps,
    }


@command.command("show", short_help="print what a receipt says")
@click.argument("receipt", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def show_command(*, receipt: Path) -> ExitCode:
    """Show what RECEIPT says. The publisher's signature is checked, the log is not: use `receipt verify`."""
    from provenance.ledger.cose import key_from_bytes, key_thumbprint  # noqa: PLC0415 - loads the ledger
    from provenance.ledger.cose_receipt import CoseReceipt  # noqa: PLC0415 - loads the ledger
    from provenance.ledger.entry import open_entry  # noqa: PLC0415 - loads the ledger
    from provenance.ledger.merkle import leaf_hash  # noqa: PLC0415 - loads the ledger
    from provenance.ledger.receipt import Receipt  # noqa: PLC0415 - loads the ledger

    parsed: Receipt | CoseReceipt
    if (statement := _statement(receipt)) is not None:
        parsed = CoseReceipt.parse(statement)
        head = ["see the receipt", str(parsed.size)]
    else:
        parsed = Receipt.parse(_read(receipt))
        head = parsed.checkpoint.split("\n")
    key = key_from_bytes(parsed.publisher_key)
    entry = open_entry(parsed.leaf, key)
    rows = [
        ("asset", str(Digest(leaf_hash(parsed.leaf)))),
        ("entry", f"{parsed.index}, {entry.type.value}"),
        ("file", str(entry.asset) if entry.asset is not None else "none: the entry is a statement"),
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


@command.command("upgrade", short_help="prove the entry against the newest checkpoint")
@click.argument("receipt", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--from", "place", metavar="URL|FOLDER", help="Where the log is; default: the registry here.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File; default: RECEIPT itself."
)
@log_key_option
@policy_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["tlog-proof", "cose"]),
    default="tlog-proof",
    help="cose: the signed entry with a receipt of RFC 9942; only where the log's key is, and with -o.",
)
@click.pass_obj
def upgrade_command(
    session: Session,
    *,
    receipt: Path,
    place: str | None,
    output: Path | None,
    log_key: str | None,
    policy_file: Path | None,
    form: str,
) -> ExitCode:
    """Prove RECEIPT's entry against the log's newest checkpoint: with newer keys, and with witnesses.

    The newer checkpoint must continue the one in RECEIPT. A log elsewhere is only read: it learns which tile
    the entry lies in, and nothing else of the receipt.
    """
    from provenance import files  # noqa: PLC0415 - `provenance --help` stays fast
    from provenance.ledger.renew import renew  # noqa: PLC0415 - loads the ledger

    if form == "cose" and (place is not None or output is None):
        raise click.UsageError("--format cose needs -o, and the log's key: leave out --from")
    text = _read(receipt)
    keys, _ = _believed(session, text, log_key, policy_file, quorum=False)
    policy = None if policy_file is None else read_policy(policy_file)
    with log_at(session, place) as source:
        renewed, point = renew(text, source, keys, policy)
    target = output if output is not None else receipt
    content = _as_statement(session, renewed) if form == "cose" else renewed.encode()
    files.write_whole(target, content, replace=output is None)
    say(f"provenance: {path_text(target)} now holds against a checkpoint of {point.size} entries")
    return ExitCode.DONE


def _as_statement(session: Session, receipt: str) -> bytes:
    from provenance.ledger.cose_receipt import make_cose_receipt  # noqa: PLC0415 - loads the ledger
    from provenance.ledger.receipt import Receipt  # noqa: PLC0415 - loads the ledger

    with session.installation() as installation:
        origin, key = installation.settings.origin, installation.keys.ledger
        return make_cose_receipt(Receipt.parse(receipt), origin, key).format()


@command.command("key", short_help="print the log's verifier keys")
@click.pass_obj
def key_command(session: Session) -> ExitCode:
    """Print the log's verifier keys, the current one first; whoever checks receipts needs them (--log-key)."""
    for each in log_keys(session, None).keys:
        out(each.vkey)
    return ExitCode.DONE
