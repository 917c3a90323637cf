"""``provenance restore``: a backup in place of a registry that is lost."""

from __future__ import annotations

from pathlib import Path

import click

from provenance_cli.exits import ExitCode
from provenance_cli.render import out
from provenance_cli.session import Session


@click.command("restore")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.pass_obj
def command(session: Session, *, folder: Path) -> ExitCode:
    """Put the backup in FOLDER in place of a registry that is not there, and audit every entry of it."""
    from provenance.backup import restore  # noqa: PLC0415 - loads codecs and the database

    size = restore(session.settings(), folder)
    out(f"restored and audited {size} ledger entries")
    return ExitCode.DONE
