"""Signed notes: text, a blank line, and one line for each signature (C2SP signed-note).

Only the spelling is read here; who signed is checked in :mod:`provenance.ledger.checkpoint`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NoReturn, Self

from provenance.errors import CheckpointError

#: Longest note, bytes. Source: signed-note demands room for 16 signatures of up to 5 kB each.
MAX_NOTE_BYTES: Final = 128 << 10
#: Most signature lines. Source: signed-note demands 16 at least.
MAX_SIGNATURES: Final = 64
#: Key names hold no space and no plus sign. Source: C2SP signed-note, "Format".
NAME: Final = re.compile(r"[^\s+\x00-\x20\x7f\ud800-\udfff]{1,200}")
_KEY_ID_BYTES: Final = 4
_SIGNATURE = re.compile(r"\u2014 ([^\s+]{1,200}) ([A-Za-z0-9+/]+={0,2})")


class KeyType(IntEnum):
    """What a key signs and how. Source: C2SP signed-note, "Signature types"."""

    ED25519 = 0x01  # the text itself: a log
    COSIGN_ED25519 = 0x04  # text and time: a witness
    COSIGN_MLDSA44 = 0x06  # tree head and time, safe against quantum computers: a log or a witness

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        raise ValueError(f"expected a name, a key id and a key of type 1, 4 or 6, found type {value}")

    @property
    def public_bytes(self) -> int:
        """Length of a raw public key. Source: RFC 8032 section 5.1.5; FIPS 204 table 2."""
        return 1312 if self is KeyType.COSIGN_MLDSA44 else 32

    @property
    def algorithm(self) -> str:
        """Name of the signature algorithm."""
        return "ML-DSA-44" if self is KeyType.COSIGN_MLDSA44 else "Ed25519"


def key_id(name: str, kind: KeyType, public: bytes) -> bytes:
    """Return the four bytes by which notes name a key.

    Source: C2SP signed-note, "Signatures"; C2SP tlog-cosignature, "Format".
    """
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:_KEY_ID_BYTES]


def decode_base64(text: str) -> bytes:
    """Return the bytes of standard base64 in its one canonical spelling.

    Raises:
        ValueError: Another alphabet, missing padding, or bits that are lost.
    """
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as cause:  # ValueError: not ASCII
        raise ValueError("expected standard base64") from cause
    if base64.b64encode(content).decode() != text:
        raise ValueError("expected canonical base64")
    return content


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One signature of a note.

    Attributes:
        name: Key name.
        key_id: Four bytes that tell the keys of one name apart.
        signature: What the key made of the text; its length depends on the key's type.
    """

    name: str
    key_id: bytes
    signature: bytes

    def format(self) -> str:
        """Return the line with its newline."""
        return f"\u2014 {self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"

    @classmethod
    def parse(cls, line: str) -> Self:
        """Return the signature in ``line``, given without its newline.

        Raises:
            CheckpointError: Spelled otherwise.
        """
        found = _SIGNATURE.fullmatch(line)
        if found is None:
            raise CheckpointError("expected signature lines of dash, name and base64, found another line")
        try:
            content = decode_base64(found.group(2))
        except ValueError as cause:
            raise CheckpointError(f"expected a signature line: {cause}") from cause
        return cls(found.group(1), content[:_KEY_ID_BYTES], content[_KEY_ID_BYTES:])


def parse_lines(text: str) -> tuple[SignatureLine, ...]:
    """Return the signatures of some lines, each ended by a newline: the tail of a note, a witness's answer.

    Raises:
        CheckpointError: No line, too many, or one that is no signature.
    """
    if not text.endswith("\n"):
        raise CheckpointError("expected signature lines that end with a newline")
    lines = text[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise CheckpointError(f"expected at most {MAX_SIGNATURES} signatures, found {len(lines)}")
    return tuple(SignatureLine.parse(line) for line in lines)


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A text and its signatures, none of them checked.

    Attributes:
        text: What is signed, with its last newline.
        signatures: In their order.
    """

    text: str
    signatures: tuple[SignatureLine, ...]

    @classmethod
    def parse(cls, note: str) -> Self:
        """Return the parts of ``note``.

        Raises:
            CheckpointError: No signed note, or longer than 128 KiB.
        """
        if len(note.encode(errors="replace")) > MAX_NOTE_BYTES:
            raise CheckpointError(f"expected a note of at most {MAX_NOTE_BYTES} bytes, found a longer one")
        text, blank, signatures = note.rpartition("\n\n")
        if not blank:
            raise CheckpointError("expected a signed note: text, a blank line, signature lines")
        return cls(text + "\n", parse_lines(signatures))

    def format(self) -> str:
        """Return the note."""
        return self.text + "\n" + "".join(each.format() for each in self.signatures)

    def with_signatures(self, more: Iterable[SignatureLine]) -> Self:
        """Return the note with further signatures; a key that signed before is replaced by its newer one."""
        kept = {(each.name, each.key_id): each for each in (*self.signatures, *more)}
        return type(self)(self.text, tuple(kept.values()))
