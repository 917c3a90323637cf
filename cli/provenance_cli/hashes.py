"""``provenance hash``: the hashes of media, made here; nothing is looked up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.errors import ProvenanceError
from provenance_cli import exits, inputs
from provenance_cli.exits import ExitCode
from provenance_cli.render import complain, error_json, json_text, out, path_text
from provenance_cli.session import Session

if TYPE_CHECKING:
    from provenance.settings import Limits


@click.command("hash")
@click.argument("files", nargs=-1, required=True)
@click.option("--recursive", "-r", is_flag=True, help="Take the media files in folders.")
@click.option("--format", "form", type=click.Choice(["text", "json", "jsonl"]), default="text")
@click.pass_obj
def command(session: Session, *, files: tuple[str, ...], recursive: bool, form: str) -> ExitCode:
    """Print the hashes of FILES, one a line with the file's name; `provenance search` takes them.

    The hash comes first, as in sha256sum. The media is read here and goes nowhere; no registry is needed. Film and
    sound have their digest only: send a copy to `provenance verify` or a service to find what it was made of.
    """
    codes: list[ExitCode] = []
    results: list[dict[str, Any]] = []
    from provenance.media.sandbox import WorkerPool  # noqa: PLC0415 - `provenance --help` stays fast
    from provenance.search import hashes_of  # noqa: PLC0415 - loads codecs

    limits = _limits(session)
    with WorkerPool(limits=limits, size=1) as pool:
        for source in inputs.gather(files, recursive=recursive):
            name = path_text(source.path)
            try:
                hashes = hashes_of(source.path, pool, limits)
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


def _limits(session: Session) -> Limits:
    """Return the limits of the configuration that was named or lies here, else the usual ones."""
    from provenance.settings import CONFIG_NAME, Limits  # noqa: PLC0415 - `provenance --help` stays fast

    if session.config is None and not Path(CONFIG_NAME).exists():
        return Limits()
    return session.settings().limits
