"""Checking: verification as a job, with the file kept aside until the job is over, and results kept for repeats.

A received file waits in the spool folder under the name of its job, so that a job survives a crash of the
service, and is removed when the job ends, however it ends.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Final, Self

import cbor2

from provenance.digest import Digest
from provenance.errors import FormatError, NotFoundError
from provenance.ledger.store import Store
from provenance.media.asset import MediaType
from provenance.plain import from_plain, to_plain
from provenance.remembered import Remembered
from provenance.report.report import Report
from provenance.resolve import Seen
from provenance.service.doer import Tell
from provenance.service.jobs import Job, Jobs, JobState, new_id
from provenance.service.ownership import Ownership
from provenance.signing.trust import TrustList
from provenance.verdict import Verdict
from provenance.verify import Verifier

#: Age from which a file in the spool without a job is a leftover, seconds. Younger ones may be those of a job
#: that another process is just handing in.
SETTLED_S: Final = 600.0
#: Kind of the jobs made here.
VERIFY: Final = "verify"
#: How far a verification is when a stage begins, percent; film and sound spend most on the third.
PERCENT: Final = {
    "reading": 2.0,
    "checking credentials": 10.0,
    "looking for the registered original": 20.0,
    "judging": 95.0,
}


@dataclass(frozen=True, slots=True)
class Checked:
    """A file to check.

    Attributes:
        path: Where it lies.
        name: What the client calls it, cleaned.
        declared: Media type the client declared, where it is one that is read.
        digest: SHA-256 of its bytes.
    """

    path: Path
    name: str
    declared: MediaType | None
    digest: Digest


@dataclass(frozen=True, slots=True)
class Interim:
    """What a long film looks like so far; the report may say otherwise.

    Attributes:
        verdict: The verdict on what was looked at.
        asset_id: The registered asset it seems to come from.
        remains: What was not looked at yet, in words.
    """

    verdict: Verdict
    asset_id: str | None
    remains: tuple[str, ...]

    @classmethod
    def of(cls, report: Report) -> Self:
        """Return what ``report``, made of the first look, says."""
        best = report.evidence.best
        found = best.record.asset_id if best is not None else None
        return cls(report.verdict, found, report.evidence.not_checked)


class Checking:
    """Checks files at once or as jobs, and answers repeated questions from memory.

    Args:
        verifier: The verify job.
        store: The registry, whose size is part of what a result is worth.
        jobs: The queue.
        ownership: Who may see what.
        trust: Trust lists, whose digests are part of what a result is worth.
        spool: Folder for files of jobs.

    Attributes:
        told: Called with each new report; for counting and for watches.
    """

    #: Bytes of reports remembered for repeats: some twenty with a large difference picture, thousands without.
    REMEMBERED_BYTES: Final = 16 << 20

    def __init__(
        self,
        verifier: Verifier,
        store: Store,
        jobs: Jobs,
        ownership: Ownership,
        trust: tuple[TrustList, ...],
        spool: Path,
    ) -> None:
        self._verifier, self._store, self.jobs = verifier, store, jobs
        self._ownership, self._spool = ownership, spool
        self.told: list[Callable[[Report], None]] = []
        self._engine = (version("content-provenance"), *(str(one.sha256) for one in trust))
        self._remembered: Remembered[tuple[object, ...]] = Remembered(self.REMEMBERED_BYTES)

    def now(
        self,
        checked: Checked,
        tenant: str,
        tell: Callable[[str], None] | None = None,
        interim: Callable[[Report], None] | None = None,
    ) -> Report:
        """Return the report on a file as ``tenant`` sees it; the same file again is answered from memory.

        A kept report counts only while the ledger, the trust lists and the software are the same; its time is
        that of the check, not of the repeated question. ``interim`` is given the first answer on a long film.
        """
        key = (checked.digest, checked.declared, tenant, self._store.head().size, self._engine)
        found = self._remembered.get(key)
        if found is not None:
            return replace(read_report(found), name=checked.name)
        seen: Seen = self._ownership.seen_by(tenant)
        report = self._verifier.verify(
            checked.path,
            name=checked.name,
            declared=checked.declared,
            progress=tell,
            seen=seen,
            interim=interim,
            account=self._ownership.account,
        )
        self._remembered.put(key, write_report(report))
        for tell_of in self.told:
            tell_of(report)
        return report

    def later(self, checked: Checked, tenant: str) -> Job:
        """Keep a file aside and hand in the job that checks it.

        Raises:
            UnavailableError: Too many jobs wait.
        """
        job_id = new_id()
        place = self._spool / job_id
        checked.path.rename(place)
        params = {"name": checked.name, "declared": checked.declared, "digest": str(checked.digest)}
        try:
            return self.jobs.add(VERIFY, tenant, params, job_id)
        except BaseException:
            place.unlink(missing_ok=True)
            raise

    def work(self, job: Job, tell: Tell) -> bytes:
        """Do a job; return its report as CBOR. :meth:`clear` removes the file once the job is over.

        Raises:
            JobStoppedError: The job was cancelled or has to wait for another worker.
            ProvenanceError: The file cannot be checked.
        """
        said = job.params["declared"]
        declared = MediaType(said) if said is not None else None
        checked = Checked(
            self._spool / job.id, job.params["name"], declared, Digest.parse(job.params["digest"])
        )
        report = self.now(
            checked,
            job.tenant,
            lambda stage: tell(stage, PERCENT.get(stage, 50.0), ""),
            lambda first: tell("looking closer", 40.0, json.dumps(to_plain(Interim.of(first)))),
        )
        return write_report(report)

    def cancel(self, job_id: str) -> Job:
        """Cancel a job and remove its file; raises NotFoundError."""
        job = self.jobs.cancel(job_id)
        self.clear(job)
        return job

    def clear(self, job: Job) -> None:
        """Remove the file of a job that is over."""
        (self._spool / job.id).unlink(missing_ok=True)

    def report(self, job_id: str) -> Report:
        """Return the report of a job that is done.

        Raises:
            NotFoundError: There is no such job, or it has no report.
        """
        job = self.jobs.find(job_id)
        if job.kind != VERIFY or job.state is not JobState.DONE or job.result is None:
            raise NotFoundError("expected a job with a report, found none of this name")
        return read_report(job.result)

    def sweep(self) -> None:
        """Forget jobs that were over an hour ago, and remove every spooled file whose job is over."""
        remove_old(self._spool, SETTLED_S, keep=self.jobs.forget_old())


def write_report(report: Report) -> bytes:
    """Return ``report`` as it is kept in the database, CBOR."""
    return cbor2.dumps(to_plain(report))


def read_report(body: bytes) -> Report:
    """Return the report in the bytes of :func:`write_report`.

    Raises:
        NotFoundError: Another version wrote them.
    """
    try:
        return from_plain(Report, cbor2.loads(body))
    except (cbor2.CBORDecodeError, FormatError) as cause:
        raise NotFoundError("the report was made by another version; check the file again") from cause


def remove_old(folder: Path, keep_s: float, keep: Collection[str] = ()) -> None:
    """Remove the files in ``folder`` that are older than ``keep_s`` seconds, but for those named in ``keep``.

    A folder that is not there is empty; a file that another process removes meanwhile is gone.
    """
    for place in folder.iterdir() if folder.is_dir() else ():
        with suppress(FileNotFoundError):
            if place.is_file() and place.name not in keep and time.time() - place.stat().st_mtime > keep_s:
                place.unlink()


def interim_of(job: Job) -> Interim | None:
    """Return what a job found so far; None before its first answer, and of a job that is done."""
    if not job.note or job.state is JobState.DONE:
        return None
    try:
        return from_plain(Interim, json.loads(job.note))
    except FormatError:  # a worker of another version wrote it; the report follows anyway
        return None


def problem_of(job: Job) -> dict[str, str]:
    """Return why a job failed: ``code``, ``detail`` and ``hint``."""
    found = json.loads(job.problem) if job.problem else {}
    return {name: str(found.get(name, "")) for name in ("code", "detail", "hint")}
