"""Signed tree heads: C2SP tlog-checkpoint in a signed note, by Ed25519 and by cosignatures.

One spelling is accepted: the note that :func:`sign_checkpoint` would have written, with any further
signatures (witnesses, a next key) after it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from provenance.errors import CheckpointError
from provenance.ledger.merkle import HASH_BYTES, MAX_SIZE
from provenance.ledger.note import (
    MAX_NOTE_BYTES,
    NAME,
    KeyType,
    SignatureLine,
    SignedNote,
    decode_base64,
    key_id,
)

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
#: A cosignature begins with its time. Source: C2SP tlog-cosignature, ``timestamped_signature``.
_TIME_BYTES: Final = 8
#: Source: C2SP tlog-cosignature, "ML-DSA-44 signed message".
_SUBTREE_LABEL: Final = b"subtree/v1\n\x00"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Size and root of a log at one moment.

    Attributes:
        origin: Name of the log.
        size: Number of entries.
        root: Root hash, 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if NAME.fullmatch(self.origin) is None:
            raise ValueError("a log's origin is 1 to 200 characters without spaces and plus signs")
        if not 0 <= self.size <= MAX_SIZE:
            raise ValueError(f"a log's size is 0 to 2^63-1, not {self.size}")
        if len(self.root) != HASH_BYTES:
            raise ValueError(f"a root is 32 bytes, not {len(self.root)}")

    def text(self) -> str:
        """Return the signed text: origin, size and root, each on its line."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the checkpoint that :meth:`text` wrote.

        Raises:
            CheckpointError: Spelled otherwise, or with extension lines: the log writes none, and no monitor
                could audit them.
        """
        lines = text.split("\n")
        if len(lines) != 4 or _SIZE.fullmatch(lines[1]) is None:
            raise CheckpointError("expected three lines: origin, size without leading zeroes, root")
        try:
            return cls(lines[0], int(lines[1]), decode_base64(lines[2]))
        except ValueError as cause:
            raise CheckpointError(f"expected origin, size and root of a log: {cause}") from cause


# --- public halves ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """A key that notes are checked with.

    Attributes:
        name: Key name; for a log its origin.
        public: Raw public key: 32 bytes of Ed25519 or 1,312 of ML-DSA-44.
        kind: What it signs.
    """

    name: str
    public: bytes
    kind: KeyType = KeyType.ED25519

    def __post_init__(self) -> None:
        if NAME.fullmatch(self.name) is None:
            raise ValueError("a key name is 1 to 200 characters without spaces and plus signs")
        if len(self.public) != self.kind.public_bytes:
            raise ValueError(f"this public key is {self.kind.public_bytes} bytes, not {len(self.public)}")

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Return the verifier spelled ``name+hex key id+base64 key``.

        Raises:
            CheckpointError: Another spelling, another algorithm, or a key id that does not belong to it.
        """
        hint = "`provenance receipt key` prints the verifier key of a log"
        name, _, rest = vkey[:MAX_NOTE_BYTES].partition("+")
        named, _, encoded = rest.partition("+")
        try:
            key = decode_base64(encoded)
            made = cls(name, key[1:], KeyType(key[0] if key else 0))
        except ValueError as cause:
            raise CheckpointError(
                f"expected a verifier key, found {vkey[:80]!r}: {cause}", hint=hint
            ) from cause
        if named != made.key_id.hex():
            raise CheckpointError("expected a verifier key with its own key id, found another", hint=hint)
        return made

    @property
    def key_id(self) -> bytes:
        """The four bytes by which notes name this key."""
        return key_id(self.name, self.kind, self.public)

    @property
    def vkey(self) -> str:
        """This verifier as text. Source: C2SP signed-note, "Verifier keys"."""
        return (
            f"{self.name}+{self.key_id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"
        )

    @property
    def label(self) -> str:
        """Name, key id and algorithm, as people compare them."""
        return f"{self.name}+{self.key_id.hex()} ({self.kind.algorithm})"

    def check(self, text: str, signature: bytes) -> datetime | None:
        """Return if ``signature`` is this key's over ``text``: the time it names, None for a log's own.

        Raises:
            CheckpointError: It is not.
        """
        try:
            if self.kind is KeyType.ED25519:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
                return None
            seconds = int.from_bytes(signature[:_TIME_BYTES], "big")
            message = _cosigned(self.name, self.kind, text, seconds)
            rest = signature[_TIME_BYTES:]
            if self.kind is KeyType.COSIGN_ED25519:
                Ed25519PublicKey.from_public_bytes(self.public).verify(rest, message)
            else:
                MLDSA44PublicKey.from_public_bytes(self.public).verify(rest, message)
            return datetime.fromtimestamp(seconds, UTC)
        except (InvalidSignature, ValueError, OverflowError, OSError) as cause:
            raise CheckpointError(
                f"expected a signature by {self.name}, found one that does not verify",
                hint="the checkpoint was changed or the signer has another key",
            ) from cause

    def signatures(self, note: SignedNote) -> list[SignatureLine]:
        """Return those signatures of ``note`` that say they are by this key."""
        mine = (self.name, self.key_id)
        return [each for each in note.signatures if (each.name, each.key_id) == mine]


