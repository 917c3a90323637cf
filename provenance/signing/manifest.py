"""Writing and reading C2PA manifests with the engine; the only importer of ``c2pa``.

Reading returns plain values, because it runs in a media worker; what they mean is decided in
:mod:`provenance.signing.trust`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from io import SEEK_END, BytesIO
from typing import Any, BinaryIO, TypeVar

import c2pa

from provenance.digest import Digest
from provenance.errors import (
    ConfigError,
    CredentialError,
    KeyMaterialError,
    ProvenanceError,
    StorageError,
    UnsupportedError,
)
from provenance.media.asset import MediaType
from provenance.signing.chain import MAX_CHAIN
from provenance.signing.claims import as_edit, clean_text
from provenance.signing.coverage import left_out
from provenance.signing.describe import describe, describe_store
from provenance.signing.jumbf import STORE_MARK, read_boxes
from provenance.signing.trust import TrustKind

_T = TypeVar("_T")
#: The wrapper is pinned exactly: formats and settings change between its releases.
ENGINE_WRAPPER = "0.38.1"
#: Lowest engine without the bypasses of CVE-2026-103294, -95633 and -100119.
ENGINE_FLOOR = (0, 91, 1)
#: Media types whose manifest is embedded, and the name the engine knows them by.
SIGNABLE: Mapping[MediaType, str] = {
    kind: kind.value for kind in MediaType if kind not in (MediaType.WEBM, MediaType.MKV, MediaType.OGG)
}
#: Signature algorithms the engine offers, by their C2PA names.
ALGORITHMS = ("es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519")
#: Engine buffers up to this size stay in memory, larger ones go to a temporary file. Measured: signing 500 MB
#: of film peaks at 0.89 GB of memory either way, 1.5 GB at 1.9 GB in memory and 0.53 GB through a file.
MEMORY_THRESHOLD_MB = 512
_BLOCK = 1 << 20
#: How the engine ends the text of an error of the operating system.
_OS_ERROR = "(os error "


@dataclass(frozen=True, slots=True)
class SignedManifest:
    """What was written.

    Attributes:
        manifest_id: URN of the new active manifest.
        store: The manifest store as embedded.
        store_digest: SHA-256 of the manifest store as embedded.
        claim_digest: SHA-256 of the CBOR claim, the bytes that were signed.
        bound_digest: Hash in the hard binding, read back from the signed file and confirmed by the engine.
        edits: Whether the source already carried a manifest, which is now its parent ingredient.
    """

    manifest_id: str
    store: bytes
    store_digest: Digest
    claim_digest: Digest
    bound_digest: bytes
    edits: bool


def check_engine() -> None:
    """Return if the C2PA engine is the pinned one and above the floor of known bypasses (SR-39).

    Raises:
        ConfigError: Another wrapper or an older engine is installed.
    """
    wrapper, engine = version("c2pa-python"), str(c2pa.sdk_version())
    numbers = tuple(int(part) for part in engine.split("-", maxsplit=1)[0].split(".") if part.isdigit())
    if wrapper != ENGINE_WRAPPER or numbers < ENGINE_FLOOR:
        floor = ".".join(str(part) for part in ENGINE_FLOOR)
        raise ConfigError(
            f"expected c2pa-python {ENGINE_WRAPPER}, engine {floor} or later; found {wrapper}, {engine}",
            hint=f"pip install c2pa-python=={ENGINE_WRAPPER}",
        )


def carries_manifest(source: BinaryIO) -> bool:
    """Return whether a C2PA manifest store lies in the bytes of ``source``, which is left at its start."""
    source.seek(0)
    tail = b""
    while block := source.read(_BLOCK):
        if STORE_MARK in tail + block:
            source.seek(0)
            return True
        tail = block[-len(STORE_MARK) :]
    source.seek(0)
    return False


def write_manifest(
    source: BinaryIO,
    target: BinaryIO,
    media_type: MediaType,
    definition: dict[str, Any],
    certificates_pem: bytes,
    algorithm: str,
    sign: Callable[[bytes], bytes],
) -> SignedManifest:
    """Write ``source`` with an embedded, signed manifest to ``target`` and read it back.

    A source that already carries a manifest becomes the parent ingredient of the new one. After an error
    ``target`` holds rubbish: the caller writes to a temporary file and moves it only on success.

    Args:
        source: The media, open for reading and seeking.
        target: Another, empty file, open for reading, writing and seeking.
        media_type: Type sniffed from the content.
        definition: From :func:`provenance.signing.claims.build_definition`.
        certificates_pem: Leaf and intermediates as PEM, leaf first.
        algorithm: One of :data:`ALGORITHMS`.
        sign: Returns the signature over its argument; the key stays with it. Its errors pass through.

    Returns:
        Identifiers and digests of what was written.

    Raises:
        UnsupportedError: ``media_type`` cannot carry a manifest.
        KeyMaterialError: The engine refuses certificates, algorithm or signature.
        StorageError: ``target`` could not be written, or a temporary file: the engine makes them for media
            beyond :data:`MEMORY_THRESHOLD_MB`, which a locked-down worker may not.
        CredentialError: The engine cannot parse the media or refuses the definition.
    """
    _check_request(media_type, algorithm)
    edits = carries_manifest(source)
    wanted = as_edit(definition) if edits else definition
    failed: list[BaseException] = []
    watched = _Watched(target)
    try:
        with (
            c2pa.Context.from_dict(_settings(())) as context,
            _signer(sign, algorithm, certificates_pem, failed) as signer,
        ):
            builder = c2pa.Builder(wanted, context=context)
            if edits:
                builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
            store = builder.sign(signer, SIGNABLE[media_type], source, watched)
    except c2pa.C2paError as cause:
        raise watched.storage_error() or (failed[0] if failed else _signing_error(cause)) from cause
    return _read_back(target, media_type, edits=edits, written=bytes(store))


def read_manifest(source: BinaryIO, media_type: MediaType, trust: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the engine says of the manifest of ``source``, as plain values.

    Args:
        source: The media, open for reading and seeking.
        media_type: Type sniffed from the content; the engine sniffs for itself and does not compare.
        trust: From :func:`provenance.signing.trust.plain_trust`.

    Returns:
        A map for :func:`provenance.signing.trust.credential_from`; text in it is cleaned. ``found`` is
        ``manifest``, ``absent``, ``remote`` or ``unreadable``.

    Raises:
        StorageError: The system refused to read the file.
    """
    try:
        with (
            c2pa.Context.from_dict(_settings(trust["lists"])) as context,
            c2pa.Reader(media_type.value, source, context=context) as reader,
        ):
            return _describe(reader, source.seek(0, SEEK_END))
    except c2pa.C2paError as cause:
        if _OS_ERROR in str(cause):
            # The system failed, not the file: that must never read as a finding about the credentials.
            raise _storage_error(clean_text(str(cause))) from cause
        return _describe_refusal(str(cause), source, media_type)


