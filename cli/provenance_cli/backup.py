"""``provenance backup``: a consistent copy of the registry, also while the service runs."""

from __future__ import annotations

from pathlib import Path

import click

from provenance_cli.exits import ExitCode
from provenance_cli.render import note, out, path_text
from provenance_cli.session import Session


@click.command("backup")
@click.argument("folder", type=click.Path(path_type=Path))
@click.pass_obj
def command(session: Session, *, folder: Path) -> ExitCode:
    """Write a backup of the registry into the new folder FOLDER. Keys have their own backup."""
    from provenance.backup import back_up  # noqa: PLC0415 - loads codecs and the database

    said = back_up(session.settings(), folder)
    out(f"{path_text(folder)}: {said['entries']} ledger entries")
    note("keys and provenance.toml are not in it, see keys/README.md")
    return ExitCode.DONE
