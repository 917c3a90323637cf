"""Jobs as the service says them."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from provenance.checking import Interim, interim_of, problem_of
from provenance.service.jobs import Job, JobState
from provenance_api.problems import TYPE_PREFIX
from provenance_api.schemas import Closed, VerdictOut


class ProgressOut(Closed):
    """How far a job is."""

    stage: str
    percent: float


class JobProblemOut(Closed):
    """Why a job failed, as the problem that a direct answer would have been."""

    type: str
    code: str
    detail: str
    hint: str


class InterimOut(Closed):
    """What a long film looks like so far. Not the answer: ``remains`` says what was not looked at yet."""

    verdict: VerdictOut
    asset_id: str | None
    remains: tuple[str, ...]

    @classmethod
    def from_domain(cls, interim: Interim) -> Self:
        """Return ``interim`` as it is shown."""
        verdict = interim.verdict
        return cls(
            verdict=VerdictOut(
                code=verdict.code.value,
                confidence=verdict.confidence.value,
                summary=verdict.summary,
                next_step=verdict.next_step,
            ),
            asset_id=interim.asset_id,
            remains=interim.remains,
        )


class JobOut(Closed):
    """A job: poll it, follow its events, or cancel it; ``interim`` is there while a long film is looked at."""

    id: str
    kind: str
    status: str
    created_at: datetime
    tries: int
    progress: ProgressOut
    interim: InterimOut | None
    report: str | None
    problem: JobProblemOut | None
    events: str

    @classmethod
    def from_domain(cls, job: Job) -> Self:
        """Return ``job`` as it is shown."""
        failed = problem_of(job) if job.state is JobState.FAILED else None
        interim = interim_of(job)
        return cls(
            id=job.id,
            kind=job.kind,
            status=job.state.value,
            created_at=job.created,
            tries=job.tries,
            progress=ProgressOut(stage=job.stage, percent=job.percent),
            interim=InterimOut.from_domain(interim) if interim is not None else None,
            report=f"/v1/reports/{job.id}" if job.state is JobState.DONE else None,
            problem=JobProblemOut(type=TYPE_PREFIX + failed["code"], **failed) if failed else None,
            events=f"/v1/jobs/{job.id}/events",
        )
