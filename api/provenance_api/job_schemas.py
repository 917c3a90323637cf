"""Jobs as the service says them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Self

from provenance.checking import problem_of
from provenance.service.jobs import Job, JobState
from provenance_api.problems import TYPE_PREFIX
from provenance_api.schemas import Closed


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


class JobOut(Closed):
    """A job: poll it, follow its events, or cancel it."""

    id: str
    kind: str
    status: str
    created_at: datetime
    tries: int
    progress: ProgressOut
    interim: dict[str, Any] | None
    report: str | None
    problem: JobProblemOut | None
    events: str

    @classmethod
    def from_domain(cls, job: Job) -> Self:
        """Return ``job`` as it is shown."""
        failed = problem_of(job) if job.state is JobState.FAILED else None
        return cls(
            id=job.id,
            kind=job.kind,
            status=job.state.value,
            created_at=job.created,
            tries=job.tries,
            progress=ProgressOut(stage=job.stage, percent=job.percent),
            interim=json.loads(job.note) if job.note else None,
            report=f"/v1/reports/{job.id}" if job.state is JobState.DONE else None,
            problem=JobProblemOut(type=TYPE_PREFIX + failed["code"], **failed) if failed else None,
            events=f"/v1/jobs/{job.id}/events",
        )
