from __future__ import annotations

import http.client
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from provenance.errors import UnavailableError
from provenance_api.guard import API_POLICY, PAGE_POLICY
from provenance_api.page import static_files
from provenance_api.rates import Rates
from tests.fakes.pictures import encoded

PAGES = ("/", "/reference", "/r/" + "0" * 32)
PATHS = (
    *PAGES,
    "/v1/ledger/checkpoint",
    "/healthz",
    "/openapi.json",
    "/nothing",
    "/static/page.css",
    "/v1/verify",
)


class Strict(HTMLParser):
    """Collects what the page's policy would block or a reader would miss."""

    def __init__(self):
        super().__init__()
        self.wrong, self.ids, self.labelled, self.inputs, self.headings = [], set(), set(), set(), []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.wrong += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.wrong.append(tag)
        if tag == "img" and "alt" not in given:
            self.wrong.append("img without alt")
        if "id" in given:
            assert given["id"] not in self.ids, f"id {given['id']} twice"
            self.ids.add(given["id"])
        if tag == "label":
            self.labelled.add(given.get("for"))
        if tag == "input":
            self.inputs.add(given["id"])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))


def strict(text: str) -> Strict:
    seen = Strict()
    seen.feed(text)
    assert not seen.wrong
    assert seen.inputs <= seen.labelled
    assert seen.headings[0] == 1
    assert all(b - a <= 1 for a, b in zip(seen.headings, seen.headings[1:], strict=False)), seen.headings
    assert '<html lang="en">' in text
    assert "<main" in text
    return seen


@pytest.mark.parametrize("path", PAGES)
def test_pages_hold_nothing_inline_and_are_labelled(client, path):
    strict(client.get(path).text)


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_the_security_headers_sr17(client, path):
    headers = client.get(path).headers
    page = path in PAGES
    assert headers["content-security-policy"] == (PAGE_POLICY if page else API_POLICY)
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-request-id"]
    assert "access-control-allow-origin" not in headers


def test_no_foreign_origin_may_read(client):
    answer = client.options(
        "/v1/verify", headers={"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    )
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_form_works_without_javascript(client, altered):
    start = client.get("/").text
    assert re.search(r'<form[^>]+action="/check"[^>]+method="post"[^>]+enctype="multipart/form-data"', start)
    answer = client.post("/check", files={"file": ("../<b>holiday</b>.png", altered, "image/png")})
    assert answer.status_code == 303
    shown = client.get(answer.headers["location"])
    strict(shown.text)
    for words in (
        "Altered copy",
        "What to do next",
        "Why",
        "What was not checked",
        "similarity",
        "Download the report as JSON",
    ):
        assert words in shown.text
    assert "octagon" not in shown.text
    assert "<polygon" in shown.text
    source = re.search(r'<img src="(/v1/reports/[0-9a-f]{32}/map\.png)"', shown.text)
    assert source is not None
    assert client.get(source[1]).status_code == 200


def test_foreign_text_is_escaped_case_98(client, signed):
    answer = client.post("/check", files={"file": ('<script>alert("1")</script>.jpg', signed)})
    shown = client.get(answer.headers["location"]).text
    assert "<script>alert" not in shown
    assert "Portrait &lt;/title&gt;&lt;script&gt;" in shown
    assert "Example &lt;News&gt; TEST" in shown
    kept = client.get(
        client.get(answer.headers["location"].replace("/r/", "/v1/reports/")).json()["links"]["html"]
    ).text
    assert "<script" not in kept


def test_absent_credentials_are_neutral(client):
    noise = np.random.default_rng(5).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((256, 256), Image.Resampling.BICUBIC)
    answer = client.post("/check", files={"file": ("plain.png", encoded(image, "PNG"), "image/png")})
    shown = client.get(answer.headers["location"]).text
    assert "verdict tone-neutral" in shown
    assert "This says nothing about the content" in shown


def test_a_person_gets_problems_as_a_page(client):
    answer = client.post("/check", files={"file": ("a.html", b"<html>", "text/html")})
    assert answer.status_code == 415
    assert answer.headers["content-type"].startswith("text/html")
    strict(answer.text)
    assert "What to do:" in answer.text
    nothing = client.post("/check", files={"file": ("", b"", "application/octet-stream")})
    assert nothing.status_code == 422
    assert "Choose a picture" in nothing.text.replace("choose", "Choose")


def test_static_files_are_a_closed_list_case_99(client):
    for name, file in static_files().items():
        fresh = client.get(f"/static/{name}?v={file.version}")
        assert (fresh.content, fresh.headers["cache-control"]) == (
            file.content,
            "public, max-age=31536000, immutable",
        )
        assert client.get(f"/static/{name}?v=old").headers["cache-control"] == "no-cache"
    for path in (
        "/static/../app.py",
        "/static/%2e%2e%2fapp.py",
        "/static/",
        "/%2e%2e/etc/passwd",
        "/static/app.py",
    ):
        assert client.get(path).status_code == 404, path


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("TRACE", "/"),
        ("PROPFIND", "/v1/verify"),
        ("GET", "/v1/verify"),
        ("DELETE", "/v1/assets/x"),
        ("GET", "/check"),
    ],
)
def test_unknown_methods_are_405_case_99(client, method, path):
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"]


def test_an_empty_first_segment_and_an_unknown_verb_are_refused_case_99(service):
    for method, path, status in (("GET", "//", 404), ("GET", "//etc/passwd", 404), ("BREW", "/", 400)):
        raw = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
        raw.request(method, path)
        assert raw.getresponse().status == status, path
        raw.close()


def test_unknown_paths_are_problems(client):
    answer = client.get("/v1/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["type"] == "urn:content-provenance:problem:not-found"


def test_a_bug_answers_with_an_id_and_no_traceback_sr25(service, client, signed, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("secret /etc/place SELECT * FROM asset")

    monkeypatch.setattr(service.app.state.wiring.installation.verifier, "verify", broken)
    answer = client.post("/v1/verify", content=signed)
    assert (answer.status_code, answer.json()["code"]) == (500, "bug")
    assert answer.json()["instance"].startswith("urn:uuid:")
    for word in ("secret", "Traceback", "SELECT", "/etc"):
        assert word not in answer.text
    assert not list(service.uploads.iterdir())
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_an_address_that_asks_too_often_gets_429_case_104(service, client, monkeypatch):
    monkeypatch.setitem(service.app.state._state, "rates", Rates(per_minute=1, burst=2))
    answers = [client.post("/v1/lookup", json={"hashes": ["sha256:" + "0" * 64]}) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert client.get("/healthz").status_code == 200


def test_readiness_is_503_where_the_registry_is_not_usable(service, client, monkeypatch):
    def down(*_):
        raise UnavailableError("expected a registry, found none")

    monkeypatch.setattr(type(service.app.state.wiring.installation.store), "counts", down)
    assert client.get("/readyz").status_code == 503


def test_openapi_names_the_routes(client):
    api = client.get("/openapi.json").json()
    assert set(api["paths"]) >= {
        "/v1/verify",
        "/v1/reports/{name}",
        "/v1/lookup",
        "/v1/assets/{asset_id}",
        "/v1/matches/byBinding",
        "/v1/matches/byContent",
        "/v1/manifests",
        "/v1/manifests/{manifest_id}",
        "/v1/manifests/{manifest_id}/receipts",
        "/v1/bindings",
        "/v1/ledger/checkpoint",
        "/healthz",
    }
    assert all("requestBody" in api["paths"][path]["post"] for path in ("/v1/verify", "/v1/lookup"))
    for path, methods in api["paths"].items():
        for one in methods.values():
            assert one["description"], path
