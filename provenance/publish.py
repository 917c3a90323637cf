"""Publish: sign a file, register it, and only then move it into place.

1. The source is opened, sniffed and limited; the output must not exist.
2. Credentials that the source carries must hold: they become the parent of the new ones.
3. A soft binding is computed of the file as it was handed in.
4. A worker writes the signed file under a temporary name; this process makes the signature.
5. The signed file is digested and examined: fingerprints, references, sound.
6. All files of a batch are registered in one ledger transaction.
7. Receipts are written and the signed files are moved into place.

A crash before 6 leaves nothing but temporary files; a crash between 6 and 7 leaves an entry without a file,
which repeating the command makes good by registering again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final, cast

from provenance import files
from provenance.errors import CredentialError, LimitError
from provenance.evidence import CredentialState, Record
from provenance.examiner import Examiner
from provenance.ledger.intake import Appender
from provenance.ledger.receipt import RECEIPT_SUFFIX, Receipt
from provenance.ledger.registration import Registration, StoredReference
from provenance.ledger.store import Store
from provenance.media.asset import open_asset
from provenance.media.sandbox import WorkerPool
from provenance.register import SignedAsset, build_registration
from provenance.settings import Limits
from provenance.signing.claims import SigningRequest, build_definition
from provenance.signing.credential import credential_from
from provenance.signing.keys import KeyRing

#: Files registered in one transaction. Source: docs/measurements.md#ledger, where larger batches gain little.
BATCH: Final = 256
#: Seconds of work granted per byte beyond the fixed time: ten times what the slowest decode needs.
SECONDS_PER_BYTE: Final = 1 / 200_000

#: Whether credentials are whole is asked here, not who issued them.
_NO_LISTS: Final[dict[str, Any]] = {"lists": []}
#: Credentials that do not hold, whoever issued them.
_BROKEN: Final = frozenset({CredentialState.TAMPERED, CredentialState.UNBOUND, CredentialState.REVOKED})

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class PublishJob:
    """A file to publish.

    Attributes:
        source: The file as it is; never changed unless ``output`` is the same path.
        output: Where the signed file goes.
        request: What the manifest says.
        supersedes: asset_id of the registered version that this file takes the place of.
    """

    source: Path
    output: Path
    request: SigningRequest
    supersedes: str | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """A file that was signed, registered and moved into place.

    Attributes:
        source: The file it was made of.
        output: The signed file.
        receipt_path: The receipt beside it.
        receipt: The receipt's text.
        record: The registration.
        notes: What a publisher should know, for example that the content cannot be found by similarity.
    """

    source: Path
    output: Path
    receipt_path: Path
    receipt: str
    record: Record
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Signed:
    job: PublishJob
    partial: Path
    signed: SignedAsset


def receipt_path(output: Path) -> Path:
    """Return where the receipt of a signed file lies: its name with ``.tlog-proof`` added."""
    return output.with_name(output.name + RECEIPT_SUFFIX)


class Publisher:
    """Signs and registers files.

    Args:
        pool: Media workers.
        store: The registry.
        ledger: Takes registrations; answers with receipts once they are on disk.
        keys: Signing and publisher keys.
        organisation: Publisher's name as registered.
        limits: Limits on one file.
        clock: Current time, aware UTC.
    """

    def __init__(
        self,
        pool: WorkerPool,
        store: Store,
        ledger: Appender,
        keys: KeyRing,
        organisation: str,
        limits: Limits,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pool, self._store, self._ledger, self._keys = pool, store, ledger, keys
        self._organisation, self._limits, self._clock = organisation, limits, clock

    def publish(
        self, jobs: Sequence[PublishJob], *, replace: bool = False, progress: Progress | None = None
    ) -> list[Published]:
        """Return what was published; each batch of files is registered whole or not at all.

        Args:
            jobs: Files to publish.
            replace: Whether outputs that exist are replaced; in-place signing needs it.
            progress: Called with stage, files done and files in all.

        Raises:
            OutputExistsError: An output exists; nothing was signed.
            InputError: A source cannot be used; nothing of its batch was registered or moved.
            CredentialError: Credentials that a source carries do not hold; the same.
            StorageError: The disk is full; nothing of its batch was moved.
        """
        tell = progress or (lambda *_: None)
        for job in jobs:
            for path in (job.output, receipt_path(job.output)):
                if not replace and path.exists():
                    raise files.exists(path)
        done: list[Published] = []
        for start in range(0, len(jobs), BATCH):
            batch = jobs[start : start + BATCH]
            with ExitStack() as stack:
                signed: list[_Signed] = []
                for job in batch:
                    tell("signing", start + len(signed), len(jobs))
                    signed.append(self._sign(job, stack))
                tell("registering", start + len(signed), len(jobs))
                receipts = self._ledger.append([self._registration(one) for one in signed])
                for one, receipt in zip(signed, receipts, strict=True):
                    done.append(self._place(one, receipt, replace=replace))
                tell("done", len(done), len(jobs))
        return done

    def _sign(self, job: PublishJob, stack: ExitStack) -> _Signed:
        source = open_asset(job.source, self._limits)
        if source.size > self._limits.signing_bytes:
            raise LimitError(
                f"expected at most {self._limits.signing_bytes:,} bytes to sign, {job.source} has {source.size:,}",
                hint="sign a version of lower bit rate, or its parts",
            )
        partial = files.partial_beside(job.output)
        stack.enter_context(files.removed_on_exit(partial))
        patience_s = self._limits.worker_seconds + source.size * SECONDS_PER_BYTE
        params: dict[str, object] = {"media_type": source.media_type.value}
        self._check_own_credentials(job.source, params, patience_s)
        binding = self._pool.run("soft_binding", [job.source], params, timeout_s=patience_s)
        when = self._clock()
        request = replace(job.request, soft_binding=cast("bytes | None", binding))
        definition = build_definition(request, when)
        manifest, store = self._write(job.source, partial, params | {"definition": definition}, patience_s)
        kept: list[StoredReference] = []
        asset = open_asset(partial, self._limits)
        examination = Examiner(self._pool, self._limits).whole(
            partial, source.media_type, patience_s, keep=lambda one: kept.append(_kept(one))
        )
        signed = SignedAsset(asset, request, manifest, store, examination, tuple(kept), when)
        return _Signed(job, partial, signed)

    def _check_own_credentials(self, source: Path, params: dict[str, object], patience_s: float) -> None:
        """Refuse a source whose own credentials do not hold; those that hold become the parent of the new ones.

        Raises:
            CredentialError: They would make everybody read the signed file as one that was meddled with.
        """
        found = self._pool.run(
            "read_credentials", [source], params | {"trust": _NO_LISTS}, timeout_s=patience_s
        )
        state = credential_from(cast("Mapping[str, Any]", found), _NO_LISTS, now=self._clock()).state
        if state in _BROKEN:
            raise CredentialError(
                f"expected a source whose own Content Credentials hold, found them {state.value}",
                hint="take the version that was signed last, or export one without credentials and sign that",
            )

    def _write(
        self, source: Path, partial: Path, params: dict[str, object], patience_s: float
    ) -> tuple[Mapping[str, object], bytes]:
        """Write the signed file; return what is known of its manifest, and the manifest store."""
        signer = self._keys.signer
        params = params | {"certificates": signer.certificates_pem, "algorithm": signer.algorithm}
        with TemporaryFile() as store:
            manifest = self._pool.run(
                "sign",
                [source, (partial, "w+b"), store],
                params,
                timeout_s=patience_s,
                callbacks={"sign": lambda data: signer.sign(cast("bytes", data))},
            )
            store.seek(0)
            return cast("Mapping[str, object]", manifest), store.read()

    def _registration(self, one: _Signed) -> Registration:
        certificate, key = self._keys.signer.certificate_sha256, self._keys.publisher
        return build_registration(one.signed, self._organisation, certificate, key, one.job.supersedes)

    def _place(self, one: _Signed, receipt: Receipt, *, replace: bool) -> Published:
        path, text = receipt_path(one.job.output), receipt.format()
        files.write_whole(path, text.encode(), replace=replace)
        files.move_into_place(one.partial, one.job.output, replace=replace)
        refused = (f"cannot be found by similarity: {reason}" for reason in one.signed.examination.refusals)
        record = self._store.record(receipt.asset_id)
        return Published(
            one.job.source, one.job.output, path, text, record, (*refused, *one.signed.examination.notes)
        )


def _kept(one: object) -> StoredReference:
    part = cast("Mapping[str, object]", one)
    time_s = float(cast("float", part["time_s"]))
    return StoredReference(str(part["kind"]), cast("bytes", part["blob"]), time_s)
