"""ISCC units (ISO 24138:2024) and their sequence as the ``io.iscc.v0`` soft binding of a C2PA manifest.

A unit is a two-byte header and a 256-bit body; its text form is ``ISCC:`` and the base32 of both. The value
of the soft binding is the concatenation of units (ISCC-SEQ). Pictures, sound and the bytes of any file have
units here. The Content-Code Video is left out: it needs MPEG-7 video signatures, which no decoder in the
wheels computes; a film carries the units of its sound and of its bytes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO, Final, Self

import iscc_lib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from provenance.digest import BLOCK_BYTES
from provenance.errors import FormatError, UnmatchableError
from provenance.fingerprint.code import ISCC_IMAGE, Fingerprint

#: Name of the soft-binding algorithm in the list the C2PA keeps.
SOFT_BINDING_ALGORITHM: Final = "io.iscc.v0"
#: Bits of every unit's body; the soft binding demands the full length.
UNIT_BITS: Final = 256
_UNIT_BYTES = UNIT_BITS // 8
_HEADER_BYTES = 2
_RECORD = _HEADER_BYTES + _UNIT_BYTES
#: Most units a soft binding is read with: one of each kind there is leaves room to spare.
MAX_UNITS: Final = 16
# 34 bytes are 55 base32 digits without padding.
_TEXT = re.compile(r"ISCC:([A-Z2-7]{55})", re.ASCII)
# Side of the picture the image code is computed from; the same for every picture (ISO 24138, Image-Code).
_SIDE_PX = 32
_BLOCK_ROWS = 16
# Set bits, of 256, of a code that is a picture's own: the shares SR-29 asks of 64-bit codes.
_SET_BITS = range(48, 209)


class UnitKind(Enum):
    """The units read here; the value is the header: main type, sub type, version 0, length index of 256 bits.

    Source: ISO 24138:2024, header of a unit: four fields of four bits each for these values.
    """

    META = b"\x00\x07"
    SEMANTIC_TEXT = b"\x10\x07"
    SEMANTIC_IMAGE = b"\x11\x07"
    CONTENT_TEXT = b"\x20\x07"
    CONTENT_IMAGE = b"\x21\x07"
    CONTENT_AUDIO = b"\x22\x07"
    CONTENT_VIDEO = b"\x23\x07"
    CONTENT_MIXED = b"\x24\x07"
    DATA = b"\x30\x07"
    INSTANCE = b"\x40\x07"


#: Under which names the bodies of searchable units are stored, one code of 256 bits each.
UNIT_ALGORITHMS: Final = {
    UnitKind.CONTENT_IMAGE: ISCC_IMAGE.name,
    UnitKind.CONTENT_AUDIO: "iscc-audio-v0",
    UnitKind.DATA: "iscc-data-v0",
    UnitKind.INSTANCE: "iscc-instance-v0",
}


@dataclass(frozen=True, slots=True)
class Unit:
    """One ISCC unit.

    Attributes:
        kind: What it speaks of.
        body: Its 32 bytes.
    """

    kind: UnitKind
    body: bytes

    def __post_init__(self) -> None:
        if len(self.body) != _UNIT_BYTES:
            raise ValueError(f"a unit's body has {_UNIT_BYTES} bytes, not {len(self.body)}")

    def __str__(self) -> str:
        return "ISCC:" + base64.b32encode(self.to_bytes()).decode("ascii").rstrip("=")

    def to_bytes(self) -> bytes:
        """Return header and body, 34 bytes."""
        return self.kind.value + self.body

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Return the unit of 34 bytes.

        Raises:
            FormatError: The length is another, or the header is not of a unit read here.
        """
        if len(raw) != _RECORD:
            raise FormatError(f"expected an ISCC unit of {_RECORD} bytes, found {len(raw)}")
        header = raw[:_HEADER_BYTES]
        if header not in {kind.value for kind in UnitKind}:
            raise FormatError(
                f"expected the header of a 256-bit ISCC unit, found {header.hex()}",
                hint="composite codes, identifiers and shortened units are not part of a soft binding",
            )
        return cls(UnitKind(header), raw[_HEADER_BYTES:])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the unit spelled ``ISCC:`` and 55 upper-case base32 digits; no other spelling is accepted.

        Raises:
            FormatError: The spelling or the header is another.
        """
        found = _TEXT.fullmatch(text)
        if found is None:
            raise FormatError(f"expected ISCC: and 55 base32 digits of a 256-bit unit, found {text[:80]!r}")
        unit = cls.from_bytes(base64.b32decode(found.group(1) + "="))
        if str(unit) != text:
            raise FormatError("expected the canonical base32 spelling of an ISCC unit, found stray bits")
        return unit


def image_unit(picture: NDArray[np.uint8]) -> Unit:
    """Return the Content-Code Image of a picture.

    Source: ISO 24138:2024, Image-Code, as its reference software prepares pictures: transparency on white, a
    uniform border of the top left pixel's colour taken off, BT.601 luma, bicubic to 32 x 32, both with
    Pillow's integer arithmetic.

    Args:
        picture: uint8, shape (height, width, 3) or, with alpha, (height, width, 4), upright.

    Raises:
        FormatError: ``picture`` has another shape or type.
        UnmatchableError: The picture is so flat that its code would be shared by other flat pictures.
    """
    if picture.ndim != 3 or picture.shape[2] not in (3, 4) or picture.dtype != np.uint8 or not picture.size:
        raise FormatError(f"expected uint8 of shape (h, w, 3 or 4), found {picture.dtype} {picture.shape}")
    opaque = Image.fromarray(_trimmed(_on_white(picture)))
    small = opaque.convert("L").resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BICUBIC)
    unit = Unit.parse(iscc_lib.gen_image_code_v0(np.asarray(small).tobytes(), bits=UNIT_BITS).iscc)
    ones = int.from_bytes(unit.body).bit_count()
    if ones not in _SET_BITS:
        raise UnmatchableError(
            f"picture is too flat for an ISCC: {ones} of {UNIT_BITS} bits set, "
            f"{_SET_BITS.start} to {_SET_BITS.stop - 1} needed",
            hint="exact digests still find it",
        )
    return unit


def image_code(picture: NDArray[np.uint8]) -> Fingerprint:
    """Return the body of the Content-Code Image as a fingerprint; see :func:`image_unit`."""
    return Fingerprint(ISCC_IMAGE.name, image_unit(picture).body)


def audio_unit(codes: NDArray[np.uint32]) -> Unit:
    """Return the Content-Code Audio of sound codes.

    Args:
        codes: uint32, shape (n,), as :class:`provenance.fingerprint.sound.Sound` holds them.

    Raises:
        FormatError: ``codes`` has another shape or type.
        UnmatchableError: There are no codes.

    Source: ISO 24138:2024, Audio-Code: computed from the codes read as signed 32-bit integers.
    """
    if codes.ndim != 1 or codes.dtype != np.uint32:
        raise FormatError(f"expected uint32 codes of shape (n,), found {codes.dtype} {codes.shape}")
    if not len(codes):
        raise UnmatchableError("sound is too short for an ISCC: it has no codes")
    return Unit.parse(iscc_lib.gen_audio_code_v0(codes.view(np.int32).tolist(), bits=UNIT_BITS).iscc)


def stream_units(stream: BinaryIO) -> tuple[Unit, Unit]:
    """Return the Data-Code and the Instance-Code of what remains in ``stream``, read in bounded blocks.

    The Data-Code stays near for files of which parts are the same; the Instance-Code is the start of the
    BLAKE3 digest of the bytes.
    """
    data = iscc_lib.DataHasher()
    instance = iscc_lib.InstanceHasher()
    while block := stream.read(BLOCK_BYTES):
        data.update(block)
        instance.update(block)
    return (
        Unit.parse(data.finalize(bits=UNIT_BITS).iscc),
        Unit.parse(instance.finalize(bits=UNIT_BITS).iscc),
    )


def sequence(units: Iterable[Unit]) -> bytes:
    """Return the ISCC-SEQ of units: the bytes of a soft binding's value (base64 of them in JSON).

    Units stand in the order of their headers, each kind at most once.

    Raises:
        ValueError: No unit, or two of one kind.
    """
    chosen = sorted(units, key=lambda unit: unit.kind.value)
    if not chosen or len({unit.kind for unit in chosen}) != len(chosen):
        raise ValueError("an ISCC-SEQ holds at least one unit and each kind at most once")
    return b"".join(unit.to_bytes() for unit in chosen)


def read_sequence(value: bytes) -> tuple[Unit, ...]:
    """Return the units of an ISCC-SEQ found in a manifest; it is somebody's claim until compared.

    Raises:
        FormatError: The length is not that of 1 to :data:`MAX_UNITS` units, or a header is not a unit's.
    """
    if not value or len(value) % _RECORD or len(value) > MAX_UNITS * _RECORD:
        raise FormatError(
            f"expected 1 to {MAX_UNITS} ISCC units of {_RECORD} bytes, found {len(value)} bytes"
        )
    return tuple(Unit.from_bytes(value[i : i + _RECORD]) for i in range(0, len(value), _RECORD))


def _on_white(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if picture.shape[2] == 3:
        return picture
    over = Image.fromarray(picture)
    white = Image.new("RGBA", over.size, (255, 255, 255, 255))
    return np.asarray(Image.alpha_composite(white, over).convert("RGB"))


def _trimmed(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the picture without the border of exactly the top left pixel's colour; all of it if uniform."""
    colour = rgb[0, 0]
    top, bottom = _plain_rows(rgb, colour), len(rgb) - _plain_rows(rgb[::-1], colour)
    if top >= bottom:
        return rgb
    turned = rgb[top:bottom].transpose(1, 0, 2)
    left, right = _plain_rows(turned, colour), len(turned) - _plain_rows(turned[::-1], colour)
    return np.ascontiguousarray(rgb[top:bottom, left:right])


def _plain_rows(rgb: NDArray[np.uint8], colour: NDArray[np.uint8]) -> int:
    """Return how many of the first rows hold nothing but ``colour``."""
    # In blocks, since most pictures have no border and the first row says so.
    for start in range(0, len(rgb), _BLOCK_ROWS):
        differs = np.flatnonzero((rgb[start : start + _BLOCK_ROWS] != colour).any(axis=(1, 2)))
        if len(differs):
            return start + int(differs[0])
    return len(rgb)
