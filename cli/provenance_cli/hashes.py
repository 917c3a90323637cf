"""``provenance hash``: the hashes of media, made here; nothing is looked up."""

from __future__ import annotations

from typing import Any

import click

from provenance.errors import ProvenanceError
from provenance_cli import exits, inputs
from provenance_cli.exits import ExitCode
from provenance_cli.render import complain, error_json, json_text, out, path_text
from provenance_cli.session import Session


@click.command("hash")
@click.argument("files", nargs=-1, required=True)
@click.option("--recursive", "-r", is_flag=True, help="Take the media files in folders.")
@click.option("--format", "form", type=click.Choice(["text", "json", "jsonl"]), default="text")
@click.pass_obj
def command(session: Session, *, files: tuple[str, ...], recursive: bool, form: str) -> ExitCode:
    """Print the hashes of FILES, one a line with the file's name; `provenance search` takes them.

    The hash comes first, as in sha256sum. The media is read here and goes nowhere.
    """
    codes: list[ExitCode] = []
    results: list[dict[str, Any]] = []
    with session.installation() as installation:
        for source in inputs.gather(files, recursive=recursive):
            name = path_text(source.path)
            try:
                hashes = installation.searcher.hashes(source.path)
            except ProvenanceError as error:
                complain(error.message, error.hint, name)
                codes.append(exits.of_error(error))
                results.append({"name": name, "error": error_json(error)})
                continue
            results.append({"name": name, "hashes": list(hashes)})
            if form == "text":
                for text in hashes:
                    out(f"{text}  {name}")
    if form != "text":
        out(json_text(results, form))
    return exits.worst(codes)
