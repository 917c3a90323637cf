"""``provenance db``: the tables of the registry, and bringing them to the version of this program."""

from __future__ import annotations

import click

from provenance_cli.exits import ExitCode
from provenance_cli.render import out
from provenance_cli.session import Session


@click.group("db")
def command() -> None:
    """Look after the registry's database."""


@command.command("upgrade")
@click.pass_obj
def upgrade_command(session: Session) -> ExitCode:
    """Bring the tables to the version of this program, in one transaction. Make a backup first.

    Stop the service and every other program that writes before; entries and proofs stay as they are.
    """
    from provenance.service.schema import upgrade_database  # noqa: PLC0415 - loads the database

    for each in upgrade_database(session.settings().database):
        if each.before == each.after:
            out(f"{each.title}: migration {each.after} already")
        else:
            out(f"{each.title}: upgraded from migration {each.before or 'none'} to {each.after}")
    return ExitCode.DONE
