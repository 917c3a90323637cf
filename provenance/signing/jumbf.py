"""The few boxes of a C2PA manifest store that the engine does not hand out: claim bytes and signing leaf.

Only stores that the engine has already parsed come here, and still nothing is trusted: every length is
checked, depth and size are bounded, and a surprise is a :class:`~provenance.errors.CredentialError`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import cbor2

from provenance.errors import CredentialError

#: COSE header label of the certificate chain. Source: RFC 9360, section 2.
_X5CHAIN = 33
#: Names of the claim box, newest first. Source: C2PA Technical Specification 2.1, 11.1.4.2.
_CLAIM_LABELS = ("c2pa.claim.v2", "c2pa.claim")
_SIGNATURE_LABEL = "c2pa.signature"
#: First bytes of the description of every embedded store: box type, UUID of a C2PA superbox.
#: Source: C2PA Technical Specification 2.1, 11.1.4.2 (JUMBF type c2pa).
STORE_MARK = b"jumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"
#: Bytes of a description box before its label: UUID (16) and toggles (1). Source: ISO 19566-5, A.3.
_DESCRIPTION_HEAD = 17


@dataclass(frozen=True, slots=True)
class ManifestBoxes:
    """What was taken from one manifest.

    Attributes:
        claim: CBOR bytes of the claim, exactly as signed.
        chain: DER certificates, the signer's first.
    """

    claim: bytes
    chain: tuple[bytes, ...]


def read_boxes(store: bytes, manifest_id: str) -> ManifestBoxes:
    """Return the claim and the leaf certificate of one manifest of a store.

    Args:
        store: A whole JUMBF manifest store.
        manifest_id: Label of the manifest, for example ``urn:c2pa:...``.

    Raises:
        CredentialError: A length is wrong, the manifest is missing or present twice, its claim or signature
            is missing or present twice, or the certificate chain is ambiguous.
    """
    outer = list(_boxes(store))
    if len(outer) != 1 or outer[0][0] != b"jumb":
        raise _malformed("one superbox")
    manifest = _only(outer[0][1], (manifest_id,), "manifest")
    claim = _content(_only(manifest, _CLAIM_LABELS, "claim"))
    signature = _content(_only(manifest, (_SIGNATURE_LABEL,), "signature"))
    return ManifestBoxes(claim, _chain_of(signature))


def only_manifest(store: bytes, manifest_id: str) -> bytes:
    """Return a manifest store that holds one manifest of ``store`` and nothing else.

    Raises:
        CredentialError: A length is wrong, or the manifest is missing or present twice.
    """
    outer = list(_boxes(store))
    if len(outer) != 1 or outer[0][0] != b"jumb":
        raise _malformed("one superbox")
    description = next(_boxes(outer[0][1]), (b"", b""))[1]
    manifest = _only(outer[0][1], (manifest_id,), "manifest")
    return _box(b"jumb", _box(b"jumd", description) + _box(b"jumb", manifest))


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position < len(data):
        if len(data) - position < 8:
            raise _malformed("a box header")
        size, kind = struct.unpack_from(">I4s", data, position)
        if size < 8 or size > len(data) - position:
            raise _malformed("a box inside its parent")
        yield kind, data[position + 8 : position + size]
        position += size


def _label(superbox: bytes) -> str:
    description = next(_boxes(superbox), None)
    if description is None or description[0] != b"jumd" or len(description[1]) < _DESCRIPTION_HEAD:
        raise _malformed("a description box")
    label, mark, _ = description[1][_DESCRIPTION_HEAD:].partition(b"\0")
    if not mark:
        raise _malformed("a box label")
    return label.decode("utf-8", "replace")


def _only(superbox: bytes, labels: tuple[str, ...], what: str) -> bytes:
    found = [box for kind, box in _boxes(superbox) if kind == b"jumb" and _label(box) in labels]
    if len(found) != 1:
        raise _malformed(f"one {what}")
    return found[0]


def _content(superbox: bytes) -> bytes:
    content = [box for kind, box in _boxes(superbox) if kind == b"cbor"]
    if len(content) != 1:
        raise _malformed("one CBOR box")
    return content[0]


def _chain_of(signature: bytes) -> tuple[bytes, ...]:
    try:
        message = cbor2.load(BytesIO(signature))
        parts = message.value if isinstance(message, cbor2.CBORTag) else message
        protected, unprotected, payload = cbor2.loads(parts[0]) if parts[0] else {}, parts[1], parts[2]
    except (cbor2.CBORDecodeError, TypeError, ValueError, IndexError, KeyError) as cause:
        raise _malformed("a COSE signature") from cause
    # The engine checks the claim whatever is attached; other readers would check and show what is attached.
    # Source: C2PA Technical Specification 2.2, 13.2 (the payload is nil).
    if payload is not None:
        raise _malformed("a signature without a payload of its own")
    chains = [
        header[name]
        for header in (protected, unprotected)
        if isinstance(header, Mapping)
        for name in (_X5CHAIN, "x5chain")
        if name in header
    ]
    # Two chains would let the engine check one certificate and a reader be shown another.
    if len(chains) != 1:
        raise _malformed("one certificate chain")
    found: Any = chains[0]
    chain = tuple(found) if isinstance(found, (list, tuple)) else (found,)
    if not chain or not all(isinstance(one, bytes) for one in chain):
        raise _malformed("DER certificates")
    return chain


def _malformed(expected: str) -> CredentialError:
    return CredentialError(
        f"expected {expected} in the manifest store, found something else",
        hint="the manifest cannot be described; the file may be damaged",
    )
