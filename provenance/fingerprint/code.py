"""Fingerprints as values: an algorithm with its version, and the bits it gave.

At the edges a fingerprint is spelled ``<algorithm>:<lower-case hex>``, for example
``phash64-v1:c3d4e1f0b2a59687``. Two fingerprints of different algorithms have no distance.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple, Self

from provenance.errors import FormatError


@dataclass(frozen=True, slots=True)
class Algorithm:
    """What is fixed about one kind of fingerprint.

    Attributes:
        name: Name with version; a change of the picture's preparation is a new version.
        bits: Length of the code, a multiple of 8.
        radius: Distance, bits, up to which two codes count as found to be the same content.
        false_match_rate: Upper end of the 95 % interval of the rate of wrong pairs within ``radius``; None
            where it was not measured.
        wide_radius: Distance, bits, up to which a pair is worth the cost of comparing local features.
        wide_rate: Rate of wrong pairs within ``wide_radius``.
        decode_path: Version of the way pixels are made for it (:mod:`provenance.media.picture`); another way is
            a new version of the algorithm, since it changes codes by a few bits.

    Source: docs/measurements.md, picture codes: 181,286 pairs of unrelated pictures. None was within 31 bits
    by PDQ (the rate given is 3/n, the 95 % bound of zero events); the wide radii are those at which one pair
    in 10,000 is wrong. The radii of phash64 and ISCC hold re-encoded and resized copies of 18 pictures.
    """

    name: str
    bits: int
    radius: int
    false_match_rate: float | None
    wide_radius: int
    wide_rate: float
    decode_path: str = "d1"

    @property
    def size(self) -> int:
        """Length of the code in bytes."""
        return self.bits // 8


#: 64-bit DCT code, equal to ``imagehash.phash``. Forgeable at will, hence a look-up key and never evidence.
PHASH64: Final = Algorithm(
    "phash64-v1", bits=64, radius=8, false_match_rate=None, wide_radius=15, wide_rate=1e-4
)
#: PDQ; 31 is the radius its authors publish, 87 holds with eight forms and the trimmed picture tried.
PDQ256: Final = Algorithm(
    "pdq256-v1", bits=256, radius=31, false_match_rate=1.7e-5, wide_radius=87, wide_rate=1e-4
)
#: ISCC Content-Code Image of ISO 24138, version 0, 256-bit body.
ISCC_IMAGE: Final = Algorithm(
    "iscc-image-v0", bits=256, radius=31, false_match_rate=None, wide_radius=91, wide_rate=1e-4
)
#: All algorithms by name.
ALGORITHMS: Final = MappingProxyType({each.name: each for each in (PHASH64, PDQ256, ISCC_IMAGE)})


class Nearby(NamedTuple):
    """A registered asset with a code near one that was asked for.

    Attributes:
        asset_id: The registration.
        distance: Bits by which its nearest code differs.
        time_s: Where in a film that code is, seconds; None for pictures and whole files.
    """

    asset_id: str
    distance: int
    time_s: float | None


_TEXT = re.compile(r"([a-z0-9-]{1,24}):([0-9a-f]{2,128})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A perceptual code.

    Attributes:
        algorithm: Name with version, one of :data:`ALGORITHMS`.
        value: The code, most significant bit first.
    """

    algorithm: str
    value: bytes

    def __post_init__(self) -> None:
        known = ALGORITHMS.get(self.algorithm)
        if known is None:
            raise ValueError(f"a fingerprint is one of {', '.join(ALGORITHMS)}, not {self.algorithm[:40]!r}")
        if len(self.value) != known.size:
            raise ValueError(f"{known.name} has {known.size} bytes, not {len(self.value)}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the fingerprint spelled ``<algorithm>:<lower-case hex>``; no other spelling is accepted.

        Raises:
            FormatError: The spelling, the algorithm or the length is another.
        """
        found = _TEXT.fullmatch(text)
        if found is None:
            raise FormatError(
                f"expected an algorithm, a colon and lower-case hex digits, found {text[:80]!r}",
                hint=f"algorithms: {', '.join(ALGORITHMS)}",
            )
        name, digits = found.groups()
        known = ALGORITHMS.get(name)
        if known is None:
            raise FormatError(
                f"expected a known fingerprint algorithm, found {name!r}",
                hint=f"algorithms: {', '.join(ALGORITHMS)}",
            )
        if len(digits) != 2 * known.size:
            raise FormatError(
                f"expected {2 * known.size} hex digits for {name}, found {len(digits)}",
                hint="provenance hash FILE prints fingerprints in this form",
            )
        return cls(name, bytes.fromhex(digits))

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value.hex()}"


def distance(a: Fingerprint, b: Fingerprint) -> int:
    """Return in how many bits two fingerprints of the same algorithm differ.

    Args:
        a: One fingerprint.
        b: The other.

    Returns:
        Hamming distance, 0 to the number of bits.

    Raises:
        FormatError: The algorithms differ.
    """
    if a.algorithm != b.algorithm:
        raise FormatError(
            f"expected two fingerprints of one algorithm, found {a.algorithm} and {b.algorithm}",
            hint="compute both with the same algorithm",
        )
    return (int.from_bytes(a.value) ^ int.from_bytes(b.value)).bit_count()
