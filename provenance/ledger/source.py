"""Where a log's public files are read from: its own database, a folder such as a mirror, or a server."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

from provenance.errors import FormatError, LimitError, NotFoundError, StorageError
from provenance.ledger.log import Log
from provenance.ledger.merkle import HASH_BYTES, TILE_WIDTH
from provenance.ledger.note import MAX_NOTE_BYTES
from provenance.ledger.store import Store
from provenance.ledger.tiles import CHECKPOINT_PATH, TileName, pack_bundle
from provenance.web import Web

#: Last byte of an entry position that SQL can hold.
_MAX_INDEX: Final = (1 << 63) - 1


class TileSource(Protocol):
    """The public files of one log, wherever they are; nothing that it gives is trusted."""

    def read(self, path: str, max_bytes: int) -> bytes:
        """Return the file at ``path`` below the log's prefix.

        Raises:
            NotFoundError: There is none.
            LimitError: It is larger than ``max_bytes``.
            UnavailableError: It cannot be read now.
        """


def read_note(source: TileSource) -> str:
    """Return the newest checkpoint of a log, unchecked.

    Raises:
        NotFoundError: There is no log.
        FormatError: Not text.
        UnavailableError: It cannot be read now.
    """
    try:
        return source.read(CHECKPOINT_PATH, MAX_NOTE_BYTES).decode("utf-8")
    except UnicodeDecodeError as cause:
        raise FormatError("expected a checkpoint in UTF-8, found other bytes") from cause


class FolderSource:
    """A log as plain files.

    Args:
        folder: What :mod:`provenance.ledger.mirror` writes, or any other tlog-tiles tree.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str, max_bytes: int) -> bytes:
        """Return the file at ``path``; raises as :meth:`TileSource.read` does."""
        try:
            with (self._folder / path).open("rb") as file:
                content = file.read(max_bytes + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as cause:
            raise NotFoundError(
                f"expected a log in {self._folder}, found no file {path}",
                hint="name the folder of checkpoint",
            ) from cause
        except OSError as cause:
            raise StorageError(
                f"expected to read {self._folder / path}, found: {cause.strerror}", hint="check the disk"
            ) from cause
        if len(content) > max_bytes:
            raise LimitError(f"expected at most {max_bytes} bytes in {path}, found more")
        return content


class WebSource:
    """A log on a web server.

    Args:
        web: The client.
        prefix: Address below which ``checkpoint`` and ``tile/`` lie, for example ``https://host/log``.
    """

    def __init__(self, web: Web, prefix: str) -> None:
        self._web, self._prefix = web, prefix.rstrip("/")

    def read(self, path: str, max_bytes: int) -> bytes:
        """Return the file at ``path``; raises as :meth:`TileSource.read` does."""
        return self._web.get(f"{self._prefix}/{path}", max_bytes)


class StoreSource:
    """This installation's log, as the files that it publishes.

    Args:
        log: The log; gives the checkpoint.
        store: Its database.
        witnessed: Publish the newest checkpoint that enough witnesses cosigned, once there is one, in place
            of a newer one that they have not seen yet.
    """

    def __init__(self, log: Log, store: Store, *, witnessed: bool = False) -> None:
        self._log, self._store, self._witnessed = log, store, witnessed

    def read(self, path: str, max_bytes: int) -> bytes:
        """Return the file at ``path``; raises as :meth:`TileSource.read` does."""
        content = self._checkpoint() if path == CHECKPOINT_PATH else self._read(path)
        if len(content) > max_bytes:
            raise LimitError(f"expected at most {max_bytes} bytes in {path}, found more")
        return content

    def _checkpoint(self) -> bytes:
        note = self._store.cosigned() if self._witnessed else None
        return (note if note is not None else self._log.checkpoint()).encode()

    def _read(self, path: str) -> bytes:
        try:
            name = TileName.parse(path)
        except FormatError as cause:
            raise _missing(path) from cause
        return self.bundle(name) if name.level is None else self.tile(name)

    def tile(self, name: TileName) -> bytes:
        """Return the hashes of a tile.

        Every width up to the present one is given, also after the tile has grown: each was that of a log of
        some size, and what a checkpoint was signed for is never taken back.

        Raises:
            NotFoundError: The log is shorter.
        """
        if name.level is None or name.number > _MAX_INDEX:
            raise _missing(name.path)
        content = self._store.tile(name.level, name.number)
        wanted = name.width * HASH_BYTES
        if len(content) < wanted:
            raise _missing(name.path)
        return content[:wanted]

    def bundle(self, name: TileName) -> bytes:
        """Return the entries of a bundle.

        Raises:
            NotFoundError: The log is shorter.
        """
        first = name.number * TILE_WIDTH
        if first + name.width > _MAX_INDEX:
            raise _missing(name.path)
        rows = self._store.leaves(first, first + name.width)
        if len(rows) != name.width:
            raise _missing(name.path)
        return pack_bundle([leaf for _, _, leaf in rows])


def _missing(path: str) -> NotFoundError:
    return NotFoundError(f"expected a tile of this log, found no {path[:100]}", hint="see the checkpoint")