@dataclass(frozen=True, slots=True)
class LogKeys:
    """The keys of one log, of which any may sign: the current one, and others before and after a rotation.

    Attributes:
        keys: Current one first; all of one name.
    """

    keys: tuple[NoteVerifier, ...]

    def __post_init__(self) -> None:
        if not self.keys or len({each.name for each in self.keys}) != 1:
            raise ValueError("the keys of a log are at least one, all of one name")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the keys spelled one a line; empty lines do not count.

        Raises:
            CheckpointError: No key, one that is spelled otherwise, or keys of several logs.
        """
        lines = [line for each in text[:MAX_NOTE_BYTES].splitlines() if (line := each.strip())]
        try:
            return cls(tuple(NoteVerifier.parse(line) for line in lines))
        except ValueError as cause:
            raise CheckpointError(f"expected the verifier keys of one log: {cause}") from cause

    @property
    def name(self) -> str:
        """Origin of the log."""
        return self.keys[0].name

    @property
    def vkey(self) -> str:
        """The current key as text."""
        return self.keys[0].vkey


#: Whoever may have signed the checkpoints of a log.
LogVerifier = NoteVerifier | LogKeys


def open_checkpoint(note: str, verifier: LogVerifier) -> Checkpoint:
    """Return the checkpoint in ``note`` after checking the log's signature.

    Args:
        note: Signed note; signatures by other keys are ignored.
        verifier: The log's key or keys; the name must be the origin. With several, one signature is enough,
            and none of those present may fail.

    Raises:
        CheckpointError: Not a checkpoint, of another log, or not signed by ``verifier``.
    """
    return open_signed(note, verifier)[0]


def open_signed(note: str, verifier: LogVerifier) -> tuple[Checkpoint, tuple[NoteVerifier, ...]]:
    """Return the checkpoint in ``note`` and which of the log's keys signed it, as :func:`open_checkpoint`."""
    parsed = SignedNote.parse(note)
    checkpoint = Checkpoint.parse(parsed.text)
    if checkpoint.origin != verifier.name:
        raise CheckpointError(
            f"expected a checkpoint of {verifier.name}, found one of {checkpoint.origin[:80]!r}",
            hint="this belongs to another log",
        )
    signers: list[NoteVerifier] = []
    for key in verifier.keys if isinstance(verifier, LogKeys) else (verifier,):
        mine = key.signatures(parsed)
        if len(mine) > 1:
            raise CheckpointError(f"expected one signature by {verifier.name}, found {len(mine)}")
        for line in mine:
            key.check(parsed.text, line.signature)
            signers.append(key)
    if not signers:
        raise CheckpointError(
            f"expected a signature by {verifier.name}, found none by a key of this log",
            hint="check the log's verifier key",
        )
    return checkpoint, tuple(signers)


def cosigned_by(note: str, witnesses: Iterable[NoteVerifier]) -> dict[NoteVerifier, datetime]:
    """Return which of ``witnesses`` cosigned ``note``, and when each says it did.

    Raises:
        CheckpointError: Not a signed note, or a cosignature in the name of a witness that does not verify.
    """
    parsed = SignedNote.parse(note)
    found: dict[NoteVerifier, datetime] = {}
    for witness in witnesses:
        for line in witness.signatures(parsed):
            at = witness.check(parsed.text, line.signature)
            if at is not None:
                found[witness] = at
    return found


