"""``provenance migrate``: a registry moves to another kind of database."""

from __future__ import annotations

import click

from provenance_cli.exits import ExitCode
from provenance_cli.render import note, out
from provenance_cli.session import Session


@click.group("migrate")
def command() -> None:
    """Move the registry to another kind of database."""


@command.command("sqlite-to-postgres")
@click.argument("url")
@click.pass_obj
def to_postgres_command(session: Session, *, url: str) -> ExitCode:
    """Copy everything from the SQLite file into the empty database URL, then check every entry there.

    URL is written postgresql+psycopg://user@host/database. Stop the service before. Keys, provenance.toml and
    the spool stay where they are; the SQLite file is not changed.
    """
    from provenance.moving import move_to_postgresql  # noqa: PLC0415 - loads codecs and the database

    moved = move_to_postgresql(session.settings(), url)
    for name, count in moved.rows.items():
        if count:
            out(f"{name:<18}{count:>12,} rows")
    out(f"✓ all {moved.entries} entries were checked there; root {moved.root.hex()}")
    note("set database_url to it in provenance.toml, start the service, and keep the old file as a backup")
    return ExitCode.DONE
