"""``provenance api-keys``: who may use the service, and what for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import click

from provenance.service.access import Access, ApiKey, Scope, parse_scopes
from provenance.service.schema import open_database
from provenance_cli.exits import ExitCode
from provenance_cli.render import note, say
from provenance_cli.session import Session


@click.group("api-keys")
def command() -> None:
    """Make, list and revoke API keys of the service."""


@command.command("create")
@click.option("--tenant", default="default", show_default=True, help="Whose assets the key works on.")
@click.option("--label", default="", help="What the key is for.")
@click.option(
    "--scopes", required=True, help=f"Between commas: {', '.join(Scope)}.", metavar="SCOPE[,SCOPE]…"
)
@click.option("--days", type=click.IntRange(1, 3650), help="Days until it expires; default never.")
@click.pass_obj
def create(session: Session, *, tenant: str, label: str, scopes: str, days: int | None) -> ExitCode:
    """Make a key and print it; it cannot be shown again."""
    expires = None if days is None else datetime.now(UTC) + timedelta(days=days)
    made, text = _access(session).create(tenant, label, parse_scopes(scopes), expires)
    click.echo(text)
    note(f"key {made.id} for tenant {made.tenant}; keep it, only its digest is stored here")
    return ExitCode.DONE


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@click.pass_obj
def listed(session: Session, *, as_json: bool) -> ExitCode:
    """List the keys; secrets are not known here."""
    keys = _access(session).keys()
    if as_json:
        click.echo(json.dumps([_plain(one) for one in keys], indent=2))
        return ExitCode.DONE
    for one in keys:
        click.echo(
            f"{one.id}  {one.tenant}  {_state(one)}  {' '.join(sorted(one.scopes))}  {one.label}".rstrip()
        )
    if not keys:
        say("provenance: no API keys yet")
    return ExitCode.DONE


@command.command("revoke")
@click.argument("key_id")
@click.pass_obj
def revoke(session: Session, *, key_id: str) -> ExitCode:
    """Refuse the key KEY_ID from now on."""
    click.echo(f"{_access(session).revoke(key_id).id} revoked")
    return ExitCode.DONE


def _access(session: Session) -> Access:
    return Access(open_database(session.settings().database))


def _state(key: ApiKey) -> str:
    if key.revoked is not None:
        return "revoked"
    if key.expires is not None and key.expires <= datetime.now(UTC):
        return "expired"
    return f"used {key.used:%Y-%m-%d}" if key.used is not None else "unused"


def _plain(key: ApiKey) -> dict[str, object]:
    times = {"created": key.created, "expires": key.expires, "revoked": key.revoked, "used": key.used}
    shown: dict[str, object] = {
        name: None if time is None else time.isoformat() for name, time in times.items()
    }
    named: dict[str, object] = {"id": key.id, "tenant": key.tenant, "label": key.label}
    return named | {"scopes": sorted(key.scopes)} | shown
