"""Local features of a picture: what a copy is aligned by when whole-picture codes cannot tell.

ORB key points are chosen per cell of a grid, so that overlaid text cannot take all of them, and are ordered
so that every prefix is itself spread over the picture.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.errors import FormatError, UnmatchableError

#: Points kept of a registered picture. Source: docs/measurements.md, candidates by votes: recall among the
#: first 20 is .959 at 64, .969 at 100, .985 at 200 points.
COUNT: Final = 200
#: Cells along each side. Source: the same measurement; without cells overlay text takes every point.
GRID: Final = 8
#: Longer side, pixels, of the picture the points are found in; further scales of a query are 256 and 1024.
SIDE_PX: Final = 512
#: Bytes of one ORB descriptor (256 comparisons).
DESCRIPTOR_BYTES: Final = 32

# Pyramid of the same measurement: 8 levels 1.2 apart, FAST threshold 5 (low, so that smooth pictures still
# have points; the cells choose among them by response).
_SCALE_STEP = 1.2
_LEVELS = 8
_FAST_THRESHOLD = 5
# Points offered to the cells at 512 pixels: enough for 31 in each of 64 cells; at 1024 twice as many, since a
# picture within the picture has only its share of them. Fixed whatever the count asked for, or a short list
# would not be the start of a long one.
_POOL = 2000
# Patch of the descriptor, pixels; a shorter side than this holds no point at all.
_PATCH = 31
_MIN_SIDE_PX = _PATCH + 1

_MAGIC = b"LF\x01"
_HEAD = struct.Struct(">3sH")
_RECORD = 4 + DESCRIPTOR_BYTES
# One big-endian word a point: x 12 bits, y 12 bits (an eighth of a pixel at 512), angle 5 bits (11.25
# degrees), octave 3 bits.
_STEPS = 4095
_TURNS = 32

Gray = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Local features, the most useful first: every prefix is spread over the picture.

    Attributes:
        points: float32, shape (n, 2): x and y as fractions of width and height, 0..1.
        angle: float32, shape (n,): orientation, degrees clockwise from the x axis, 0..360.
        octave: uint8, shape (n,): pyramid level, 0..7; level k is seen at 1.2**-k of the picture's size.
        descriptors: uint8, shape (n, 32): 256 bits to be compared by Hamming distance.
    """

    points: NDArray[np.float32]
    angle: NDArray[np.float32]
    octave: NDArray[np.uint8]
    descriptors: NDArray[np.uint8]

    def __post_init__(self) -> None:
        n = len(self.points)
        shapes = (self.points.shape, self.angle.shape, self.octave.shape, self.descriptors.shape)
        if shapes != ((n, 2), (n,), (n,), (n, DESCRIPTOR_BYTES)):
            raise ValueError(f"features are arrays of one length n, not of shapes {shapes}")

    def __len__(self) -> int:
        return len(self.points)

    def first(self, count: int) -> Features:
        """Return the first ``count`` features (all, where there are fewer)."""
        return Features(
            self.points[:count], self.angle[:count], self.octave[:count], self.descriptors[:count]
        )

    def to_bytes(self) -> bytes:
        """Return the stored form: 5 bytes and 36 for each feature.

        ``LF`` 01, number of features (2 bytes, big-endian), then for each feature one big-endian word (x and
        y in 4095ths, 12 bits each; angle in 32nds of a turn, 5 bits; octave, 3 bits) and its descriptor.
        """
        if len(self) > 0xFFFF:
            raise ValueError(f"at most 65535 features are stored, not {len(self)}")
        steps = np.rint(np.clip(self.points, 0, 1) * _STEPS).astype(np.uint32)
        turn = (np.rint(self.angle * (_TURNS / 360)).astype(np.int64) % _TURNS).astype(np.uint32)
        words = (steps[:, 0] << 20) | (steps[:, 1] << 8) | (turn << 3) | self.octave.astype(np.uint32)
        records = np.hstack([words.astype(">u4").view(np.uint8).reshape(-1, 4), self.descriptors])
        return _HEAD.pack(_MAGIC, len(self)) + records.tobytes()

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """Return the features that :meth:`to_bytes` stored, coordinates rounded as documented there.

        Raises:
            FormatError: ``stored`` has another version or length.
        """
        if len(stored) < _HEAD.size or not stored.startswith(_MAGIC):
            raise FormatError(
                f"expected stored local features of version 1, found {stored[:3].hex() or 'nothing'}",
                hint="register the asset again with this version",
            )
        _, count = _HEAD.unpack_from(stored)
        if len(stored) != _HEAD.size + count * _RECORD:
            raise FormatError(
                f"expected {_HEAD.size + count * _RECORD} bytes for {count} features, found {len(stored)}",
                hint="the stored reference is damaged; register the asset again",
            )
        records = np.frombuffer(stored, np.uint8, offset=_HEAD.size).reshape(count, _RECORD)
        words = np.ascontiguousarray(records[:, :4]).view(">u4").reshape(count).astype(np.uint32)
        points = np.stack([words >> 20, (words >> 8) & 0xFFF], axis=1).astype(np.float32)
        points /= np.float32(_STEPS)
        angle = ((words >> 3) & 0x1F).astype(np.float32) * np.float32(360 / _TURNS)
        return cls(points, angle, (words & 7).astype(np.uint8), np.ascontiguousarray(records[:, 4:]))


