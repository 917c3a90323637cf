"""Manifest stores as only a dishonest writer makes them: taken apart, changed, and signed again with a real key.

The engine's own writer refuses most of what is made here, so boxes are put together by hand (ISO 19566-5; C2PA
Technical Specification 2.2, 11.1). A store keeps its length: what it gains is taken from the padding of the signature.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Self

import cbor2
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

#: Header of a JUMBF segment in JPEG before the box itself: marker, length, "JP", box instance, sequence number.
_SEGMENT = 12
_MOST = 65_000
Sign = Callable[[bytes], bytes]


@dataclass
class Box:
    """A superbox: its description, and boxes or superboxes in it."""

    description: bytes
    parts: list[tuple[bytes, bytes] | Box] = field(default_factory=list)

    @classmethod
    def parse(cls, content: bytes) -> Self:
        (_, description), *rest = boxes(content)
        return cls(description, [cls.parse(part) if kind == b"jumb" else (kind, part) for kind, part in rest])

    @property
    def label(self) -> str:
        return self.description[17:].partition(b"\0")[0].decode()

    def named(self, label: str) -> Box:
        return next(one for one in self.parts if isinstance(one, Box) and one.label == label)

    @property
    def content(self) -> bytes:
        """What hashes of the box are made of: everything but its own header."""
        return box(b"jumd", self.description) + b"".join(
            box(b"jumb", one.content) if isinstance(one, Box) else box(*one) for one in self.parts
        )

    @property
    def value(self) -> Any:
        return cbor2.loads(next(one[1] for one in self.parts if not isinstance(one, Box)))

    @value.setter
    def value(self, value: Any) -> None:
        self.parts = [(b"cbor", value if isinstance(value, bytes) else cbor2.dumps(value))]


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    while content:
        size, kind = struct.unpack_from(">I4s", content)
        yield kind, content[8:size]
        content = content[size:]


def superbox(kind: bytes, label: str, *parts: tuple[bytes, bytes] | Box) -> Box:
    """A superbox whose type is the four letters and the tail that all of C2PA share."""
    head = kind + b"\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71" + b"\x03" + label.encode() + b"\0"
    return Box(head, list(parts))


class Forged:
    """The manifest store of a signed JPEG with one segment of JUMBF, open for changes.

    Args:
        jpeg: A signed file.
    """

    def __init__(self, jpeg: bytes) -> None:
        at = jpeg.index(b"\xff\xeb")
        length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        self.before, self.after = jpeg[:at], jpeg[at + 2 + length :]
        self._size = length - (_SEGMENT - 2)
        [(_, content)] = boxes(jpeg[at + _SEGMENT : at + 2 + length])
        self.store = Box.parse(content)

    @property
    def manifest(self) -> Box:
        return next(one for one in reversed(self.store.parts) if isinstance(one, Box))

    @property
    def assertions(self) -> Box:
        return self.manifest.named("c2pa.assertions")

    @property
    def claim(self) -> Box:
        return self.manifest.named("c2pa.claim.v2")

    def change(self, label: str, value: Any) -> None:
        """Give an assertion another content, and the claim its hash."""
        self.assertions.named(label).value = value
        self._rehash(label)

    def add(self, label: str, value: Any) -> None:
        """Add an assertion to the store and to the claim."""
        self.assertions.parts.append(superbox(b"cbor", label, (b"cbor", cbor2.dumps(value))))
        claim = self.claim.value
        claim["created_assertions"].append({"url": f"self#jumbf=c2pa.assertions/{label}", "hash": b""})
        self.claim.value = claim
        self._rehash(label)

    def _rehash(self, label: str) -> None:
        claim = self.claim.value
        for listed in (*claim.get("created_assertions", ()), *claim.get("gathered_assertions", ())):
            if listed["url"].endswith("/" + label):
                listed["hash"] = sha256(self.assertions.named(label).content).digest()
        self.claim.value = claim

    def sign(self, sign: Sign, protected: Callable[[dict[int, Any]], None] = lambda _: None) -> None:
        """Sign the claim as it is now, with a signature in DER or raw; ``protected`` may change its headers."""
        headers, unprotected, payload, _ = self.manifest.named("c2pa.signature").value.value
        named = cbor2.loads(headers)
        protected(named)
        headers = cbor2.dumps(named)
        claim = next(one[1] for one in self.claim.parts if not isinstance(one, Box))
        signature = sign(cbor2.dumps(["Signature1", headers, b"", claim]))
        self.put([headers, unprotected, payload, raw(signature) if signature[:1] == b"\x30" else signature])

    def put(self, parts: list[Any]) -> None:
        """Put a COSE message in place, with as much padding as the store has room for."""
        signature = self.manifest.named("c2pa.signature")
        parts[1] = {**parts[1], "pad": b""}
        signature.value = cbor2.dumps(cbor2.CBORTag(18, parts))
        room = self._size - len(box(b"jumb", self.store.content))
        assert room >= 260, "the padding is too small for what was added"
        parts[1]["pad"] = bytes(room - 2)  # a length of 256 to 65,535 takes two bytes more than one of 0
        signature.value = cbor2.dumps(cbor2.CBORTag(18, parts))

    def jpeg(self) -> bytes:
        return self.before + segments(box(b"jumb", self.store.content)) + self.after


def raw(der: bytes) -> bytes:
    """An ECDSA signature over P-256 as COSE has it, r and s of 32 bytes each."""
    return b"".join(part.to_bytes(32, "big") for part in decode_dss_signature(der))


def segments(store: bytes) -> bytes:
    """A store as segments of a JPEG; those after the first repeat the header of the box. Source: ISO 19566-5, D.2."""
    made = b""
    for number, at in enumerate(range(8, len(store), _MOST), start=1):
        part = store[:8] + store[at : at + _MOST]
        made += struct.pack(">HH2sHI", 0xFFEB, len(part) + 10, b"JP", 0x0211, number) + part
    return made
