"""Entries: what a ledger leaf says, as a value and as deterministic CBOR signed by its publisher.

An entry holds digests and public facts only. Names, titles and whatever else may have to be erased live in
the :class:`Payload`, which the entry merely commits to.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Self, TypeVar

from provenance.digest import Digest
from provenance.errors import FormatError
from provenance.evidence import SourceType
from provenance.ledger.cose import PrivateKey, PublicKey, decode, encode, open_message, sign, split
from provenance.media.asset import MediaType

#: Largest leaf, bytes. Source: C2SP tlog-tiles, entry bundles give lengths as uint16.
MAX_LEAF_BYTES: Final = (1 << 16) - 1
#: Largest payload, bytes. Source: docs/formats.md; a title and names need far less.
MAX_PAYLOAD_BYTES: Final = 64 << 10
#: Version of the entry format.
ENTRY_VERSION: Final = 1
#: Random bytes before a payload, without which short values could be guessed from their hash.
SALT_BYTES: Final = 16
_MAX_TEXT: Final = 1024
_MAX_REFS: Final = 64
_MAX_BOUND_BYTES: Final = 64
_ENTRY_KEYS: Final = frozenset(range(1, 14))
_PAYLOAD_KEYS: Final = frozenset(range(1, 10))
_YEAR_9999_S: Final = 253_402_300_799
#: Unicode categories Cc and Cs: control characters, and halves of characters that UTF-8 cannot hold.
_NOT_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_T = TypeVar("_T")


class EntryType(StrEnum):
    """What an entry does. Nothing is ever updated: later entries refer to earlier ones."""

    REGISTER = "register"  # a new asset
    SUPERSEDE = "supersede"  # a new asset in place of refs[0]
    WITHDRAW = "withdraw"  # refs[0] is withdrawn; refs[1], if given, replaces it
    DISPUTE = "dispute"  # the publisher disputes refs[0]
    REVOKE_KEY = "revoke-key"  # the signing publisher key must not be accepted from here on
    REDACT = "redact"  # the payload of refs[0] was erased
    KEY_ROTATION = "key-rotation"  # a statement about keys; changes no record
    POLICY = "policy"  # a statement about the log; changes no record
    DEPOSIT = "deposit"  # a manifest store was taken in custody; says nothing of its truth

    @property
    def registers(self) -> bool:
        """Whether it brings a new asset."""
        return self in (EntryType.REGISTER, EntryType.SUPERSEDE)


#: Entries whose first reference is the asset they speak of.
ABOUT_ASSETS: Final = frozenset(
    (EntryType.SUPERSEDE, EntryType.WITHDRAW, EntryType.DISPUTE, EntryType.REDACT)
)
#: How many references an entry of each type has, least and most.
_REFS: Final = {
    EntryType.REGISTER: (0, _MAX_REFS),
    EntryType.SUPERSEDE: (1, _MAX_REFS),
    EntryType.WITHDRAW: (1, 2),
    EntryType.DISPUTE: (1, 1),
    EntryType.REVOKE_KEY: (0, 0),
    EntryType.REDACT: (1, 1),
    EntryType.KEY_ROTATION: (0, _MAX_REFS),
    EntryType.POLICY: (0, _MAX_REFS),
    EntryType.DEPOSIT: (0, 0),
}


def _check_text(name: str, text: str | None) -> None:
    if text is None:
        return
    if len(text) > _MAX_TEXT or _NOT_TEXT.search(text) is not None:
        raise ValueError(f"{name} is at most {_MAX_TEXT} characters without control characters")


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf of the ledger.

    Attributes:
        type: What it does.
        payload: SHA-256 of salt and canonical payload; ``None`` where it has none.
        declared_at: Time the publisher claims, aware UTC, whole seconds.
        asset: SHA-256 of the signed file.
        manifest_store: SHA-256 of its C2PA manifest store.
        claim: SHA-256 of its claim.
        manifest_id: URN of its active manifest.
        certificate: SHA-256 of the DER certificate that signed the manifest.
        source_type: Declared origin.
        media_type: Type of the signed file.
        refs: Leaf hashes this entry speaks of.
        bound: Hash of the hard-bound bytes, 20 to 64 bytes.
    """

    type: EntryType
    payload: Digest | None
    declared_at: datetime
    asset: Digest | None = None
    manifest_store: Digest | None = None
    claim: Digest | None = None
    manifest_id: str | None = None
    certificate: Digest | None = None
    source_type: SourceType | None = None
    media_type: MediaType | None = None
    refs: tuple[Digest, ...] = ()
    bound: bytes | None = None

    def __post_init__(self) -> None:
        if self.declared_at.utcoffset() is None or self.declared_at.microsecond:
            raise ValueError("an entry's declared time is aware and in whole seconds")
        least, most = _REFS[self.type]
        if not least <= len(self.refs) <= most:
            raise ValueError(f"a {self.type} entry has {least} to {most} references, not {len(self.refs)}")
        _check_text("a manifest URN", self.manifest_id)
        if self.bound is not None and not 20 <= len(self.bound) <= _MAX_BOUND_BYTES:
            raise ValueError(f"a bound digest is 20 to 64 bytes, not {len(self.bound)}")
        needed = (
            self.payload,
            self.asset,
            self.manifest_id,
            self.certificate,
            self.source_type,
            self.media_type,
        )
        if self.type.registers and any(each is None for each in needed):
            raise ValueError(
                "a registration has payload, asset, manifest_id, certificate, source_type and media_type"
            )
        if self.type is EntryType.DEPOSIT and (self.manifest_store is None or self.manifest_id is None):
            raise ValueError("a deposit has manifest_store and manifest_id")

    def to_cbor(self) -> bytes:
        """Return the deterministic CBOR map with integer keys 1 to 13; absent values have no key."""
        values: dict[int, object] = {
            1: ENTRY_VERSION,
            2: self.type.value,
            3: _raw(self.asset),
            4: _raw(self.manifest_store),
            5: _raw(self.claim),
            6: self.manifest_id,
            7: _raw(self.payload),
            8: _raw(self.certificate),
            9: self.source_type and self.source_type.value,
            10: self.media_type and self.media_type.value,
            11: int(self.declared_at.timestamp()),
            12: [each.value for each in self.refs] or None,
            13: self.bound,
        }
        return encode({key: value for key, value in values.items() if value is not None})

    @classmethod
    def from_cbor(cls, content: bytes) -> Self:
        """Return the entry that :meth:`to_cbor` wrote.

        Raises:
            FormatError: Another spelling, an unknown key, or a value of another kind.
        """
        fields = Fields(decode(content, MAX_LEAF_BYTES), _ENTRY_KEYS, "entry")
        if fields.need(1, int) != ENTRY_VERSION:
            raise FormatError(f"expected an entry of version {ENTRY_VERSION}, found another version")
        with_seconds = fields.need(11, int)
        if not 0 <= with_seconds <= _YEAR_9999_S:
            raise FormatError("expected a declared time between 1970 and 9999, found another")
        refs = fields.get(12, list) or []
        if 12 in fields.values and not refs:
            raise FormatError("expected at least one reference, found an empty list")
        try:
            return cls(
                type=EntryType(fields.need(2, str)),
                asset=fields.digest(3),
                manifest_store=fields.digest(4),
                claim=fields.digest(5),
                manifest_id=fields.get(6, str),
                payload=fields.digest(7),
                certificate=fields.digest(8),
                source_type=None if 9 not in fields.values else SourceType(fields.need(9, str)),
                media_type=None if 10 not in fields.values else MediaType(fields.need(10, str)),
                declared_at=datetime.fromtimestamp(with_seconds, UTC),
                refs=tuple(_digest(each) for each in refs),
                bound=fields.get(13, bytes),
            )
        except ValueError as cause:
            raise FormatError(f"expected an entry: {cause}") from cause


