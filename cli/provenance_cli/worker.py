"""``provenance worker``: does jobs of the service in a process of its own, on the same database and spool."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import click

from provenance_cli.exits import ExitCode
from provenance_cli.render import say
from provenance_cli.session import Session

#: Seconds that jobs under way have to come to their next step after a signal.
_FAREWELL_S = 30.0


@click.command("worker")
@click.option(
    "--threads", type=click.IntRange(1, 64), help="Jobs done at once; default one for each media worker."
)
@click.pass_obj
def command(session: Session, *, threads: int | None) -> ExitCode:
    """Take jobs until SIGTERM or Ctrl+C; those under way go back into the queue."""
    from provenance.sightings import Lookout  # noqa: PLC0415 - loads codecs and the database

    over = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        over.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    with session.installation() as installation:
        checking = installation.checking
        checking.told.append(Lookout(installation.watches))
        count = threads or installation.settings.limits.workers
        engine = installation.engine(count)
        engine.start()
        say(f"provenance: taking jobs with {count} threads, end with Ctrl+C")
        over.wait()
        engine.stop(_FAREWELL_S)
    return ExitCode.DONE