def features(gray: Gray, count: int = COUNT, grid: int = GRID, side_px: int = SIDE_PX) -> Features:
    """Return up to ``count`` ORB features of a picture, spread over ``grid`` x ``grid`` cells.

    The picture is first brought to ``side_px`` pixels along its longer side, larger or smaller, so that the
    same content has the same features at any size.

    Args:
        gray: uint8, shape (height, width), upright.
        count: Most features to return, at least 1.
        grid: Cells along each side, at least 1.
        side_px: Longer side the picture is brought to, pixels.

    Returns:
        The features in round-robin order: the strongest of every cell, then the second of every cell, and so
        on; so the result for a smaller ``count`` is the start of the result for a larger one. A picture
        without texture has none, and the result is empty.

    Raises:
        FormatError: ``gray`` has another shape or type.
        UnmatchableError: The shorter side is under 32 pixels at ``side_px``: no descriptor fits.
    """
    if gray.ndim != 2 or gray.dtype != np.uint8 or gray.size == 0:
        raise FormatError(f"expected uint8 luma of shape (h, w), found {gray.dtype} {gray.shape}")
    if count < 1 or grid < 1:
        raise ValueError(f"count and grid are at least 1, not {count} and {grid}")
    picture = _sized(gray, side_px)
    height, width = picture.shape
    if min(height, width) < _MIN_SIDE_PX:
        raise UnmatchableError(
            f"picture is too narrow for local features: {width} x {height} pixels after scaling, "
            f"at least {_MIN_SIDE_PX} needed",
            hint="exact digests still find it",
        )
    orb = cv2.ORB.create(
        nfeatures=_POOL * max(1, side_px // SIDE_PX),
        scaleFactor=_SCALE_STEP,
        nlevels=_LEVELS,
        edgeThreshold=_PATCH,
        patchSize=_PATCH,
        fastThreshold=_FAST_THRESHOLD,
    )
    chosen = _spread(orb.detect(picture, None), width, height, grid)[:count]
    return _described(orb, picture, chosen)


def _sized(gray: Gray, side_px: int) -> Gray:
    height, width = gray.shape
    scale = side_px / max(height, width)
    if scale == 1:
        return np.ascontiguousarray(gray)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Area averaging is the one OpenCV filter that does not alias when shrinking; it is no better than
    # linear when enlarging.
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(gray, size, interpolation=way), np.uint8)


def _spread(found: Sequence[cv2.KeyPoint], width: int, height: int, grid: int) -> list[cv2.KeyPoint]:
    """Return the key points in round-robin order over the cells, by response within a round."""
    cells: dict[tuple[int, int], int] = {}
    ranked: list[tuple[int, float, float, float, cv2.KeyPoint]] = []
    for point in sorted(found, key=lambda p: (-p.response, p.octave, p.pt[1], p.pt[0])):
        x, y = point.pt
        cell = (min(grid - 1, int(x * grid / width)), min(grid - 1, int(y * grid / height)))
        turn = cells.get(cell, 0)
        cells[cell] = turn + 1
        ranked.append((turn, -point.response, y, x, point))
    ranked.sort(key=lambda entry: entry[:4])
    return [entry[4] for entry in ranked]


def _described(orb: cv2.ORB, picture: Gray, chosen: list[cv2.KeyPoint]) -> Features:
    # compute() groups points by level; class_id carries the order through it.
    for place, point in enumerate(chosen):
        point.class_id = place
    kept, descriptors = orb.compute(picture, chosen) if chosen else ((), None)
    if descriptors is None:
        return _empty()
    order = np.argsort([point.class_id for point in kept], kind="stable")
    ordered = [kept[i] for i in order]
    height, width = picture.shape
    points = np.array([point.pt for point in ordered], np.float32)
    points /= np.array([width, height], np.float32)
    return Features(
        points,
        np.array([point.angle for point in ordered], np.float32),
        np.array([point.octave & 0xFF for point in ordered], np.uint8),
        np.ascontiguousarray(descriptors[order], np.uint8),
    )


def _empty() -> Features:
    return Features(
        np.zeros((0, 2), np.float32),
        np.zeros(0, np.float32),
        np.zeros(0, np.uint8),
        np.zeros((0, DESCRIPTOR_BYTES), np.uint8),
    )
