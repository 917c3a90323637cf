"""What the routes share: the open installation, the shelf of reports and the places for checks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from provenance.errors import UnavailableError, VerificationError
from provenance.ledger.receipt import check_manifest_receipt
from provenance.media.asset import MediaType
from provenance.report.report import Report
from provenance.resolve import Resolved
from provenance.search import Hit
from provenance.service.access import Caller
from provenance.settings import Settings
from provenance.setup import Installation
from provenance_api.shelf import Shelf
from provenance_api.softbinding_schemas import PROOF_ALGORITHM, ManifestReceipt

_log = logging.getLogger(__name__)
#: A soft binding somebody read from a file: algorithm and value.
Hint = tuple[str, str] | None


class Places:
    """A fixed number of checks at once, those waiting for a worker included (SR-23).

    Args:
        count: How many.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = threading.BoundedSemaphore(count)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold one place.

        Raises:
            UnavailableError: All are taken; nothing of the request was read yet.
        """
        if not self._free.acquire(blocking=False):
            raise UnavailableError(
                f"expected at most {self._count} checks at once, all places are taken",
                hint="try again in a few seconds",
            )
        try:
            yield
        finally:
            self._free.release()


@dataclass(frozen=True, slots=True)
class Wiring:
    """Everything a route needs.

    Attributes:
        installation: The open installation.
        shelf: Finished reports.
        places: Room for checks.
        folder: Private folder for files on their way, mode 0700.
        search_turn: Held while searching: the searcher's books grow while they are read.
    """

    installation: Installation
    shelf: Shelf
    places: Places
    folder: Path
    search_turn: threading.Lock

    def check(self, path: Path, name: str, declared: MediaType | None) -> Report:
        """Return the report on the file at ``path``; the log gets the verdict, never name or content.

        Args:
            path: The received file.
            name: Its name as the client gave it, cleaned.
            declared: Media type the client vouches for; None where it does not.
        """
        report = self.installation.verifier.verify(path, name=name, declared=declared)
        codes = " ".join(reason.code for reason in report.verdict.reasons)
        _log.info("%s %s: %s", report.evidence.digest, report.verdict.code.value, codes)
        return report

    def search(self, text: str, radius: int | None) -> list[Hit]:
        """Return the registered assets near the hash ``text``."""
        with self.search_turn:
            return self.installation.searcher.by_text(text, radius)

    def seen_by(self, caller: Caller) -> Callable[[str], bool]:
        """Return whether ``caller`` may see an asset, as a function of the asset's name."""
        return self.installation.ownership.seen_by(caller.tenant)

    @property
    def capabilities(self) -> tuple[str, ...]:
        """Optional parts of the Soft Binding Resolution API that are offered."""
        return ("queryByContent", "storeManifests", "storeBindings")

    def resolve(
        self, path: Path, declared: MediaType | None, algorithm: str | None, hint: Hint, caller: Caller
    ) -> list[Resolved]:
        """Return the manifests that a file, helped by a soft binding somebody read from it, leads to."""
        resolver, seen = self.installation.resolver, self.seen_by(caller)
        found = resolver.by_content(path, declared, algorithm, seen)
        best = {one.manifest_id: one for one in found}
        for one in resolver.by_binding(*hint, seen) if hint is not None else ():
            best[one.manifest_id] = max(one, best.get(one.manifest_id, one), key=lambda each: each.score)
        return sorted(best.values(), key=lambda one: (-one.score, one.manifest_id))

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


Wired = Annotated[Wiring, Depends(wired)]
