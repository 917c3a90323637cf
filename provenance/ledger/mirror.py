"""A mirror: the log as a tree of plain files that any web server can serve."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from provenance import files
from provenance.errors import ConflictError, ProofError
from provenance.ledger.checkpoint import Checkpoint, LogVerifier, open_checkpoint
from provenance.ledger.source import FolderSource, TileSource, read_note
from provenance.ledger.tiles import CHECKPOINT_PATH, TileName, bundles_of, tiles_of
from provenance.ledger.verified import VerifiedTiles


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What a run of the mirror did.

    Attributes:
        checkpoint: Tree head that the folder now shows.
        written: Files written.
    """

    checkpoint: Checkpoint
    written: int


def mirror(source: TileSource, folder: Path, keys: LogVerifier) -> Mirrored:
    """Make ``folder`` show the newest checkpoint of ``source``, with every tile and entry below it.

    In this order:

    1. The checkpoint is read and its signature checked; it must continue the one in the folder.
    2. Tiles and bundles that are not there yet are read, checked against the signed tree, and written whole.
    3. The checkpoint is replaced last: at every moment, also after a kill, the folder shows a complete log.

    Args:
        source: The log.
        folder: Where to; made if it is not there. Partial tiles of earlier sizes stay.
        keys: Keys of the log.

    Raises:
        CheckpointError: The checkpoint of the log, or the one in the folder, is not signed by ``keys``.
        ConflictError: The log does not continue what the folder shows.
        ProofError: A tile or an entry is not the one that was signed.
        NotFoundError: A file of the log is missing.
        StorageError: The folder cannot be written.
        UnavailableError: The log cannot be read now.
    """
    note = read_note(source)
    point = open_checkpoint(note, keys)
    tiles = VerifiedTiles(source, point)
    before = _shown(folder, keys)
    if before is not None:
        try:
            tiles.check_continues(before)
        except ProofError as cause:
            raise ConflictError(
                f"expected a log that continues the {before.size} entries of the mirror: {cause.message}",
                hint="keep the mirror as evidence; make a new one in another folder",
            ) from cause
    done = before.size if before is not None else 0
    written = 0
    for name in (*tiles_of(point.size, done), *bundles_of(point.size, done)):
        path = folder / name.path
        if path.is_file():  # written whole and checked, by an earlier run that did not come to its end
            continue
        content = _entries(tiles, name) if name.level is None else tiles.tile(name.level, name.number)
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_whole(path, content, replace=True)
        written += 1
    folder.mkdir(parents=True, exist_ok=True)
    files.write_whole(folder / CHECKPOINT_PATH, note.encode(), replace=True)
    return Mirrored(point, written + 1)


def _shown(folder: Path, keys: LogVerifier) -> Checkpoint | None:
    if not (folder / CHECKPOINT_PATH).is_file():
        return None
    return open_checkpoint(read_note(FolderSource(folder)), keys)


def _entries(tiles: VerifiedTiles, name: TileName) -> bytes:
    bundle = tiles.bundle(name)
    if bundle.wrong:
        raise ProofError(
            f"entry {bundle.wrong[0]}: expected the bytes that the signed tree has, found others",
            hint="the log's entries were changed after they were signed; nothing of them was mirrored",
        )
    return bundle.content
