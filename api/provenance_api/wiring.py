"""What the routes share: the open installation, the shelf of reports and the places for checks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

import anyio
from anyio.to_thread import run_sync
from fastapi import Depends, Request

from provenance.checking import Checked
from provenance.errors import NotFoundError, VerificationError
from provenance.evidence import Record
from provenance.ledger.receipt import check_manifest_receipt
from provenance.media.asset import MediaType
from provenance.report.report import Report
from provenance.resolve import Resolved
from provenance.search import Hit
from provenance.service.access import Caller
from provenance.service.doer import Engine
from provenance.service.jobs import Job
from provenance.settings import Settings
from provenance.setup import Installation
from provenance_api.places import Places, Space
from provenance_api.shelf import Shelf
from provenance_api.softbinding_schemas import PROOF_ALGORITHM, ManifestReceipt

_log = logging.getLogger(__name__)
#: Seconds between looks at a job that somebody waits for.
LOOK_S = 0.1
_P = ParamSpec("_P")
_T = TypeVar("_T")
#: A soft binding somebody read from a file: algorithm and value.
Hint = tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Wiring:
    """Everything a route needs.

    Attributes:
        installation: The open installation.
        shelf: Finished reports.
        places: Room for checks.
        receiving: Room for bodies that are arriving.
        streams: Room for clients that follow a job.
        space: Room for received files.
        engine: Does the jobs of this process.
        folder: Private folder for files on their way, mode 0700.
        searching: Room for look-ups of what is near, where this process compares codes itself: one at a time, since
            two would only share one lock of Python. None where the database compares.
    """

    installation: Installation
    shelf: Shelf
    places: Places
    receiving: Places
    streams: Places
    space: Space
    engine: Engine
    folder: Path
    searching: anyio.CapacityLimiter | None

    def check(self, checked: Checked, caller: Caller) -> Report:
        """Return the report on a file; the log gets the verdict, never name or content."""
        report = self.installation.checking.now(checked, caller.tenant)
        codes = " ".join(reason.code for reason in report.verdict.reasons)
        _log.info("%s %s: %s", report.evidence.digest, report.verdict.code.value, codes)
        return report

    def check_later(self, checked: Checked, caller: Caller) -> Job:
        """Hand in a file to be checked; return the job."""
        made = self.installation.checking.later(checked, caller.tenant)
        self.engine.wake()
        return made

    def report(self, name: str) -> Report:
        """Return a kept report: one made at once, or that of a job; raises NotFoundError."""
        try:
            return self.shelf.get(name)
        except NotFoundError:
            return self.installation.checking.report(name)

    def wait(self, job: Job, seconds: float) -> Job:
        """Return the job when it is over, or as it is after ``seconds``."""
        until = time.monotonic() + seconds
        while not job.state.over and time.monotonic() < until:
            time.sleep(LOOK_S)
            job = self.installation.jobs.find(job.id)
        return job

    async def search(self, text: str, radius: int | None, caller: Caller) -> list[Hit]:
        """Return the registered assets near the hash ``text`` that ``caller`` may see."""
        if self.installation.searcher.is_digest(text):
            return await self.promptly(self._search, text, radius, caller)
        return await run_sync(self._search, text, radius, caller, limiter=self.searching)

    def _search(self, text: str, radius: int | None, caller: Caller) -> list[Hit]:
        seen = self.seen_by(caller)
        return [hit for hit in self.installation.searcher.by_text(text, radius) if seen(hit.record.asset_id)]

    async def promptly(self, ask: Callable[_P, _T], *args: _P.args, **options: _P.kwargs) -> _T:
        """Return what ``ask`` does, which looks up some rows by their keys.

        SQLite has them sooner (0.1 to 0.3 ms, docs/measurements.md) than a thread gets its turn, and nobody who
        writes makes its readers wait; a server answers over a connection, and is waited for in a thread.
        """
        if self.installation.store.shared:
            return await run_sync(lambda: ask(*args, **options))
        return ask(*args, **options)

    def record(self, asset_id: str, caller: Caller) -> Record:
        """Return a registered asset that ``caller`` may see; raises NotFoundError."""
        record = self.installation.store.record(asset_id)
        if not self.seen_by(caller)(record.asset_id):
            raise NotFoundError(f"expected an asset {asset_id}, found none", hint="look it up by its hash")
        return record

    def seen_by(self, caller: Caller) -> Callable[[str], bool]:
        """Return whether ``caller`` may see an asset, as a function of the asset's name."""
        return self.installation.ownership.seen_by(caller.tenant)

    @property
    def capabilities(self) -> tuple[str, ...]:
        """Optional parts of the Soft Binding Resolution API that are offered."""
        reference = ("queryByReference",) if self.installation.fetcher is not None else ()
        return ("queryByContent", *reference, "storeManifests", "storeBindings")

    def resolve(
        self, path: Path, declared: MediaType | None, algorithm: str | None, hint: Hint, caller: Caller
    ) -> list[Resolved]:
        """Return the manifests that a file, helped by a soft binding somebody read from it, leads to."""
        resolver, seen = self.installation.resolver, self.seen_by(caller)
        found = resolver.by_content(path, declared, algorithm, seen)
        best = {one.manifest_id: one for one in found}
        for one in resolver.by_binding(*hint, seen) if hint is not None else ():
            best[one.manifest_id] = max(one, best.get(one.manifest_id, one), key=lambda each: each.score)
        # Of equal scores the resolver's order stays: the file's own manifest, then the ones registered earlier.
        return sorted(best.values(), key=lambda one: -one.score)

    def check_custody(self, receipt: str, manifest_id: str) -> None:
        """Return if the text of a receipt proves that the manifest is in this log; raises VerificationError."""
        check_manifest_receipt(receipt, manifest_id, self.installation.note_signer.vkey)

    def receipt_error(self, given: ManifestReceipt, manifest_id: str) -> str | None:
        """Return why a receipt does not hold for a manifest, or None where it holds."""
        if given.repository.manifestId != manifest_id:
            return "the receipt is for another manifestId"
        if given.anchor.proof.alg != PROOF_ALGORITHM:
            return f"the proof is not of the kind {PROOF_ALGORITHM}"
        try:
            self.check_custody(given.anchor.proof.value, manifest_id)
        except VerificationError as cause:
            return cause.message
        return None


def base_url(request: Request) -> str:
    """Return the address under which the client reaches this service, without a slash at the end."""
    settings: Settings = request.app.state.settings
    return (settings.public_url or str(request.base_url)).rstrip("/")


def wired(request: Request) -> Wiring:
    """Return the wiring of the application that got ``request``."""
    wiring: Wiring = request.app.state.wiring
    return wiring


async def _wired(request: Request) -> Wiring:
    """Return the wiring; FastAPI would call a function that is not async in a thread."""
    return wired(request)


Wired = Annotated[Wiring, Depends(_wired)]
