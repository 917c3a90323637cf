"""SHA-256 digests as values: 32 bytes inside, ``sha256:<64 hex>`` at the edges."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import BinaryIO, Self

from provenance.errors import FormatError

_TEXT = re.compile(r"sha256:([0-9a-f]{64})")
#: Bytes read at a time while hashing a stream; larger blocks gain nothing (measured: 8 MiB equals 1 MiB).
BLOCK_BYTES = 1 << 20
_BYTES = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class Digest:
    """The SHA-256 of a sequence of bytes.

    Args:
        value: The 32 digest bytes.
    """

    value: bytes

    def __post_init__(self) -> None:
        if len(self.value) != _BYTES:
            raise ValueError(f"a SHA-256 digest is 32 bytes, not {len(self.value)}")

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Return the digest of ``content``."""
        return cls(hashlib.sha256(content).digest())

    @classmethod
    def of_stream(cls, stream: BinaryIO) -> Self:
        """Return the digest of what remains in ``stream``, read in blocks of bounded size."""
        state = hashlib.sha256()
        while block := stream.read(BLOCK_BYTES):
            state.update(block)
        return cls(state.digest())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the digest spelled ``sha256:<64 lower-case hex digits>``; no other spelling is accepted.

        Raises:
            FormatError: ``text`` is spelled otherwise.
        """
        found = _TEXT.fullmatch(text)
        if found is None:
            raise FormatError(
                f"expected sha256: and 64 lower-case hex digits, found {text[:80]!r}",
                hint="provenance hash FILE prints digests in this form",
            )
        return cls(bytes.fromhex(found.group(1)))

    def __str__(self) -> str:
        return f"sha256:{self.value.hex()}"
