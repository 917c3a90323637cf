"""``provenance demo``: the whole product on real media."""

from __future__ import annotations

import importlib
from pathlib import Path

import click


@click.command("demo")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Where media, registry and the page go.",
)
def command(*, folder: Path) -> int:
    """Sign real media, make the copies a person would meet, verify each; print a table and write a page."""
    code = importlib.import_module("provenance_cli.demo").run(folder)
    return int(code)
