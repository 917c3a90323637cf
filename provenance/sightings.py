"""Sightings: from a report to an event for its publisher, and the courier that delivers it.

An event says which asset, which verdict, what differs and in which hour; nothing in it leads to who asked.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from standardwebhooks import Webhook

from provenance.besides import laid_over
from provenance.errors import ProvenanceError
from provenance.evidence import Comparison, DifferenceKind, Match, Verdict, VerdictCode
from provenance.judge import judge
from provenance.media.fetch import Fetcher
from provenance.report.report import Report
from provenance.service.watches import Sighting, Watch, Watches

_log = logging.getLogger(__name__)
#: Verdicts that can be watched for: those that say something against a copy of the asset.
WATCHABLE: Final = (
    VerdictCode.ALTERED_COPY,
    VerdictCode.RE_EDITED_COPY,
    VerdictCode.DISCLOSURE_REMOVED,
    VerdictCode.CREDENTIALS_CONFLICT,
)
_AGREEING: Final = (VerdictCode.DERIVED_COPY, VerdictCode.DISCLOSED_SYNTHETIC)
#: What else can be watched for: copies that agree but for text or a graphic over the picture, such as a false caption.
OVERLAY: Final = "overlay"
#: Type of every event.
EVENT: Final = "copy.seen"
#: Seconds between looks for sightings to deliver.
LOOK_S: Final = 2.0


def events_of(report: Report) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield asset, what is watched for and event for every confirmed match that a watch can want.

    Each match is judged by itself: where two publishers registered the same content, both hear of the copy.
    """
    matches = report.evidence.matches
    for match in matches if isinstance(matches, tuple) else ():
        if match.confirmed:
            verdict = judge(replace(report.evidence, matches=(match,)))
            if verdict.code in WATCHABLE:
                yield match.record.asset_id, verdict.code.value, _event(report, match, verdict)
            elif verdict.code in _AGREEING and any(
                one.kind is DifferenceKind.OVERLAY for one in laid_over(match)
            ):
                yield match.record.asset_id, OVERLAY, _event(report, match, verdict)


def _event(report: Report, match: Match, verdict: Verdict) -> dict[str, Any]:
    hour = report.checked_at.replace(minute=0, second=0, microsecond=0)
    said = {
        "asset_id": match.record.asset_id,
        "verdict": verdict.code.value,
        "confidence": verdict.confidence.value,
        "copy_sha256": str(report.evidence.digest),
        "hour": hour.isoformat(),
        "differences": _differences(match),
    }
    return {"type": EVENT, "timestamp": hour.isoformat(), "data": said}


def _differences(match: Match) -> list[dict[str, Any]]:
    if not isinstance(match.comparison, Comparison):
        return []
    return [
        {
            "kind": one.kind.value,
            "channel": one.channel.value,
            "span": None if one.span is None else _rounded(one.span.start_s, one.span.end_s),
            "box": None if one.box is None else _rounded(one.box.x, one.box.y, one.box.w, one.box.h),
            "face": one.face,
        }
        for one in match.comparison.differences
    ]


def _rounded(*values: float) -> list[float]:
    """Seconds or fractions without digits that nobody measured."""
    return [round(value, 4) for value in values]


class Lookout:
    """Tells watches of reports; a callback of :class:`provenance.checking.Checking`.

    Args:
        watches: Where they are kept.
    """

    def __init__(self, watches: Watches) -> None:
        self._watches = watches

    def __call__(self, report: Report) -> None:
        """Add the report to the feeds of the watches that want it; a failure never harms the report itself."""
        for asset_id, wanted, event in events_of(report):
            try:
                self._watches.report(asset_id, wanted, event)
            except ProvenanceError as cause:
                _log.warning("a sighting of %s is lost: %s", asset_id, cause.message)


class Courier:
    """Sends sightings to the targets of watches, signed, until they are taken or the attempts are used up.

    Args:
        watches: Where sightings are kept.
        fetcher: Reaches public addresses only, like everything that a stranger names.
    """

    def __init__(self, watches: Watches, fetcher: Fetcher) -> None:
        self._watches, self._fetcher = watches, fetcher
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="courier")

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self, wait_s: float) -> None:
        """Send no more; what was not taken is sent by the next process."""
        self._stopping.set()
        self._thread.join(wait_s)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                busy = self.deliver_one()
            except ProvenanceError as cause:
                _log.warning("sightings cannot be read: %s", cause.message)
                busy = False
            if not busy:
                self._stopping.wait(LOOK_S)

    def deliver_one(self) -> bool:
        """Try to deliver the next sighting; return whether there was one."""
        found = self._watches.due()
        if found is None:
            return False
        watch, sighting = found
        try:
            status = self._fetcher.post(watch.target, sighting.body.encode(), signed_headers(watch, sighting))
        except ProvenanceError as cause:
            _log.info("sighting %s was not taken: %s", sighting.event_id, cause.code)
            return True
        if 200 <= status < 300:
            self._watches.delivered(sighting)
        else:
            _log.info("sighting %s was not taken: status %d", sighting.event_id, status)
        return True


def signed_headers(watch: Watch, sighting: Sighting, now: datetime | None = None) -> dict[str, str]:
    """Return the Standard Webhooks headers of an attempt: id, time and signature.

    The id is the same in every attempt, so that a receiver can drop repeats; the time is the attempt's, so
    that it can refuse old ones.
    """
    when = now or datetime.now(UTC)
    signature = Webhook(watch.secret).sign(sighting.event_id, when, sighting.body)
    return {
        "webhook-id": sighting.event_id,
        "webhook-timestamp": str(int(when.timestamp())),
        "webhook-signature": signature,
        "content-type": "application/json",
    }
