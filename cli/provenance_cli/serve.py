"""``provenance serve``: the HTTP service and its page."""

from __future__ import annotations

import importlib
import ipaddress
import os
import resource
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.settings import CONFIG_NAME
from provenance_cli.exits import ExitCode
from provenance_cli.render import note, path_text, say
from provenance_cli.session import DEV_FOLDER, Session

if TYPE_CHECKING:
    from provenance.settings import Settings

#: Seconds an idle connection is kept, and requests are given at shutdown.
_IDLE_S, _FAREWELL_S = 5, 20
#: Connections beyond this are answered 503. Idle ones are cheap; what costs something is bounded by itself.
_CONNECTIONS = 2_048
#: Open files that so many connections, bodies on their way and the database need.
_DESCRIPTORS = 4_096
#: The protocol with a deadline for request heads; by name, since the command line does not know the service.
_PROTOCOL = ("provenance_api.protocol", "GuardedProtocol")


@click.command("serve")
@click.option("--host", help="Address to listen on; default from the configuration (127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port; default from the configuration (8000).")
@click.option(
    "--dev", is_flag=True, help=f"Without a configuration: make one with TEST keys in {DEV_FOLDER}."
)
@click.pass_obj
def command(session: Session, *, host: str | None, port: int | None, dev: bool) -> ExitCode:
    """Run the service: the page at /, the interface described at /reference."""
    config = session.config or Path(CONFIG_NAME)
    if dev and not config.exists():
        config = _development()
    settings = _checked(Session(config))
    import uvicorn  # noqa: PLC0415 - other commands do without a server

    address = host or settings.host
    if not _loopback(address):
        note("listening beyond this machine: put a proxy with TLS before it")
    number = settings.port if port is None else port
    # The service reads its settings by itself, so that the command line need not know it.
    os.environ["PROVENANCE_CONFIG"] = str(config.resolve())
    _allow_descriptors()
    say(f"provenance: serving on http://{address}:{number}, end with Ctrl+C")
    uvicorn.run(
        "provenance_api.app:create_app",
        factory=True,
        host=address,
        port=number,
        server_header=False,
        proxy_headers=False,
        http=getattr(importlib.import_module(_PROTOCOL[0]), _PROTOCOL[1]),
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_FAREWELL_S,
        limit_concurrency=_CONNECTIONS,
        log_level="warning",
    )
    return ExitCode.DONE


def _checked(session: Session) -> Settings:
    """Return the settings of an installation fit to serve; its keys are refused here in one line, case 114.

    Raises:
        ProvenanceError: No configuration, unfit keys or trust lists, or a registry of another version.
    """
    with session.installation() as opened:
        _ = opened.keys, opened.note_signer, opened.trust, opened.memory
        return opened.settings


def _allow_descriptors() -> None:
    """Raise this process's limit of open files as far as it may, for connections and bodies on their way."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if most == resource.RLIM_INFINITY else min(_DESCRIPTORS, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(allowed, wanted), most))


def _loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _development() -> Path:
    config = DEV_FOLDER / CONFIG_NAME
    if not config.exists():
        from provenance.setup import initialise  # noqa: PLC0415 - loads codecs and the database

        initialise(DEV_FOLDER, "TEST Publisher")
        note(f"made TEST keys and an empty registry in {path_text(DEV_FOLDER)}")
    return config
