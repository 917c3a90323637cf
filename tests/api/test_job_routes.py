"""Films and recordings are checked as jobs: waiting for them, following them, cancelling them."""

from __future__ import annotations

import io
import json
import threading
import time
import wave
from html import unescape

import numpy as np
import pytest

from provenance.examiner import Examiner
from provenance.service.access import Scope
from provenance.service.doer import JobStoppedError
from provenance.tiers import KEY_FRAMES_ONLY
from provenance_cli import demo_films as films


def recording(seconds: float = 4.0, seed: int = 1) -> bytes:
    """A made-up recording: noise whose loudness changes, so that every second differs."""
    count = int(seconds * 16_000)
    noise = np.random.default_rng(seed).normal(0, 3_000, count) * (1.2 + np.sin(np.arange(count) / 3_000))
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((1, 2, 16_000, count, "NONE", ""))
        file.writeframes(noise.astype("<i2").tobytes())
    return made.getvalue()


def _finished(client, address: str) -> dict:
    deadline = time.monotonic() + 30
    while (job := client.get(address).json())["status"] in ("waiting", "running"):
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
    return job


def _spool_is_empty(service) -> None:
    """The file of a job is removed right after its state says that it is over."""
    folder, deadline = service.app.state.settings.spool_folder / "jobs", time.monotonic() + 20
    while list(folder.iterdir()):
        assert time.monotonic() < deadline, "a file stayed"
        time.sleep(0.05)


def test_a_recording_becomes_a_job_with_a_report(service, client):
    answer = client.post("/v1/verify", content=recording(), params={"name": "../talk.wav"})
    assert answer.status_code == 202, answer.text
    assert int(answer.headers["retry-after"]) > 0
    job = _finished(client, answer.headers["location"])
    assert (job["status"], job["problem"], job["progress"]["percent"]) == ("done", None, 100)
    report = client.get(job["report"]).json()
    assert (report["name"], report["verdict"]["code"]) == ("talk.wav", "no-evidence")
    assert client.get(report["links"]["html"]).status_code == 200
    _spool_is_empty(service)