def _raw(digest: Digest | None) -> bytes | None:
    return None if digest is None else digest.value


def _digest(value: object) -> Digest:
    if not isinstance(value, bytes):
        raise ValueError("a digest is bytes")  # noqa: TRY004 - from_cbor turns ValueError into FormatError
    return Digest(value)


class Fields:
    """A decoded map with integer keys, read strictly.

    Args:
        value: What the CBOR decoder gave.
        known: Keys that may occur.
        what: Name of the thing, for messages.

    Raises:
        FormatError: Not a map, or an unknown key.
    """

    def __init__(self, value: object, known: frozenset[int], what: str) -> None:
        # bool is an int in Python; True as a key would pass for 1.
        if not isinstance(value, dict) or not known.issuperset(value) or set(map(type, value)) - {int}:
            raise FormatError(f"expected a map of known keys for the {what}, found another value")
        self.values: dict[int, object] = value
        self._what = what

    def get(self, key: int, kind: type[_T]) -> _T | None:
        """Return the value at ``key``, or None where it is absent.

        Raises:
            FormatError: The value is of another kind.
        """
        if key not in self.values:
            return None
        value = self.values[key]
        if type(value) is not kind:
            raise FormatError(
                f"expected {kind.__name__} at key {key} of the {self._what}, found {type(value).__name__}"
            )
        return value

    def need(self, key: int, kind: type[_T]) -> _T:
        """Return the value at ``key``.

        Raises:
            FormatError: It is absent or of another kind.
        """
        value = self.get(key, kind)
        if value is None:
            raise FormatError(f"expected key {key} in the {self._what}, found none")
        return value

    def digest(self, key: int) -> Digest | None:
        """Return the digest at ``key``, or None where it is absent.

        Raises:
            FormatError: Not 32 bytes.
        """
        if key not in self.values:
            return None
        value = self.need(key, bytes)
        if len(value) != 32:
            raise FormatError(f"expected 32 bytes at key {key} of the {self._what}, found {len(value)}")
        return Digest(value)


