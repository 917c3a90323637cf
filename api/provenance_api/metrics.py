"""Figures an operator needs, in the Prometheus text format; counts only, nothing about who or what was checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from provenance.errors import ProvenanceError
from provenance.media.lockdown import Level
from provenance.report.report import Report
from provenance_api.wiring import Wiring

#: Upper bounds of the buckets, seconds: from a look-up to a long upload.
_BOUNDS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """Counters of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._requests = Histogram(
            "provenance_request_seconds",
            "Time to the end of each answer",
            labels,
            buckets=_BOUNDS,
            registry=self.registry,
        )
        self._verdicts = Counter("provenance_verdicts", "Verdicts given", ("code",), registry=self.registry)
        self._refused = Counter(
            "provenance_refused", "Requests refused to protect the service", ("why",), registry=self.registry
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer; ``route`` is the template, so that identifiers never become labels."""
        self._requests.labels(method, route, str(status)).observe(seconds)
        if status in (408, 413, 429, 503):
            self._refused.labels(str(status)).inc()

    def verdict(self, report: Report) -> None:
        """Count a verdict."""
        self._verdicts.labels(report.verdict.code.value).inc()

    def watch(self, wiring: Wiring) -> None:
        """Report the state of ``wiring`` with every scrape."""
        self.registry.register(_State(wiring))


class _State(Collector):
    """What is true at the moment of a scrape."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def collect(self) -> Iterable[Metric]:
        """Yield one gauge for each fact; a registry that cannot be read is ``provenance_up 0``."""
        wiring, installation = self._wiring, self._wiring.installation
        yield _gauge("provenance_checks_running", "Uploads and checks under way", wiring.places.used)
        yield _gauge("provenance_followed_jobs", "Clients that follow a job", wiring.streams.used)
        yield _gauge("provenance_upload_bytes", "Disk taken by received files", wiring.space.used)
        try:
            counts, waiting = installation.store.counts(), installation.jobs.waiting()
            contained = installation.pool.isolation.level is Level.SECCOMP
        except ProvenanceError:
            yield _gauge("provenance_up", "Whether registry and workers answer", 0)
            return
        yield _gauge("provenance_up", "Whether registry and workers answer", 1)
        yield _gauge("provenance_jobs_open", "Jobs that wait or run", waiting)
        yield _gauge("provenance_ledger_entries", "Entries of the ledger", counts.entries)
        yield _gauge("provenance_assets", "Registered assets", counts.assets)
        yield _gauge("provenance_fingerprints", "Stored codes", counts.fingerprints)
        yield _gauge("provenance_sandbox_full", "Whether workers run under a system-call filter", contained)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))