def inspect_store(store: bytes) -> dict[str, Any]:
    """Return what the engine says of a manifest store without its content, as plain values.

    Returns:
        ``found`` is ``manifest`` or ``unreadable``. A manifest has ``manifest_id``, ``failures``: the
        engine's failure codes, without those that only say that the content is not there or that no trust
        list was asked, ``signed``: whether the claim's signature verified, and ``bindings``: the values of
        its soft bindings as ``[algorithm, value]``.
    """
    try:
        with (
            c2pa.Context.from_dict(_settings(())) as context,
            c2pa.Reader("application/c2pa", BytesIO(store), context=context) as reader,
        ):
            return describe_store(json.loads(reader.json()), json.loads(reader.detailed_json()))
    except c2pa.C2paError as cause:
        return {"found": "unreadable", "error": clean_text(str(cause))}


def _settings(lists: Any) -> dict[str, Any]:
    # Nothing is ever fetched (SR-14): the engine's defaults would ask any server a file names.
    anchors = [
        {"trust_anchors": one["pem"], "trust_kind": one["kind"], "trust_uri": one["uri"]}
        for one in lists
        if one["kind"] != TrustKind.NOTICE.value
    ]
    return {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True},
        "core": {
            "allowed_network_hosts": [],
            "backing_store_memory_threshold_in_mb": MEMORY_THRESHOLD_MB,
        },
        "builder": {"thumbnail": {"enabled": False}},
        # claimSigning and documentSigning leaves are refused unless named here (measured, c2pa-rs 0.91.3).
        "trust": {
            "trust_config": "1.3.6.1.5.5.7.3.4\n1.3.6.1.5.5.7.3.36\n1.3.6.1.4.1.62558.2.1",
            **({"anchors": anchors} if anchors else {}),
        },
    }


def _check_request(media_type: MediaType, algorithm: str) -> None:
    if media_type not in SIGNABLE:
        raise UnsupportedError(
            f"expected a type that can carry a manifest, found {media_type.value}",
            hint="convert it to MP4, WAV or FLAC, or register it without signing",
        )
    if algorithm not in ALGORITHMS:
        raise KeyMaterialError(
            f"expected a signature algorithm among {', '.join(ALGORITHMS)}, found {algorithm!r}",
            hint="use es256",
        )


