"""``provenance dispute``: object to a registration, of whatever publisher."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.errors import ConflictError
from provenance_cli.exits import ExitCode
from provenance_cli.named import find_asset
from provenance_cli.render import clean
from provenance_cli.session import Session
from provenance_cli.stated import asset_argument, form_option, receipt_option, show


@click.command("dispute")
@asset_argument
@click.option("--reason", required=True, help="Why; everybody who verifies a copy reads it.")
@receipt_option
@form_option
@click.pass_obj
def command(session: Session, *, asset: str, reason: str, receipt: Path | None, form: str) -> ExitCode:
    """Dispute ASSET: its asset_id or digest (sha256:…), its file, or its receipt.

    The registration stays, and the dispute is shown wherever it is. To be first in the ledger is not
    ownership: register what is yours beside it.
    """
    from provenance.service.ownership import DEFAULT_TENANT  # noqa: PLC0415 - loads the service's tables

    with session.installation() as installation:
        record = find_asset(installation.store, asset)
        owner = installation.ownership.owner(record.asset_id)
        if record.publisher == installation.settings.organisation and owner == DEFAULT_TENANT:
            raise ConflictError(
                f"expected another publisher's asset, entry {record.index} is of this one",
                hint="provenance withdraw says that it must not be used, provenance supersede replaces it",
            )
        stated = installation.statements.dispute(record.asset_id, reason)
    of = clean(record.publisher)
    show(stated, f"disputed: “{clean(record.title)}” by {of} (entry {record.index})", form, receipt)
    return ExitCode.DONE
