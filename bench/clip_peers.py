"""What others do, in the same run: bags of frame codes, the first eight frames, plain Chromaprint matching.

- Bag of frames: PDQ of one frame a second, as vPDQ does; found where at least 80 % of the clip's frames with quality
  50 or more have a frame of the original within 31 bits (the defaults of vPDQ).
- First eight: PDQ of the first eight frames at one a second, as rooted does; found where half of them are near.
- Chromaprint: the codes slid past every recording, nothing else; found at the shares of differing bits that one of
  1,000 unrelated excerpts reaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np
import pdqhash
from numpy.typing import NDArray

from bench.clip_material import Original
from bench.clip_waves import read_wave
from provenance.errors import UnmatchableError
from provenance.fingerprint.sound import RATE_HZ, sound

RADIUS: Final = 31
QUALITY: Final = 50
BAG_SHARE: Final = 0.8
FIRST: Final = 8
#: Codes and share of differing bits. Source: an earlier study of 10,192 unrelated excerpts of 5, 10 and 30 s.
CHROMAPRINT: Final = ((19, 0.265), (59, 0.338), (221, 0.382))

Bits = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Frames:
    """PDQ codes of a film at one frame a second, bits as uint8 (n, 32); only those of quality 50 and more."""

    codes: Bits


def frames_of(path: Path) -> Frames:
    """Return the codes of a film's frames at one a second."""
    found: list[Bits] = []
    with av.open(str(path)) as film:
        wanted = 0.0
        for frame in film.decode(video=0):
            if frame.time < wanted:
                continue
            wanted += 1.0
            bits, quality = pdqhash.compute(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
            if quality >= QUALITY:
                found.append(np.packbits(bits))
    return Frames(np.array(found, np.uint8).reshape(-1, 32))


def near(copy: Bits, original: Bits) -> NDArray[np.bool_]:
    """Return for each code of the copy whether the original has one within 31 bits."""
    if not len(copy) or not len(original):
        return np.zeros(len(copy), np.bool_)
    distances = np.bitwise_count(copy[:, None] ^ original[None]).sum(axis=2)
    return np.asarray(distances.min(axis=1) <= RADIUS)


class Peers:
    """The three methods over the registered originals."""

    def __init__(self, originals: Sequence[Original]) -> None:
        self._films = {one.name: frames_of(one.path) for one in originals if one.film}
        self._sounds: dict[str, NDArray[np.uint32]] = {}
        for one in originals:
            if one.voice or not one.film:
                self._sounds[one.name] = codes_of(one.path)

    def bag(self, clip: Frames) -> set[str]:
        """Return the films found by their bag of frames."""
        return {
            name
            for name, film in self._films.items()
            if len(clip.codes) and near(clip.codes, film.codes).mean() >= BAG_SHARE
        }

    def first(self, clip: Frames) -> set[str]:
        """Return the films found by their first eight frames."""
        return {
            name
            for name, film in self._films.items()
            if len(clip.codes) and near(clip.codes[:FIRST], film.codes[:FIRST]).mean() >= 0.5
        }

    def chromaprint(self, path: Path) -> set[str]:
        """Return the recordings within the shares of differing bits of plain codes."""
        codes = codes_of(path)
        if not len(codes):
            return set()
        known, limits = zip(*CHROMAPRINT, strict=True)
        limit = float(np.interp(np.log(len(codes)), np.log(known), limits))
        return {name for name, stored in self._sounds.items() if slid(codes, stored) <= limit}


def codes_of(path: Path) -> NDArray[np.uint32]:
    """Return the Chromaprint codes of a file's sound; none where it is too short or silent."""
    wave = read_wave(path, rate=RATE_HZ)
    try:
        return sound(wave).codes
    except UnmatchableError:
        return np.zeros(0, np.uint32)


def slid(codes: NDArray[np.uint32], stored: NDArray[np.uint32]) -> float:
    """Return the least share of differing bits of codes at any place of stored ones; 1 where they do not fit."""
    count = len(stored) - len(codes) + 1
    if count <= 0:
        return 1.0
    bits = np.zeros(count, np.uint32)
    for at, code in enumerate(codes):
        bits += np.bitwise_count(stored[at : at + count] ^ code)
    return float(bits.min()) / (32 * len(codes))
