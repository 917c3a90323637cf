"""Registering the material once; the cards are kept beside it until the code that makes them changes."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import cv2

import provenance
from bench.pictures.product import Card, card_of
from bench.pictures.raster import File

# What decides a card's contents: if one of these files changes, the cards are made again.
_SOURCES: Final = (
    *("fingerprint/image.py", "fingerprint/local.py", "fingerprint/iscc.py", "match/reference.py"),
    "media/picture.py",
)
# Files registered before their cards are kept.
_BLOCK: Final = 2500
#: Name of the set whose references are not kept: they are made again for the few that become candidates.
DISTRACTORS: Final = "distractors"


def version() -> str:
    """Return a digest of the code that makes codes, features and references."""
    [root] = provenance.__path__
    paths = [Path(root) / source for source in _SOURCES]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:12]


def cards(cache: Path, kind: str, paths: Sequence[Path], processes: int) -> tuple[list[Card], dict[str, str]]:
    """Return the cards of files, and why others could not be registered.

    Args:
        cache: Where the cards are kept.
        kind: Name of the set, for the kept file.
        paths: JPEG files.
        processes: Processes to share the work.
    """
    made: list[Card | str] = []
    for start in range(0, len(paths), _BLOCK):
        kept = cache / "cards" / f"{kind}-{start}-{len(paths[start : start + _BLOCK])}-{version()}.pickle"
        if not kept.exists():
            block = _made(paths[start : start + _BLOCK], processes, keep=kind != DISTRACTORS)
            kept.parent.mkdir(exist_ok=True)
            kept.write_bytes(pickle.dumps(block))
        made += pickle.loads(kept.read_bytes())
    refused = {path.stem: one for path, one in zip(paths, made, strict=True) if isinstance(one, str)}
    return [one for one in made if isinstance(one, Card)], refused


def _made(paths: Sequence[Path], processes: int, *, keep: bool) -> list[Card | str]:
    cv2.setNumThreads(1)
    with get_context("fork").Pool(processes) as pool:
        return pool.map(partial(_registered, keep=keep), paths, chunksize=32)


def _registered(path: Path, *, keep: bool) -> Card | str:
    return card_of(path.stem, File(path.read_bytes(), "JPEG"), path, keep=keep)
