"""Checking by address: off as installed, and like an upload where it is on."""

from __future__ import annotations

import pytest

from provenance.errors import FetchError
from provenance.media.fetch import Fetcher, check_url

ADDRESS = {"url": "https://example.org/pictures/astronaut.jpg?size=large"}


class Serving(Fetcher):
    """A fetcher whose every address holds the same bytes."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.content = content

    def fetch(self, url, max_bytes, take):
        check_url(url)
        take(self.content[:max_bytes])
        return "text/html"


@pytest.fixture
def fetching(service, signed):
    installation = service.app.state.wiring.installation
    installation.__dict__["fetcher"] = Serving(signed)
    yield installation
    installation.__dict__["fetcher"] = None


def test_nothing_is_fetched_unless_it_is_turned_on_sr15(client):
    answer = client.post("/v1/verify/url", json=ADDRESS)
    assert (answer.status_code, answer.json()["code"]) == (403, "not-authorised")
    body = {"referenceUrl": ADDRESS["url"], "assetLength": 1000}
    assert client.post("/v1/matches/byReference", json=body).status_code == 403
    assert "queryByReference" not in client.get("/v1/services/capabilities").json()["supportedCapabilities"]


def test_a_file_at_an_address_is_checked_like_an_upload(service, client, fetching):
    report = client.post("/v1/verify/url", json=ADDRESS).json()
    assert (report["name"], report["verdict"]["code"]) == ("astronaut.jpg", "intact")
    assert not list(service.uploads.iterdir())


def test_a_reference_resolves_to_its_manifest(service, client, fetching, signed):
    body = {"referenceUrl": ADDRESS["url"], "assetLength": len(signed), "assetType": "image/jpeg"}
    answer = client.post("/v1/matches/byReference", json=body)
    assert answer.json()["matches"][0]["manifestId"] == service.published.record.manifest_id
    assert "queryByReference" in client.get("/v1/services/capabilities").json()["supportedCapabilities"]


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "https://127.0.0.1/", "https://u@example.org/",
     "https://example.org:22/", "https://a\r\nb.org/", "x"],
)  # fmt: skip
def test_addresses_that_may_not_be_fetched_are_422_and_400_case_74(service, client, fetching, url):
    assert client.post("/v1/verify/url", json={"url": url}).status_code == 422
    answer = client.post("/v1/matches/byReference", json={"referenceUrl": url, "assetLength": 10})
    assert (answer.status_code, bool(answer.json()["error"])) == (400, True)
    assert not list(service.uploads.iterdir())


@pytest.mark.parametrize(
    "body",
    [{}, {"referenceUrl": ADDRESS["url"]}, {"assetLength": 5}, {"referenceUrl": ADDRESS["url"], "assetLength": 0},
     {"referenceUrl": ADDRESS["url"], "assetLength": 9, "region": [{"type": "spatial"}]}],
)  # fmt: skip
def test_wrong_references_are_400(client, fetching, body):
    assert client.post("/v1/matches/byReference", json=body).status_code == 400


def test_an_address_without_an_answer_is_502(client, fetching, monkeypatch):
    def nobody(*_):
        raise FetchError("expected an answer from example.org, found none")

    monkeypatch.setattr(fetching.fetcher, "fetch", nobody)
    assert client.post("/v1/verify/url", json=ADDRESS).status_code == 502
    body = {"referenceUrl": ADDRESS["url"], "assetLength": 10}
    answer = client.post("/v1/matches/byReference", json=body)
    assert (answer.status_code, bool(answer.json()["error"])) == (502, True)
