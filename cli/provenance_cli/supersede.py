"""``provenance supersede``: sign and register a new version in place of a registered one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from provenance.record import SourceType
from provenance_cli import inputs
from provenance_cli.exits import ExitCode
from provenance_cli.named import find_asset
from provenance_cli.render import clean, json_text, out, path_text
from provenance_cli.session import Session
from provenance_cli.sign import Said, job_of, published_json, said_options
from provenance_cli.stated import asset_argument, form_option


@click.command("supersede")
@asset_argument
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@said_options
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Signed file.")
@click.option("--force", is_flag=True, help="Replace an output that exists.")
@form_option
@click.pass_obj
def command(
    session: Session,
    /,
    *,
    asset: str,
    file: Path,
    output: Path | None,
    force: bool,
    form: str,
    origin: str,
    model: str | None,
    no_model_reason: str | None,
    title: str | None,
    author: str | None,
    training: str,
) -> ExitCode:
    """Sign FILE and register it in place of ASSET: an asset_id or digest (sha256:…), a file, or a receipt.

    Copies of the older version are then shown with the newer one. It stays registered; withdraw it if it
    must not be used any more.
    """
    source = inputs.Source(file, Path(file.name))
    place = output if output is not None else inputs.signed_beside(file)
    if place.resolve() == file.resolve():
        raise click.UsageError(f"{place} is the source; choose another -o")
    said = Said(SourceType(origin), model, no_model_reason, title, author, training)
    with session.installation() as installation:
        older = find_asset(installation.store, asset, installation.settings.organisation)
        job = replace(job_of(source, place, said), supersedes=older.asset_id)
        [published] = installation.publisher.publish([job], replace=force)
    if form == "json":
        out(json_text([published_json(published) | {"supersedes": older.asset_id}], form))
        return ExitCode.DONE
    out(f"✓ {path_text(published.output)} is registered, entry {published.record.index}")
    out(f"✓ it takes the place of “{clean(older.title)}” (entry {older.index})")
    return ExitCode.DONE