def test_a_client_that_waits_gets_the_report_at_once(client):
    answer = client.post("/v1/verify", content=recording(seed=2), headers={"Prefer": "wait=25"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["preference-applied"] == "wait=25"
    assert answer.json()["input"]["kind"] == "audio"


def test_a_picture_becomes_a_job_where_the_client_prefers_it(client, signed):
    answer = client.post("/v1/verify", content=signed, headers={"Prefer": "respond-async"})
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async")
    job = _finished(client, answer.headers["location"])
    assert client.get(job["report"]).json()["verdict"]["code"] == "intact"


def test_a_job_is_followed_by_events(client):
    location = client.post("/v1/verify", content=recording(seed=3)).headers["location"]
    with client.stream("GET", f"{location}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in stream.iter_lines() if line]
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert names[-1] == "done"
    assert set(names[:-1]) <= {"progress"}
    last = json.loads([line for line in lines if line.startswith("data: ")][-1].removeprefix("data: "))
    assert last["report"].startswith("/v1/reports/")


def test_a_file_that_cannot_be_read_fails_with_the_problem_a_direct_answer_would_be(client):
    broken = recording()[:200] + b"\0" * 50
    location = client.post("/v1/verify", content=b"fLaC" + broken).headers["location"]
    job = _finished(client, location)
    assert job["status"] == "failed"
    assert job["problem"]["type"].startswith("urn:content-provenance:problem:")
    assert job["problem"]["code"]
    assert job["problem"]["detail"]
    assert client.get(f"/v1/reports/{job['id']}").status_code == 404


def test_a_client_that_waits_for_a_job_that_fails_gets_the_problem(client):
    """A shell with ``curl -f`` must not take a failure for an answer without a verdict."""
    broken = b"fLaC" + recording()[:200] + b"\0" * 50
    answer = client.post("/v1/verify", content=broken, headers={"Prefer": "wait=20"})
    assert answer.status_code == 422
    assert answer.json()["code"] == "media-unreadable"
    job = client.get(answer.headers["location"]).json()
    assert (job["status"], job["problem"]["code"]) == ("failed", "media-unreadable")


def test_a_cancelled_job_ends_and_its_file_is_gone(service, client, monkeypatch):
    begun, stopped = threading.Event(), threading.Event()

    usual = service.app.state.wiring.engine._doer._work["verify"]

    def slow(job, tell):
        if job.params["name"] != "slow.wav":
            return usual(job, tell)
        begun.set()
        try:
            while True:
                tell("slow", 1.0, "")
                time.sleep(0.02)
        except JobStoppedError:
            stopped.set()
            raise

    monkeypatch.setitem(service.app.state.wiring.engine._doer._work, "verify", slow)
    location = client.post("/v1/verify?name=slow.wav", content=recording()).headers["location"]
    assert begun.wait(20)
    answer = client.delete(location)
    assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
    assert stopped.wait(10), "the work ends at its next step"
    assert client.get(location).json()["status"] == "cancelled"
    _spool_is_empty(service)


def test_jobs_that_do_not_exist_are_404(client):
    for name in ("0" * 32, "zzz", "0" * 33):
        for answer in (client.get(f"/v1/jobs/{name}"), client.delete(f"/v1/jobs/{name}")):
            assert answer.status_code == (404 if name == "0" * 32 else 422)
        assert client.get(f"/v1/jobs/{name}/events").status_code in (404, 422)


def test_the_job_of_a_tenant_is_not_there_for_others_case_93(service, client):
    access = service.app.state.wiring.installation.access
    mine, other = (
        {"Authorization": f"Bearer {access.create(name, '', frozenset((Scope.VERIFY,)), None)[1]}"}
        for name in ("mine", "other")
    )
    location = client.post("/v1/verify", content=recording(), headers=mine).headers["location"]
    assert client.get(location, headers=mine).status_code == 200
    assert client.get(location, headers=other).status_code == 404
    assert client.get(location).status_code == 404
    assert client.delete(location, headers=other).status_code == 404


@pytest.mark.parametrize(
    ("said", "applied"), [("wait=0", None), ("wait=-3", None), ("wait=x", None), ("return=minimal", None)]
)
def test_preferences_that_are_not_understood_are_ignored(client, said, applied):
    answer = client.post("/v1/verify", content=recording(), headers={"Prefer": said})
    assert answer.status_code == 202
    assert answer.headers.get("preference-applied") == applied


def test_a_full_queue_is_503_with_a_hint_when_to_come_back_sr23(service, client, monkeypatch):
    monkeypatch.setattr(service.app.state.wiring.installation.jobs, "_max_waiting", 0)
    answer = client.post("/v1/verify", content=recording())
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
    _spool_is_empty(service)


def test_received_files_share_a_limited_space_sr22(service, client, monkeypatch):
    monkeypatch.setattr(service.app.state.wiring.space, "_max_bytes", 1_000)
    answer = client.post("/v1/verify", content=recording())
    assert (answer.status_code, answer.json()["code"]) == (503, "storage")
    assert service.app.state.wiring.space._used == 0
    assert not list(service.uploads.iterdir())


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A film of nothing that is registered."""
    folder = tmp_path_factory.mktemp("film")
    films.portrait_film(folder / "portrait.mp4")
    change = lambda rgb, _: np.ascontiguousarray(np.roll(255 - rgb[::-1], 90, axis=(0, 1)))  # noqa: E731
    films.copied(folder / "portrait.mp4", folder / "a.mp4", [(1.0, 9.0)], change=change)
    return (folder / "a.mp4").read_bytes()


@pytest.fixture
def held(monkeypatch):
    """Films count as long from five seconds on; the second look at them waits until it is let go."""
    for module in ("provenance.tiers", "provenance.examiner"):
        monkeypatch.setattr(f"{module}.LONG_S", 5.0)
    go_on, usual = threading.Event(), Examiner.joined

    def joined(*given, **named):
        assert go_on.wait(30)
        return usual(*given, **named)

    monkeypatch.setattr(Examiner, "joined", joined)
    yield go_on
    go_on.set()


def test_a_long_film_has_a_first_answer_with_what_remains(client, film, held):
    answer = client.post("/v1/verify?name=address.mp4", content=film)
    assert answer.json()["interim"] is None
    location, told = answer.headers["location"], []
    with client.stream("GET", f"{location}/events") as stream:
        for line in stream.iter_lines():
            if not line.startswith("data: "):
                continue
            told.append(json.loads(line.removeprefix("data: ")))
            if told[-1]["interim"] is not None and not held.is_set():
                asked = client.get(location).json()
                assert asked["interim"] == told[-1]["interim"]
                page = client.get(f"/r/{asked['id']}").text
                assert asked["interim"]["verdict"]["summary"] in unescape(page)
                assert KEY_FRAMES_ONLY in unescape(page)
                held.set()
    assert held.is_set(), "the first answer came before the last"
    interim = next(one["interim"] for one in told if one["interim"])
    assert interim["verdict"]["code"] == "no-evidence"
    assert KEY_FRAMES_ONLY in interim["remains"]
    assert (told[-1]["status"], told[-1]["interim"]) == ("done", None)
    report = client.get(told[-1]["report"]).json()
    assert KEY_FRAMES_ONLY not in report["not_checked"]


def test_the_page_of_a_job_becomes_its_report_or_says_why_not(client):
    sent = client.post("/check", files={"file": ("talk.wav", recording(seed=5), "audio/wav")})
    assert (sent.status_code, sent.text) == (303, "")
    place = sent.headers["location"]
    waiting = client.get(place)
    assert waiting.status_code == 200
    _finished(client, place.replace("/r/", "/v1/jobs/"))
    assert "No evidence found" in client.get(place).text
    broken = client.post("/check", files={"file": ("a.flac", b"fLaC" + bytes(60), "audio/flac")})
    _finished(client, broken.headers["location"].replace("/r/", "/v1/jobs/"))
    told = client.get(broken.headers["location"])
    assert told.status_code == 422
    assert "could not be checked" in told.text
