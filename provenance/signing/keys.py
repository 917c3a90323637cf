"""Private keys on disk: made once, never overwritten, refused where others could read them.

The keys stay in the process that loaded them. A media worker that writes a manifest gets a callback, never a
key.
"""

from __future__ import annotations

import itertools
import os
import stat
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from provenance.digest import Digest
from provenance.errors import KeyMaterialError, OutputExistsError
from provenance.signing.certificates import (
    is_test_certificate,
    issue_test_chain,
    parse_certificates,
    tier_of,
    to_pem,
)
from provenance.signing.trust import TrustKind, TrustList

SIGNING_KEY = "signing-key.pem"
SIGNING_CHAIN = "signing-chain.pem"
PUBLISHER_KEY = "publisher-key.pem"
LEDGER_KEY = "ledger-key.pem"
#: The log's second key, against quantum computers; a log without it signs with Ed25519 alone.
LEDGER_MLDSA_KEY = "ledger-mldsa-key.pem"
#: While a rotation lasts: the key that will be the log's, signing beside the current one.
LEDGER_NEXT_KEY = "ledger-key.next.pem"
#: Keys of a witness, in a folder of its own.
WITNESS_KEY = "witness-key.pem"
WITNESS_MLDSA_KEY = "witness-mldsa-key.pem"
#: Folder of trust lists beside the keys.
TRUST_FOLDER = "trust"
#: Name of the list that holds the TEST root of this installation.
DEVELOPMENT_LIST = "development"
#: No key or chain file is larger; a larger one is not ours.
_MAX_KEY_BYTES = 64 << 10


class Signer(Protocol):
    """What can sign a C2PA claim: certificates to show and a key that never leaves it."""

    @property
    def certificates_pem(self) -> bytes:
        """Leaf and intermediates as PEM, leaf first."""

    @property
    def algorithm(self) -> str:
        """C2PA name of the signature algorithm, for example ``es256``."""

    def sign(self, data: bytes) -> bytes:
        """Return the signature over ``data`` (not yet hashed), DER or raw r||s."""


