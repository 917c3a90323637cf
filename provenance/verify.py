"""Verify: a copy in, one explained verdict out; what could not be looked at is evidence too.

1. The copy is opened, sniffed and digested.
2. Its embedded credentials are read in a worker and judged against the trust lists.
3. The registry is asked for the same bytes, then for the same hard-bound bytes.
4. Otherwise, and where something like it was registered before, the copy is examined, candidates are looked up,
   aligned and compared.
5. The judge decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any, cast

from provenance.appraisal import Appraiser, contradictions
from provenance.digest import Digest
from provenance.earlier import Earlier
from provenance.errors import InputError, UnavailableError
from provenance.evidence import (
    Comparison,
    Credential,
    CredentialState,
    Evidence,
    Family,
    Found,
    Mark,
    Match,
    Record,
    RecordStatus,
    Score,
    Unavailable,
)
from provenance.examination import MANIFEST_REFERENCE, Examination
from provenance.examiner import Examiner, Tell
from provenance.judge import judge, led
from provenance.ledger.store import Store
from provenance.lineage import with_sources
from provenance.match.find import Finder
from provenance.match.sound_match import too_little
from provenance.media.asset import Asset, MediaType, extension_note, open_asset
from provenance.media.sandbox import WorkerPool
from provenance.precedence import earliest_first
from provenance.publish import SECONDS_PER_BYTE
from provenance.report.report import Report
from provenance.settings import Limits
from provenance.signing.claims import clean_text
from provenance.signing.credential import credential_from
from provenance.signing.trust import TrustList, plain_trust
from provenance.tiers import Partly, TieredFinder
from provenance.wording import clock

#: Longest name shown, characters. Source: SR-16.
MAX_NAME = 255
#: The detector is asked last, once all else is known.
NOT_YET = Unavailable("not asked yet")
#: Length from which films are placed reliably, seconds. Source: docs/measurements.md, film: a segment needs three
#: stored frames, which are half a second apart, and a framing two moments.
SURE_S = 5.0


@dataclass(frozen=True, slots=True)
class _View:
    """Which assets the sender may see, and how accounts are named."""

    seen: Callable[[str], bool]
    account: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class _Copy:
    """A copy that is being verified: what is known of it before the registry is asked."""

    shown: str
    asset: Asset
    credential: Credential
    marks: tuple[Mark, ...] | Unavailable
    extension: str | None
    started: float
    account: Callable[[str], str]


class Verifier:
    """Verifies copies against credentials and the registry.

    Args:
        pool: Media workers.
        store: The registry.
        finder: Finds registered assets by similarity.
        trust: Trust lists.
        limits: Limits on one file.
        clock: Current time, aware UTC.
        appraiser: Looks for signs of synthesis.
        earlier: Tells what was registered before; None where only the file's own registration counts.
    """

    def __init__(
        self,
        pool: WorkerPool,
        store: Store,
        finder: Finder,
        trust: Sequence[TrustList],
        limits: Limits,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        appraiser: Appraiser | None = None,
        earlier: Earlier | None = None,
    ) -> None:
        self._earlier = earlier
        self._appraiser = appraiser or Appraiser(pool, None)
        self._pool, self._store, self._limits = pool, store, limits
        self._tiers = TieredFinder(Examiner(pool, limits), finder)
        self._trust, self._clock, self._lists = plain_trust(trust), clock, tuple(trust)

    def verify(
        self,
        path: Path,
        *,
        name: str | None = None,
        declared: MediaType | None = None,
        progress: Callable[[str], None] | None = None,
        seen: Callable[[str], bool] = lambda _: True,
        interim: Callable[[Report], None] | None = None,
        account: Callable[[str], str] = lambda _: "",
    ) -> Report:
        """Return the report on the file at ``path``.

        Args:
            path: The copy.
            name: Name to show; default the file's own.
            declared: Media type the sender stated; another content is refused.
            progress: Called with the name of each stage; of a long film with the media time done.
            seen: Whether the sender may see the asset of that name; others are not found.
            interim: Given a report of the first tier of a long film, which names what was not looked at yet.
            account: Neutral name of the customer through whom an asset or statement of that name came.

        Raises:
            InputError: The file cannot be read as media at all: empty, of another type, over a limit.
            UnavailableError: A worker died or ran out of time.
        """
        started, tell = perf_counter(), progress or (lambda _: None)
        tell("reading")
        asset = open_asset(path, self._limits, declared)
        patience_s = self._limits.worker_seconds + asset.size * SECONDS_PER_BYTE
        tell("checking credentials")
        credential = self._credential(path, asset, patience_s)
        marks = self._appraiser.marks(path, asset, patience_s)
        shown = clean_text(name if name is not None else path.name, limit=MAX_NAME)
        extension = extension_note(path, asset.media_type) if name is None else None
        view = _View(seen, account)
        copy = _Copy(shown, asset, credential, marks, extension, started, account)

        def partly(matches: tuple[Match, ...], quick: Examination, rest: str) -> None:
            if interim is not None:
                own = self._ordered(matches, credential, view)
                interim(self._report(copy, own, quick.notes, (*_refused(quick), rest)))

        tell("looking for the registered original")
        found = self._matches(path, asset, credential, patience_s, view, _by_time(tell), partly)
        tell("asking the detector")
        score = self._appraiser.score(path, asset, credential, found[0], patience_s)
        tell("judging")
        return self._report(copy, *found, score=score)

    def _report(
        self,
        copy: _Copy,
        matches: tuple[Match, ...] | Unavailable,
        notes: tuple[str, ...],
        gaps: tuple[str, ...],
        unheard: str = "",
        score: Score | Unavailable = NOT_YET,
    ) -> Report:
        more = (copy.extension,) if copy.extension is not None else ()
        evidence = Evidence(
            digest=copy.asset.digest,
            media_type=copy.asset.media_type,
            kind=copy.asset.media_type.kind,
            credential=copy.credential,
            matches=matches if isinstance(matches, Unavailable) else _named(matches, copy.account),
            marks=copy.marks,
            score=score,
            notes=(*notes, *more, *contradictions(copy.marks, copy.credential, matches)),
            not_checked=gaps,
            too_little=unheard,
        )
        evidence = led(evidence).lightened()
        elapsed_s = perf_counter() - copy.started
        return Report(copy.shown, evidence, judge(evidence), self._clock(), self._engines(), elapsed_s)

    def _credential(self, path: Path, asset: Asset, patience_s: float) -> Credential:
        params = {"media_type": asset.media_type.value, "trust": self._trust}
        report = self._pool.run("read_credentials", [path], params, timeout_s=patience_s)
        return credential_from(cast("Mapping[str, Any]", report), self._trust, now=self._clock())

    # --- the registry ------------------------------------------------------------------------------------

    def _matches(
        self,
        path: Path,
        asset: Asset,
        credential: Credential,
        patience_s: float,
        view: _View,
        tell: Tell,
        partly: Partly | None,
    ) -> tuple[tuple[Match, ...] | Unavailable, tuple[str, ...], tuple[str, ...], str]:
        """Return matches, notes about the file, what was not checked, and why the sound is too little to be told."""
        try:
            same = self._identical(asset.digest, credential)
            identical = tuple(one for one in same if view.seen(one.record.asset_id))
        except UnavailableError as cause:
            return Unavailable(cause.message), (), (), ""
        if identical:
            return self._with_earlier(identical, path, asset, credential, patience_s, view)
        try:
            examination, near = self._tiers.find(path, asset.media_type, patience_s, tell=tell, partly=partly)
            matches = with_sources(self._ordered(near, credential, view), credential, self._manifest_store)
        except InputError as cause:
            if credential.state is CredentialState.ABSENT:
                raise
            return Unavailable(f"the content could not be decoded: {cause.message}"), (), (), ""
        unheard = too_little(examination.sound, examination.refusals)
        gaps = (*_refused(examination), *_too_short(examination, matches))
        return matches, examination.notes, gaps, unheard

    @staticmethod
    def _ordered(matches: tuple[Match, ...], credential: Credential, view: _View) -> tuple[Match, ...]:
        mine = tuple(one for one in matches if view.seen(one.record.asset_id))
        return earliest_first(_named(mine, view.account), credential)

    def _with_earlier(
        self,
        identical: tuple[Match, ...],
        path: Path,
        asset: Asset,
        credential: Credential,
        patience_s: float,
        view: _View,
    ) -> tuple[tuple[Match, ...], tuple[str, ...], tuple[str, ...], str]:
        """Return matches of a registered file, earlier registrations of its content behind its own."""
        own = min(one.record.index for one in identical)
        record = next(one.record for one in identical if one.record.index == own)
        before = () if self._earlier is None else self._earlier.before(record)
        if not any(view.seen(one.asset_id) for one in before):
            return identical, (), (), ""
        try:
            _, near = self._tiers.find(path, asset.media_type, patience_s)
        except (InputError, UnavailableError) as cause:
            return identical, (), (f"registry: earlier registrations were not compared: {cause.message}",), ""
        known = {one.record.asset_id for one in identical}
        found = (one for one in self._ordered(near, credential, view) if one.record.asset_id not in known)
        return (*identical, *(one for one in found if one.confirmed and one.record.index < own)), (), (), ""

    def _manifest_store(self, asset_id: str) -> bytes | None:
        kept = self._store.references(asset_id, MANIFEST_REFERENCE)
        return kept[0].blob if kept else None

    def _identical(self, digest: Digest, credential: Credential) -> tuple[Match, ...]:
        records = [(record, Family.DIGEST) for record in self._store.by_digest(digest)]
        if credential.holds and credential.bound_digest is not None:
            known = {record.asset_id for record, _ in records}
            bound = self._store.by_bound(credential.bound_digest)
            records += [
                (record, Family.BOUND)
                for record in bound
                if record.manifest_id == credential.manifest_id and record.asset_id not in known
            ]
        found = [(_identical_match(record, family)) for record, family in records]
        return tuple(sorted(found, key=_newest_active_first))

    def _engines(self) -> tuple[tuple[str, str], ...]:
        lists = ", ".join(f"{one.name} {one.date} {one.sha256}" for one in self._lists) or "none"
        level = self._pool.isolation.level.value
        return (
            ("content-provenance", version("content-provenance")),
            ("c2pa", version("c2pa-python")),
            ("detector", self._appraiser.title),
            ("trust lists", lists),
            ("worker isolation", level),
            ("ledger size", str(self._store.head().size)),
        )


def _named(matches: tuple[Match, ...], account: Callable[[str], str]) -> tuple[Match, ...]:
    """Return matches whose records say through which accounts they and what was stated about them came."""
    made = []
    for one in matches:
        stated = one.record.status_entry
        by = "" if stated is None else account(stated)
        record = replace(one.record, account=account(one.record.asset_id), status_account=by)
        made.append(replace(one, record=record))
    return tuple(made)


def _refused(examination: Examination) -> tuple[str, ...]:
    return tuple(f"similarity: {reason}" for reason in examination.refusals)


def _too_short(examination: Examination, matches: Sequence[Match]) -> tuple[str, ...]:
    """Return why nothing can be said of a film that is too short to be placed."""
    length_s = examination.duration_s
    if matches or examination.width is None or length_s is None or length_s >= SURE_S:
        return ()
    limit = f"films are placed from {SURE_S:.0f} s on; ask for a longer part"
    return (f"similarity: {length_s:.1f} s of film are too short to be told reliably; {limit}",)


def _by_time(tell: Callable[[str], None]) -> Tell:
    """Return what tells a stage with how much of the film it has behind it."""

    def by_time(stage: str, done_s: float, total_s: float) -> None:
        tell(f"{stage}, {clock(done_s)} of {clock(total_s)}")

    return by_time


def _identical_match(record: Record, family: Family) -> Match:
    method = "SHA-256 of the file" if family is Family.DIGEST else "hash of the hard-bound bytes"
    return Match(record, (Found(family, method, 0.0, 0.0, 0.0),), None, Comparison(compared=1.0))


def _newest_active_first(match: Match) -> tuple[bool, int]:
    return (match.record.status is not RecordStatus.ACTIVE, -match.record.index)
