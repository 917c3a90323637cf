"""``provenance ledger redact|revoke-key|announce``: statements by which personal data, a key or a rule goes."""

from __future__ import annotations

from pathlib import Path

import click

from provenance_cli.exits import ExitCode
from provenance_cli.named import find_asset
from provenance_cli.render import clean
from provenance_cli.session import Session
from provenance_cli.stated import asset_argument, form_option, receipt_option, show, yes_option


@click.command("redact", short_help="erase names, hashes and references of an asset; proofs stay valid")
@asset_argument
@yes_option
@receipt_option
@form_option
@click.pass_obj
def redact_command(session: Session, *, asset: str, yes: bool, receipt: Path | None, form: str) -> ExitCode:
    """Erase title, names, hashes and stored references of ASSET: an asset_id, digest, file or receipt.

    The entry and every proof stay valid; it holds digests and public facts only, and a further entry says
    that it was redacted. Copies are not found by similarity any more. Erase it from backups yourself.
    """
    with session.installation() as installation:
        record = find_asset(installation.store, asset, installation.settings.organisation)
        if not yes:
            click.confirm(
                f"erase “{clean(record.title)}” (entry {record.index}) for good?", abort=True, err=True
            )
        stated = installation.statements.redact(record.asset_id)
    show(stated, f"redacted: entry {record.index}; its proof stays valid", form, receipt)
    return ExitCode.DONE


@click.command("revoke-key", short_help="revoke this installation's publisher key")
@click.option("--reason", required=True, help="Why; stands in the ledger.")
@yes_option
@receipt_option
@form_option
@click.pass_obj
def revoke_key_command(
    session: Session, *, reason: str, yes: bool, receipt: Path | None, form: str
) -> ExitCode:
    """Revoke this installation's publisher key: the ledger takes nothing signed by it from then on.

    What it signed before stays. Withdraw first what must be withdrawn: afterwards this key cannot.
    """
    with session.installation() as installation:
        if not yes:
            click.confirm("revoke the publisher key for good?", abort=True, err=True)
        stated = installation.statements.revoke_key(reason)
    show(stated, "revoked: the ledger takes no more entries by this publisher key", form, receipt)
    return ExitCode.DONE


@click.command("announce", short_help="put a statement about keys or the log into the ledger")
@click.argument("kind", type=click.Choice(["key-rotation", "policy"]))
@click.argument("text")
@receipt_option
@form_option
@click.pass_obj
def announce_command(session: Session, *, kind: str, text: str, receipt: Path | None, form: str) -> ExitCode:
    """Put TEXT into the ledger as a statement of KIND; it changes no record."""
    from provenance.ledger.entry import EntryType  # noqa: PLC0415 - loads the ledger

    with session.installation() as installation:
        stated = installation.statements.announce(EntryType(kind), text)
    show(stated, f"announced: {kind}", form, receipt)
    return ExitCode.DONE