def _cosigned(name: str, kind: KeyType, text: str, seconds: int) -> bytes:
    """Return what a cosignature signs. Source: C2SP tlog-cosignature, both "signed message" sections."""
    if seconds > MAX_SIZE:
        raise ValueError("a cosignature's time is below 2^63")
    if kind is KeyType.COSIGN_ED25519:
        return f"cosignature/v1\ntime {seconds}\n{text}".encode()
    point = Checkpoint.parse(text)
    cosigner, origin = name.encode(), point.origin.encode()
    if max(len(cosigner), len(origin)) > 255:
        raise ValueError("names of ML-DSA cosignatures are at most 255 bytes")
    return b"".join(
        (
            _SUBTREE_LABEL,
            bytes([len(cosigner)]),
            cosigner,
            seconds.to_bytes(8, "big"),
            bytes([len(origin)]),
            origin,
            bytes(8),  # start of the subtree: a checkpoint covers all
            point.size.to_bytes(8, "big"),
            point.root,
        )
    )


# --- private halves --------------------------------------------------------------------------------------


class LineSigner(Protocol):
    """What adds one signature line to a checkpoint."""

    def sign(self, text: str) -> str:
        """Return the signature line for ``text``, with its newline."""


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A log key that signs notes.

    Attributes:
        name: Key name; for a log its origin.
    """

    name: str
    _key: Ed25519PrivateKey = field(repr=False)

    @property
    def verifier(self) -> NoteVerifier:
        """The public half."""
        return NoteVerifier(self.name, self._key.public_key().public_bytes_raw())

    @property
    def vkey(self) -> str:
        """The public half as text."""
        return self.verifier.vkey

    def sign(self, text: str) -> str:
        """Return the signature line for ``text``, which ends with a newline."""
        return SignatureLine(self.name, self.verifier.key_id, self._key.sign(text.encode())).format()


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A key that cosigns checkpoints and says when: a witness, or a log against quantum computers.

    Attributes:
        name: Key name.
        clock: Present time, aware UTC.
    """

    name: str
    _key: Ed25519PrivateKey | MLDSA44PrivateKey = field(repr=False)
    clock: Callable[[], datetime] = field(repr=False)

    @property
    def verifier(self) -> NoteVerifier:
        """The public half."""
        quantum = isinstance(self._key, MLDSA44PrivateKey)
        kind = KeyType.COSIGN_MLDSA44 if quantum else KeyType.COSIGN_ED25519
        return NoteVerifier(self.name, self._key.public_key().public_bytes_raw(), kind)

    def sign(self, text: str) -> str:
        """Return the cosignature line for the checkpoint ``text``."""
        verifier, seconds = self.verifier, int(self.clock().timestamp())
        message = _cosigned(self.name, verifier.kind, text, seconds)
        signature = seconds.to_bytes(_TIME_BYTES, "big") + self._key.sign(message)
        return SignatureLine(self.name, verifier.key_id, signature).format()


@dataclass(frozen=True, slots=True)
class LogSigner:
    """Everything a log signs its checkpoints with.

    Attributes:
        primary: The current key.
        also: Further signers: a cosigner, the key before or after a rotation.
        former: Keys that signed earlier checkpoints and sign no more.
    """

    primary: NoteSigner
    also: tuple[NoteSigner | Cosigner, ...] = ()
    former: tuple[NoteVerifier, ...] = ()

    @property
    def name(self) -> str:
        """Origin of the log."""
        return self.primary.name

    @property
    def verifier(self) -> LogKeys:
        """The public halves, the current one first."""
        return LogKeys((self.primary.verifier, *(each.verifier for each in self.also), *self.former))

    @property
    def vkey(self) -> str:
        """The current public half as text."""
        return self.primary.vkey

    def sign(self, text: str) -> str:
        """Return all signature lines for ``text``."""
        return self.primary.sign(text) + "".join(each.sign(text) for each in self.also)


def sign_checkpoint(checkpoint: Checkpoint, signer: LineSigner) -> str:
    """Return the note: the checkpoint's text, a blank line, the signature lines."""
    text = checkpoint.text()
    return f"{text}\n{signer.sign(text)}"
