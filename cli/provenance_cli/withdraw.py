"""``provenance withdraw``: say that a registered asset must not be used any more, and why."""

from __future__ import annotations

from pathlib import Path

import click

from provenance_cli.exits import ExitCode
from provenance_cli.named import find_asset
from provenance_cli.render import clean
from provenance_cli.session import Session
from provenance_cli.stated import asset_argument, form_option, receipt_option, show


@click.command("withdraw")
@asset_argument
@click.option("--reason", required=True, help="Why; everybody who verifies a copy reads it.")
@click.option("--replaced-by", metavar="ASSET", help="Registered asset to use instead.")
@receipt_option
@form_option
@click.pass_obj
def command(
    session: Session, *, asset: str, reason: str, replaced_by: str | None, receipt: Path | None, form: str
) -> ExitCode:
    """Withdraw ASSET: its asset_id or digest (sha256:…), its file, or its receipt.

    Copies are then found `withdrawn`, with the reason. The entry stays in the ledger and cannot be undone;
    only the publisher who registered the asset can withdraw it.
    """
    with session.installation() as installation:
        store, own = installation.store, installation.settings.organisation
        record = find_asset(store, asset, own)
        instead = None if replaced_by is None else find_asset(store, replaced_by, own)
        stated = installation.statements.withdraw(
            record.asset_id, reason, None if instead is None else instead.asset_id
        )
    use = "" if instead is None else f"; to use instead: “{clean(instead.title)}” (entry {instead.index})"
    show(stated, f"withdrawn: “{clean(record.title)}” (entry {record.index}){use}", form, receipt)
    return ExitCode.DONE
