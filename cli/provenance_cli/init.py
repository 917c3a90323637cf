"""``provenance init``: everything needed to sign and verify on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from provenance_cli.exits import ExitCode
from provenance_cli.render import note, out, path_text


@click.command("init")
@click.option("--dev", is_flag=True, help="Make TEST certificates; there are no others to be made here.")
@click.option(
    "--organisation", "--org", default="TEST Publisher", show_default=True, help="Publisher's name."
)
@click.option(
    "--database-url",
    envvar="PROVENANCE_DATABASE_URL",
    help="Where the registry goes, for example postgresql+psycopg://user@host/name; default: a file in FOLDER.",
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
def command(*, dev: bool, organisation: str, database_url: str | None, folder: Path) -> ExitCode:
    """Make TEST keys and certificates, a registry and provenance.toml in FOLDER (default: here).

    Nothing that exists is overwritten. The last lines are a self-test: a picture is signed, registered and
    verified.
    """
    if not dev:
        raise click.UsageError(
            "expected --dev: certificates for publishing come from an authority on the C2PA trust list, "
            "see keys/README.md"
        )
    from provenance.selftest import self_test  # noqa: PLC0415 - loads codecs and the database
    from provenance.setup import Installation, initialise  # noqa: PLC0415

    before = _files(folder)
    settings = initialise(folder, organisation, database_url=database_url)
    for path in sorted(_files(folder) - before):
        out(f"made     {path_text(path)}")
    with Installation.open(settings) as installation:
        for line in self_test(installation):
            out(f"checked  {line}")
    note("these certificates say TEST and are on no public trust list; use them for development only")
    return ExitCode.DONE


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()} if folder.is_dir() else set()
