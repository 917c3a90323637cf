"""Two services over one PostgreSQL, each with an installation of its own, as two processes would be."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace

import httpx
import pytest

from provenance.service.access import Scope
from provenance.setup import initialise
from provenance_api.app import create_app
from tests.fakes.pictures import encoded, photograph
from tests.postgres import fresh_url
from tests.running import running


@dataclass
class Pair:
    """Clients of both services; the second leaves jobs to the first."""

    first: httpx.Client
    second: httpx.Client


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    settings = initialise(folder, "TEST News", database_url=fresh_url())
    with ExitStack() as open_until_the_end:
        clients = []
        for jobs in ("here", "elsewhere"):
            app = create_app(replace(settings, jobs=jobs, detector="none"))
            port = open_until_the_end.enter_context(running(app))
            clients.append(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60))
            open_until_the_end.callback(clients[-1].close)
        scopes = frozenset((Scope.VERIFY, Scope.PUBLISH, Scope.LOOKUP))
        _, key = app.state.wiring.installation.access.create("news", "", scopes, None)
        for client in clients:
            client.headers["Authorization"] = f"Bearer {key}"
        yield Pair(*clients)


def _register(client, picture, title, **headers):
    answer = client.post(f"/v1/assets?title={title}", content=picture, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer


def _copy(name, quality=70):
    image = photograph(name)
    return encoded(image.resize((image.width * 3 // 4, image.height * 3 // 4)), quality=quality)


def _verdict(client, picture):
    answer = client.post("/v1/verify", content=picture)
    assert answer.status_code == 200, answer.text
    return answer.json()["verdict"]["code"]


def test_what_one_registers_the_other_finds_at_once(pair):
    """The index in memory follows the ledger by its size, whoever appended."""
    copy = _copy("coffee.png")
    assert _verdict(pair.second, copy) == "no-evidence", "its index is filled before the registration"
    made = _register(pair.first, encoded(photograph("coffee.png"), quality=92), "coffee").json()
    assert _verdict(pair.second, copy) == "derived-copy"
    asset = made["record"]["asset_id"]
    reason = {"reason": "TEST wrong caption"}
    assert pair.second.post(f"/v1/assets/{asset}/withdrawal", json=reason).status_code == 201
    assert [_verdict(each, copy) for each in (pair.first, pair.second)] == ["withdrawn", "withdrawn"]


def test_signed_files_and_answers_are_those_of_both(pair):
    picture, key = encoded(photograph("rocket.jpg"), quality=90), {"Idempotency-Key": "rocket-0001"}
    made = _register(pair.first, picture, "rocket", **key)
    again = _register(pair.second, picture, "rocket", **key)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == made.json()
    fetched = [each.get(made.json()["signed_file"]) for each in (pair.first, pair.second)]
    assert fetched[0].status_code == 200
    assert fetched[0].content == fetched[1].content


def test_reports_of_pictures_are_there_for_both(pair):
    said = pair.first.post("/v1/verify", content=_copy("chelsea.png")).json()
    other = pair.second.get(said["links"]["self"])
    assert (other.status_code, other.json()["verdict"]) == (200, said["verdict"])
    assert pair.second.get("/v1/reports/" + "0" * 32).status_code == 404


def test_a_job_handed_in_at_one_is_done_by_the_other_at_once(pair):
    prefer = {"Prefer": "respond-async"}
    began = time.monotonic()
    answer = pair.second.post("/v1/verify", content=_copy("retina.jpg"), headers=prefer)
    assert answer.status_code == 202
    location = answer.headers["Location"]
    while (said := pair.second.get(location).json())["status"] in ("waiting", "running"):
        assert time.monotonic() < began + 30
        time.sleep(0.05)
    assert said["status"] == "done"
    assert pair.first.get(f"/v1/reports/{said['id']}").json()["verdict"]["code"] == "no-evidence"
    pair.second.delete(location)
    assert pair.first.get(location).json()["status"] == "done", "what is over stays as it is"
