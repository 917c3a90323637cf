"""Logs by their place: an address of http or https, a folder of tiles, or this installation's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from provenance_cli.session import Session

if TYPE_CHECKING:
    from provenance.ledger.source import TileSource


@contextmanager
def log_at(session: Session, place: str | None) -> Iterator[TileSource]:
    """Give the log at ``place``; None means this installation's own.

    Args:
        session: Finds the installation.
        place: ``https://host/log``, or a folder that holds ``checkpoint`` and ``tile``.

    Raises:
        ConfigError: No place was named and no installation is configured here.
    """
    from provenance.ledger.source import FolderSource, WebSource  # noqa: PLC0415 - loads the ledger
    from provenance.web import Web  # noqa: PLC0415 - loads httpx

    if place is None:
        with session.installation() as installation:
            yield installation.published
    elif "://" in place:
        with Web() as web:
            yield WebSource(web, place)
    else:
        yield FolderSource(Path(place))
