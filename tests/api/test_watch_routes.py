"""Impersonation watch: the publisher hears of an altered copy, signed, and learns nothing about who asked."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image, ImageDraw
from standardwebhooks import Webhook, WebhookVerificationError

from provenance.errors import FetchError
from provenance.media.fetch import Fetcher
from provenance.service import watches as watches_module
from provenance.service.access import Scope
from provenance.sightings import Courier
from tests.fakes.pictures import encoded


@pytest.fixture(scope="module")
def publisher(service) -> dict[str, str]:
    _, text = service.app.state.wiring.installation.access.create("default", "", frozenset(Scope), None)
    return {"Authorization": f"Bearer {text}"}


@pytest.fixture
def watch(service, client, publisher):
    body = {"asset_id": service.published.record.asset_id, "target": "https://hooks.example.org/in"}
    answer = client.post("/v1/watches", json=body, headers=publisher)
    assert answer.status_code == 201, answer.text
    yield answer.json()
    client.delete(f"/v1/watches/{answer.json()['id']}", headers=publisher)


class Target(Fetcher):
    """Somebody who takes calls, or does not."""

    def __init__(self, *statuses: int) -> None:
        super().__init__()
        self.statuses, self.calls = list(statuses), []

    def post(self, url, body, headers):
        self.calls.append((url, body.decode(), dict(headers)))
        status = self.statuses.pop(0)
        if not status:
            raise FetchError("expected an answer, found none")
        return status


def test_an_altered_copy_is_in_the_feed_and_the_querier_is_not(client, publisher, watch, altered):
    client.post("/v1/verify?name=who-am-i.jpg", content=altered, headers={"User-Agent": "secret-agent"})
    [seen] = client.get(watch["feed"], headers=publisher).json()["sightings"]
    said = seen["event"]["data"]
    assert (seen["event"]["type"], said["verdict"], said["asset_id"]) == (
        "copy.seen",
        "altered-copy",
        watch["asset_id"],
    )
    assert said["differences"]
    for one in said["differences"]:
        assert one["box"] == [round(value, 4) for value in one["box"]], "no digits that nobody measured"
    assert datetime.fromisoformat(said["hour"]).minute == 0
    for secret in ("who-am-i", "secret-agent", "127.0.0.1"):
        assert secret not in json.dumps(seen)


def test_a_false_caption_is_in_the_feed_though_the_picture_under_it_is_the_original(
    service, client, publisher, watch, signed
):
    with Image.open(io.BytesIO(signed)) as shown:
        painted = shown.convert("RGB")
    width, height = painted.size
    bar = Image.new("RGB", (width, height // 10), "white")
    text = ImageDraw.Draw(bar)
    text.text((20, 4), "THE LAKE IS POISONED", fill="black", font_size=height // 14)
    painted.paste(bar, (0, height - height // 10))
    said = client.post("/v1/verify", content=encoded(painted, quality=85)).json()
    assert said["verdict"]["code"] == "derived-copy"
    assert "Text or a graphic covers a region at" in said["verdict"]["summary"]
    assert "copier's addition, not the publisher's" in said["verdict"]["summary"]
    assert "No significant difference" not in said["verdict"]["summary"]
    [seen] = client.get(watch["feed"], headers=publisher).json()["sightings"]
    event = seen["event"]["data"]
    assert event["verdict"] == "derived-copy"
    assert {one["kind"] for one in event["differences"]} == {"overlay"}
    page = client.get(said["links"]["html"]).text
    assert "tone-review" in page
    assert "Copy with something laid over it" in page


def test_intact_and_unrelated_copies_are_not_reported(client, publisher, watch, signed):
    client.post("/v1/verify", content=signed)
    assert client.get(watch["feed"], headers=publisher).json() == {"sightings": [], "next_cursor": None}


def test_a_call_is_signed_and_repeated_until_it_is_taken(
    service, client, publisher, watch, altered, monkeypatch
):
    monkeypatch.setattr(watches_module, "RETRIES_S", (0, 0, 0))
    client.post("/v1/verify", content=altered)
    target = Target(500, 0, 204)
    courier = Courier(service.app.state.wiring.installation.watches, target)
    assert [courier.deliver_one() for _ in range(4)] == [True, True, True, False]
    assert {url for url, _, _ in target.calls} == {watch["target"]}
    assert len({headers["webhook-id"] for _, _, headers in target.calls}) == 1
    for _, body, headers in target.calls:
        assert Webhook(watch["secret"]).verify(body, headers)["data"]["asset_id"] == watch["asset_id"]
    [seen] = client.get(watch["feed"], headers=publisher).json()["sightings"]
    assert (seen["delivered"], seen["attempts"]) == (True, 3)


def test_a_call_cannot_be_changed_or_replayed_later(service, client, watch, altered):
    client.post("/v1/verify", content=altered)
    target = Target(204)
    Courier(service.app.state.wiring.installation.watches, target).deliver_one()
    [(_, body, headers)] = target.calls
    old = datetime.now(UTC) - timedelta(hours=1)
    for wrong_body, wrong in (
        (body.replace("altered", "intact"), {}),
        (body, {"webhook-id": "msg_other"}),
        (body, {"webhook-timestamp": str(int(old.timestamp()))}),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(watch["secret"]).verify(wrong_body, headers | wrong)


def test_attempts_end(service, client, publisher, watch, altered, monkeypatch):
    monkeypatch.setattr(watches_module, "RETRIES_S", (0,))
    client.post("/v1/verify", content=altered)
    courier = Courier(service.app.state.wiring.installation.watches, Target(500, 500))
    assert [courier.deliver_one() for _ in range(3)] == [True, True, False]
    [seen] = client.get(watch["feed"], headers=publisher).json()["sightings"]
    assert (seen["delivered"], seen["attempts"]) == (False, 2)


@pytest.mark.parametrize(
    "target", ["http://example.org/", "https://127.0.0.1/", "https://localhost/", "https://u@example.org/"]
)
def test_targets_inside_this_network_are_refused(service, client, publisher, target):
    body = {"asset_id": service.published.record.asset_id, "target": target}
    answer = client.post("/v1/watches", json=body, headers=publisher)
    assert answer.status_code == 422
    assert "read the feed" in answer.json()["hint"]


def test_watches_belong_to_their_tenant(service, client, publisher, watch):
    _, text = service.app.state.wiring.installation.access.create("other", "", frozenset(Scope), None)
    other = {"Authorization": f"Bearer {text}"}
    assert client.post("/v1/watches", json={"asset_id": watch["asset_id"]}, headers=other).status_code == 403
    assert client.get("/v1/watches", headers=other).json() == {"watches": []}
    for answer in (
        client.get(watch["feed"], headers=other),
        client.delete(f"/v1/watches/{watch['id']}", headers=other),
    ):
        assert answer.status_code == 404
    [mine] = [
        one
        for one in client.get("/v1/watches", headers=publisher).json()["watches"]
        if one["id"] == watch["id"]
    ]
    assert mine["secret"] is None, "shown once"
    assert client.post("/v1/watches", json={"asset_id": watch["asset_id"]}).status_code == 401


def test_wrong_watches_are_422(client, publisher, watch):
    for body in ({}, {"asset_id": "x"}, {"asset_id": watch["asset_id"], "verdicts": []},
                 {"asset_id": watch["asset_id"], "verdicts": ["intact"]}):  # fmt: skip
        assert client.post("/v1/watches", json=body, headers=publisher).status_code == 422