def _signer(
    sign: Callable[[bytes], bytes], algorithm: str, certificates_pem: bytes, failed: list[BaseException]
) -> Any:
    def guarded(data: bytes) -> bytes:
        # The engine swallows what a callback raises; it is kept here and raised again by the caller.
        try:
            return sign(data)
        except BaseException as cause:
            failed.append(cause)
            raise

    return c2pa.Signer.from_callback(
        guarded, c2pa.C2paSigningAlg[algorithm.upper()], certificates_pem.decode("ascii"), None
    )


class _Watched:
    """The target as the engine sees it; remembers why a write failed, which the engine reports as bad media."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self.refusal: OSError | None = None

    def read(self, count: int = -1) -> bytes:
        return self._target.read(count)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._remembering(lambda: self._target.seek(offset, whence))  # writes what is buffered

    def tell(self) -> int:
        return self._target.tell()

    def write(self, content: bytes) -> int:
        return self._remembering(lambda: self._target.write(content))

    def flush(self) -> None:
        self._remembering(self._target.flush)

    def storage_error(self) -> StorageError | None:
        """Return the error for the caller where a write was refused, else None."""
        if self.refusal is None:
            return None
        return StorageError(
            f"the signed file could not be written: {self.refusal.strerror or self.refusal}",
            hint="free some space and repeat; the source was not changed",
        )

    def _remembering(self, step: Callable[[], _T]) -> _T:
        try:
            return step()
        except OSError as cause:
            self.refusal = self.refusal or cause
            raise


def _signing_error(cause: c2pa.C2paError) -> ProvenanceError:
    text = clean_text(str(cause))
    if _OS_ERROR in text:
        return _storage_error(text)
    lowered = text.lower()
    if any(word in lowered for word in ("certificate", "cose", "signature")):
        return KeyMaterialError(
            f"expected certificates and a key that the C2PA engine accepts, found: {text}",
            hint="check validity, chain order and pairing (keys/README.md, point 3)",
        )
    return CredentialError(
        f"expected media and a manifest that the C2PA engine accepts, found: {text}",
        hint="check that the file opens in a player and is of the type it says",
    )


def _storage_error(text: str) -> StorageError:
    return StorageError(
        f"expected files that the C2PA engine can read and write, found: {text}",
        hint=f"media above {MEMORY_THRESHOLD_MB} MB need a temporary folder with room for one more copy",
    )


def _read_back(target: BinaryIO, media_type: MediaType, *, edits: bool, written: bytes) -> SignedManifest:
    target.flush()
    target.seek(0)
    report = read_manifest(target, media_type, {"lists": ()})
    if report["found"] != "manifest" or report["bound"] is None:
        raise CredentialError(
            "expected the signed file to read back with a binding that holds, found none",
            hint="this file cannot be signed; report it with its type and size",
        )
    boxes = read_boxes(written, report["manifest_id"])
    return SignedManifest(
        manifest_id=report["manifest_id"],
        store=written,
        store_digest=Digest.of(written),
        claim_digest=Digest.of(boxes.claim),
        bound_digest=report["bound"],
        edits=edits,
    )


def _describe_refusal(text: str, source: BinaryIO, media_type: MediaType) -> dict[str, Any]:
    cleaned = clean_text(text)
    if text.startswith("Remote"):
        return {"found": "remote", "error": cleaned}
    if text.startswith("ManifestNotFound") or media_type not in SIGNABLE:
        return {"found": "absent", "error": ""}
    # The engine could not walk the file. Whether that concerns a manifest at all is told by its bytes.
    return {"found": "unreadable" if carries_manifest(source) else "absent", "error": cleaned}


def _describe(reader: Any, file_bytes: int) -> dict[str, Any]:
    report, detail = json.loads(reader.json()), json.loads(reader.detailed_json())
    active = str(report["active_manifest"])
    store, boxes, problem = b"", None, ""
    try:
        store = _store(reader, active)
        boxes = read_boxes(store, active)
    except (CredentialError, c2pa.C2paError) as cause:
        problem = clean_text(str(cause))
    return {
        **describe(report, detail),
        "found": "manifest",
        "error": problem,
        "chain": list(boxes.chain[: MAX_CHAIN + 1]) if boxes else [],
        "left_out": left_out(
            detail["manifests"][active].get("assertion_store") or {}, len(store), file_bytes
        ),
    }


def _store(reader: Any, active: str) -> bytes:
    sink = BytesIO()
    # Any address inside a manifest gives the whole store (measured with c2pa-rs 0.91.3).
    reader.resource_to_stream(f"self#jumbf=/c2pa/{active}/c2pa.signature", sink)
    return sink.getvalue()