@dataclass(frozen=True, slots=True)
class FileSigner:
    """An ES256 claim signer whose key was read from a file.

    Attributes:
        certificates_pem: Leaf and intermediates as PEM, leaf first.
        certificate_sha256: SHA-256 of the DER leaf.
        expires: End of the leaf's validity, aware UTC.
        algorithm: Always ``es256``.
    """

    _key: ec.EllipticCurvePrivateKey = field(repr=False)
    certificates_pem: bytes
    certificate_sha256: Digest
    expires: datetime
    algorithm: str = "es256"

    def sign(self, data: bytes) -> bytes:
        """Return the DER ECDSA signature with SHA-256 over ``data``."""
        return self._key.sign(data, ec.ECDSA(hashes.SHA256()))


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys of an installation.

    Attributes:
        signer: Signs C2PA claims.
        publisher: Signs ledger entries in the publisher's name (Ed25519).
        ledger: Signs checkpoints in the log's name (Ed25519).
        ledger_mldsa: Signs them too (ML-DSA-44); None where the log has no such key.
        ledger_next: Signs them too while the ledger key is being rotated; None otherwise.
    """

    signer: FileSigner
    publisher: ed25519.Ed25519PrivateKey = field(repr=False)
    ledger: ed25519.Ed25519PrivateKey = field(repr=False)
    ledger_mldsa: mldsa.MLDSA44PrivateKey | None = field(repr=False, default=None)
    ledger_next: ed25519.Ed25519PrivateKey | None = field(repr=False, default=None)

    @classmethod
    def load(cls, folder: Path, *, now: datetime, environment: str, passphrase: bytes | None = None) -> Self:
        """Return the keys of ``folder`` after checking files, pairing, curve and validity.

        Args:
            folder: Where :func:`create_development_keys` (or an administrator) put them.
            now: Present time, aware UTC.
            environment: ``development`` or ``production``; production refuses TEST certificates.
            passphrase: Opens encrypted key files; ``None`` for unencrypted ones.

        Raises:
            KeyMaterialError: A file is missing, open to others, encrypted otherwise, of another key type,
                does not belong to its certificate, is not valid at ``now``, or is a TEST one in production.
        """
        signer = _load_signer(folder, now, environment, passphrase)
        publisher, ledger = (_ed25519(folder / name, passphrase) for name in (PUBLISHER_KEY, LEDGER_KEY))
        quantum, following = folder / LEDGER_MLDSA_KEY, folder / LEDGER_NEXT_KEY
        return cls(
            signer,
            publisher,
            ledger,
            _mldsa44(quantum, passphrase) if quantum.exists() else None,
            _ed25519(following, passphrase) if following.exists() else None,
        )


def create_development_keys(
    folder: Path, organisation: str, now: datetime, *, passphrase: bytes | None = None
) -> KeyRing:
    """Make a TEST signing chain, a publisher key, a ledger key and the trust list of the TEST root.

    Args:
        folder: Made with mode 0700, or tightened to it.
        organisation: Publisher's name; ``TEST`` is put before it where it is missing.
        now: Present time, aware UTC.
        passphrase: Encrypts the key files; ``None`` leaves them unencrypted, mode 0600.

    Returns:
        The keys, loaded back from what was written.

    Raises:
        InputError: ``organisation`` is empty or too long.
        OutputExistsError: One of the files is there already; nothing was written.
    """
    issued = issue_test_chain(organisation, now)
    root = TrustList(
        name=DEVELOPMENT_LIST,
        kind=TrustKind.MANIFEST,
        source="made by this installation; TEST only",
        date=now.date(),
        version=1,
        pem=to_pem(issued.root).decode("ascii"),
    )
    content = {
        folder / SIGNING_KEY: _private_pem(issued.leaf_key, passphrase),
        folder / SIGNING_CHAIN: to_pem(*issued.chain),
        folder / PUBLISHER_KEY: _private_pem(ed25519.Ed25519PrivateKey.generate(), passphrase),
        folder / LEDGER_KEY: _private_pem(ed25519.Ed25519PrivateKey.generate(), passphrase),
        folder / LEDGER_MLDSA_KEY: _private_pem(mldsa.MLDSA44PrivateKey.generate(), passphrase),
        folder / TRUST_FOLDER / f"{DEVELOPMENT_LIST}.toml": root.to_toml().encode("utf-8"),
    }
    for path in content:
        _refuse_existing(path)
    for made in (folder, folder / TRUST_FOLDER):
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
        made.chmod(0o700)
    for path, text in content.items():
        _write_new(path, text)
    return KeyRing.load(folder, now=now, environment="development", passphrase=passphrase)


def create_next_ledger_key(folder: Path, *, passphrase: bytes | None = None) -> None:
    """Make the key that will be the log's, mode 0600; while it is there, a rotation lasts.

    Raises:
        OutputExistsError: It is there already.
    """
    _write_new(folder / LEDGER_NEXT_KEY, _private_pem(ed25519.Ed25519PrivateKey.generate(), passphrase))


def create_witness_keys(folder: Path) -> None:
    """Make the two keys of a witness: Ed25519 and ML-DSA-44, mode 0600.

    Raises:
        OutputExistsError: One of them is there already; nothing was written.
    """
    content = {
        folder / WITNESS_KEY: _private_pem(ed25519.Ed25519PrivateKey.generate(), None),
        folder / WITNESS_MLDSA_KEY: _private_pem(mldsa.MLDSA44PrivateKey.generate(), None),
    }
    for path in content:
        _refuse_existing(path)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path, text in content.items():
        _write_new(path, text)


def load_witness_keys(folder: Path) -> tuple[ed25519.Ed25519PrivateKey, mldsa.MLDSA44PrivateKey]:
    """Return the keys that :func:`create_witness_keys` made.

    Raises:
        KeyMaterialError: A file is missing, open to others, or of another key type.
    """
    return _ed25519(folder / WITNESS_KEY, None), _mldsa44(folder / WITNESS_MLDSA_KEY, None)


def thumbprint(key: ed25519.Ed25519PublicKey) -> Digest:
    """Return the SHA-256 of the raw 32-byte public key: how ledger entries name their publisher."""
    return Digest.of(key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))


def _load_signer(folder: Path, now: datetime, environment: str, passphrase: bytes | None) -> FileSigner:
    path = folder / SIGNING_KEY
    key = _private_key(path, passphrase)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyMaterialError(
            f"expected a P-256 key in {path}, found {_kind_of(key)}",
            hint="ES256 needs curve secp256r1 (prime256v1)",
        )
    chain = parse_certificates(_read(folder / SIGNING_CHAIN))
    leaf = chain[0]
    if leaf.public_key() != key.public_key():
        raise KeyMaterialError(
            f"expected the first certificate of {SIGNING_CHAIN} to belong to {SIGNING_KEY}; it does not",
            hint="put the leaf first and keep key and chain of one issue together",
        )
    _check_chain(chain, now, environment)
    digest = Digest(leaf.fingerprint(hashes.SHA256()))
    return FileSigner(key, to_pem(*chain), digest, leaf.not_valid_after_utc)


def _check_chain(chain: tuple[x509.Certificate, ...], now: datetime, environment: str) -> None:
    leaf = chain[0]
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        raise KeyMaterialError(
            f"expected a certificate valid at {now:%Y-%m-%d %H:%M}Z, found one valid from "
            f"{leaf.not_valid_before_utc:%Y-%m-%d} to {leaf.not_valid_after_utc:%Y-%m-%d}",
            hint="renew the signing certificate (keys/README.md, rotation) or check the clock",
        )
    if tier_of(leaf) is None:
        raise KeyMaterialError(
            "expected a certificate for claim signing, e-mail protection or document signing, found another",
            hint="the profile is in keys/README.md, point 3",
        )
    for lower, upper in itertools.pairwise(chain):
        try:
            lower.verify_directly_issued_by(upper)
        except (InvalidSignature, TypeError, ValueError) as cause:
            raise KeyMaterialError(
                f"expected each certificate of {SIGNING_CHAIN} to be issued by the next, found another order",
                hint="leaf first, then intermediates upwards, without the root",
            ) from cause
    if environment == "production" and any(is_test_certificate(one) for one in chain):
        raise KeyMaterialError(
            "expected a production certificate, found one whose name says TEST",
            hint="set environment = development, or install a certificate of a C2PA authority",
        )


def _ed25519(path: Path, passphrase: bytes | None) -> ed25519.Ed25519PrivateKey:
    key = _private_key(path, passphrase)
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise KeyMaterialError(
            f"expected an Ed25519 key in {path}, found {_kind_of(key)}", hint="keys/README.md, point 2"
        )
    return key


def _mldsa44(path: Path, passphrase: bytes | None) -> mldsa.MLDSA44PrivateKey:
    key = _private_key(path, passphrase)
    if not isinstance(key, mldsa.MLDSA44PrivateKey):
        raise KeyMaterialError(
            f"expected an ML-DSA-44 key in {path}, found {_kind_of(key)}", hint="keys/README.md, point 2"
        )
    return key


def _private_key(path: Path, passphrase: bytes | None) -> PrivateKeyTypes:
    pem = _read(path, private=True)
    try:
        return serialization.load_pem_private_key(pem, passphrase)
    except (ValueError, TypeError) as cause:
        raise KeyMaterialError(
            f"expected a PKCS#8 private key in {path} that this passphrase opens, found none",
            hint="check the passphrase, and that the file begins with -----BEGIN",
        ) from cause


def _read(path: Path, *, private: bool = False) -> bytes:
    # The checks are made on the opened file, so that the name cannot be changed between check and read.
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as cause:
        raise KeyMaterialError(
            f"expected a key or certificate file at {path}, found none that can be opened: {cause.strerror}",
            hint="run `provenance init --dev`, or set keys in provenance.toml",
        ) from cause
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise KeyMaterialError(f"expected a plain file at {path}, found another kind", hint="use a file")
        if private and status.st_mode & 0o077:
            raise KeyMaterialError(
                f"expected {path} to be readable by its owner only, found mode {status.st_mode & 0o777:04o}",
                hint=f"if nobody else could have read it: chmod 600 {path}; otherwise replace the key",
            )
        if private and status.st_uid not in (os.geteuid(), 0):
            raise KeyMaterialError(
                f"expected {path} to belong to this user, found owner {status.st_uid}",
                hint="chown the file to the account of the service",
            )
        return file.read(_MAX_KEY_BYTES)


def _refuse_existing(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise OutputExistsError(
            f"expected no file at {path}, found one; keys are never overwritten",
            hint="use another folder, or move the old keys away (keep them: old signatures need their list)",
        )


def _write_new(path: Path, content: bytes) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as cause:
        raise OutputExistsError(
            f"expected no file at {path}, found one; keys are never overwritten", hint="use another folder"
        ) from cause
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(handle)


def _private_pem(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | mldsa.MLDSA44PrivateKey,
    passphrase: bytes | None,
) -> bytes:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        encryption = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def _kind_of(key: PrivateKeyTypes) -> str:
    return key.curve.name if isinstance(key, ec.EllipticCurvePrivateKey) else type(key).__name__