@dataclass(frozen=True, slots=True)
class Payload:
    """What an entry commits to and what can be erased without touching the tree (SR-30).

    Attributes:
        salt: 16 random bytes, without which short values could be guessed from the commitment.
        title: Title given by the publisher.
        publisher: Publisher's organisation, as admitted to the log.
        model: Declared generating model.
        reason: Why an asset is withdrawn or disputed.
        duration_s: Duration of film or sound, seconds.
        width: Width of the upright picture or frame, pixels.
        height: Height of the upright picture or frame, pixels.
        fingerprints: Digest over the fingerprints, see ``registration.fingerprints_digest``.
        references: Digest over the references, see ``registration.references_digest``.
    """

    salt: bytes
    title: str = ""
    publisher: str = ""
    model: str | None = None
    reason: str = ""
    duration_s: float | None = None
    width: int | None = None
    height: int | None = None
    fingerprints: Digest | None = None
    references: Digest | None = None

    def __post_init__(self) -> None:
        if len(self.salt) != SALT_BYTES:
            raise ValueError(f"a salt is {SALT_BYTES} bytes, not {len(self.salt)}")
        for name in ("title", "publisher", "model", "reason"):
            _check_text(f"a {name}", getattr(self, name))
        if self.duration_s is not None and not (math.isfinite(self.duration_s) and self.duration_s >= 0):
            raise ValueError("a duration is a finite number of seconds, at least 0")
        if any(side is not None and not 0 < side < 1 << 31 for side in (self.width, self.height)):
            raise ValueError("a side is a positive number of pixels")

    def to_cbor(self) -> bytes:
        """Return the deterministic CBOR map without the salt."""
        values: dict[int, object] = {
            1: self.title or None,
            2: self.publisher or None,
            3: self.model,
            4: self.reason or None,
            5: None if self.duration_s is None else float(self.duration_s),
            6: self.width,
            7: self.height,
            8: _raw(self.fingerprints),
            9: _raw(self.references),
        }
        return encode({key: value for key, value in values.items() if value is not None})

    @classmethod
    def from_cbor(cls, salt: bytes, content: bytes) -> Self:
        """Return the payload that :meth:`to_cbor` wrote.

        Raises:
            FormatError: Another spelling, an unknown key, or a value of another kind.
        """
        fields = Fields(decode(content, MAX_PAYLOAD_BYTES), _PAYLOAD_KEYS, "payload")
        try:
            return cls(
                salt=salt,
                title=fields.get(1, str) or "",
                publisher=fields.get(2, str) or "",
                model=fields.get(3, str),
                reason=fields.get(4, str) or "",
                duration_s=fields.get(5, float),
                width=fields.get(6, int),
                height=fields.get(7, int),
                fingerprints=fields.digest(8),
                references=fields.digest(9),
            )
        except ValueError as cause:
            raise FormatError(f"expected a payload: {cause}") from cause

    def commitment(self) -> Digest:
        """Return the SHA-256 of salt and canonical payload: what the entry's key 7 holds."""
        return commitment(self.salt, self.to_cbor())


def commitment(salt: bytes, body: bytes) -> Digest:
    """Return the SHA-256 of a salt and a canonical payload."""
    return Digest.of(salt + body)


def sign_entry(entry: Entry, key: PrivateKey) -> bytes:
    """Return the leaf: the entry as COSE_Sign1 by the publisher's key.

    Raises:
        KeyMaterialError: The key is neither Ed25519 nor P-256.
        FormatError: The leaf would be 64 KiB or more.
    """
    leaf = sign(entry.to_cbor(), key)
    if len(leaf) > MAX_LEAF_BYTES:
        raise FormatError(f"expected a leaf of at most {MAX_LEAF_BYTES} bytes, found {len(leaf)}")
    return leaf


def open_entry(leaf: bytes, public_key: PublicKey) -> Entry:
    """Return the entry in ``leaf`` after checking the publisher's signature.

    Raises:
        FormatError: Not a leaf in our spelling.
        ReceiptError: Not signed by ``public_key``.
    """
    return Entry.from_cbor(open_message(leaf, public_key, MAX_LEAF_BYTES))


def publisher_of(leaf: bytes) -> Digest:
    """Return the thumbprint of the key that ``leaf`` says it is signed by; nothing is checked.

    Raises:
        FormatError: Not a leaf in our spelling.
    """
    return split(leaf, MAX_LEAF_BYTES).kid


def read_entry(leaf: bytes) -> Entry:
    """Return the entry in ``leaf`` without checking its signature, for leaves the log has accepted.

    Raises:
        FormatError: Not a leaf in our spelling.
    """
    return Entry.from_cbor(split(leaf, MAX_LEAF_BYTES).payload)
