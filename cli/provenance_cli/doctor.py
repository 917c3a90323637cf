"""``provenance doctor``: what this installation is made of and whether it works."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version

import click

from provenance.errors import ProvenanceError
from provenance_cli import exits
from provenance_cli.exits import ExitCode
from provenance_cli.render import clean, complain, out, path_text
from provenance_cli.session import Session

#: Distributions whose version can change a result or a limit.
ENGINES = (
    "content-provenance",
    "c2pa-python",
    "av",
    "pillow",
    "pi-heif",
    "numpy",
    "opencv-python-headless",
    "pdqhash",
    "imagehash",
    "iscc-lib",
    "cryptography",
    "sqlmodel",
)

#: Columns of the names.
_COLUMN = 24


@click.command("doctor")
@click.pass_obj
def command(session: Session) -> ExitCode:
    """Show engines, isolation of the media workers, keys, registry; then run the self-test.

    Every problem is reported; the exit code is that of the gravest.
    """
    from provenance.selftest import self_test  # noqa: PLC0415 - loads codecs and the database

    _write([("python", f"{platform.python_version()} on {sys.platform}"), *_engines()])
    codes: list[ExitCode] = []
    with session.installation() as installation:
        settings = installation.settings

        def keys() -> Iterator[tuple[str, str]]:
            yield "keys", path_text(settings.keys_folder)
            yield "certificate ends", f"{installation.keys.signer.expires:%Y-%m-%d}"
            for one in installation.trust:
                yield "trust list", f"{one.name} ({one.kind.value}, {one.date}, {one.sha256})"

        def isolation() -> Iterator[tuple[str, str]]:
            level = installation.pool.isolation
            yield "media workers", f"{level.level.value}{': ' if level.reason else ''}{level.reason}"

        def registry() -> Iterator[tuple[str, str]]:
            yield "registry", settings.database.split("://", 1)[0]
            yield "ledger entries", str(installation.store.head().size)
            yield "log key", installation.log.verifier.vkey

        def trial() -> Iterator[tuple[str, str]]:
            for line in self_test(installation):
                yield "checked", line

        _write([("environment", settings.environment), ("organisation", settings.organisation)])
        codes += [_show(part) for part in (keys, isolation, registry, trial)]
    return exits.worst(codes)


def _engines() -> list[tuple[str, str]]:
    return [(name, version(name)) for name in ENGINES]


def _write(rows: Iterable[tuple[str, str]]) -> None:
    for name, value in rows:
        out(f"{name:<{_COLUMN}}{clean(value)}")


def _show(part: Callable[[], Iterator[tuple[str, str]]]) -> ExitCode:
    """Print one part; a problem in it is reported and the next part is still looked at."""
    try:
        _write(part())
    except ProvenanceError as error:
        complain(error.message, error.hint)
        return exits.of_error(error)
    return ExitCode.DONE
