from __future__ import annotations

import base64
import hashlib
import http.client
import socket
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from PIL import Image

from provenance.errors import DeadlineError, StorageError, WorkerError
from provenance.remembered import Remembered
from provenance.service.access import Scope
from provenance_api import uploads
from provenance_api.schemas import ReportOut
from provenance_api.uploads import clean_name
from tests.fakes import reports as fakes
from tests.fakes.pictures import encoded, photograph


def test_the_signed_file_is_intact_by_raw_body(client, signed):
    answer = client.post(
        "/v1/verify?name=portrait.jpg", content=signed, headers={"Content-Type": "image/jpeg"}
    )
    assert answer.status_code == 200, answer.text
    report = ReportOut.model_validate(answer.json())
    assert (report.verdict.code, report.name) == ("intact", "portrait.jpg")
    assert report.input.sha256 == "sha256:" + hashlib.sha256(signed).hexdigest()
    assert report.matches[0].identical


def test_a_form_gives_the_same_answer_as_a_raw_body(client, signed):
    raw = client.post("/v1/verify?name=a.jpg", content=signed).json()
    form = client.post(
        "/v1/verify", files={"other": (None, "x"), "file": ("a.jpg", signed, "image/jpeg")}
    ).json()
    for moving in ("checked_at", "elapsed_s", "links"):
        raw.pop(moving), form.pop(moving)
    assert raw == form


def test_a_chunked_body_without_length_is_read(client, signed):
    parts = (signed[at : at + 10_000] for at in range(0, len(signed), 10_000))
    assert client.post("/v1/verify", content=parts).json()["verdict"]["code"] == "intact"


def test_an_altered_copy_gets_a_map_and_reports_are_found_again(client, altered):
    report = client.post("/v1/verify", content=altered).json()
    assert report["verdict"]["code"] == "altered-copy", report["verdict"]
    picture = client.get(report["links"]["map"])
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")
    assert client.get(report["links"]["self"]).json() == report
    kept = client.get(report["links"]["html"])
    assert kept.headers["content-disposition"].startswith("attachment")
    assert "data:image/png;base64," in kept.text


def test_a_report_without_map_has_none(client, signed):
    report = client.post(
        "/v1/verify", content=encoded(Image.effect_noise((300, 200), 90).convert("RGB"))
    ).json()
    assert report["links"]["map"] is None
    assert client.get(report["links"]["self"] + "/map.png").status_code == 404


def test_a_film_that_was_found_has_its_timeline_as_a_picture(service, client):
    shelf = service.app.state.wiring.shelf
    name = shelf.put(fakes.report(fakes.film()))
    links = client.get(f"/v1/reports/{name}").json()["links"]
    drawn = client.get(links["timeline"])
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert drawn.headers["x-content-type-options"] == "nosniff"
    assert drawn.headers["cache-control"] == "private, no-cache"
    policy = drawn.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    root = ET.fromstring(drawn.text)
    assert {one.tag.rpartition("}")[2] for one in root.iter()}.isdisjoint(
        {"script", "style", "image", "a", "use"}
    )
    said = root.findtext("{http://www.w3.org/2000/svg}desc")
    assert "Picture 0:00.0 to 0:23.8 is 5:12.0 to 5:35.8 of the original" in said
    assert "Sound differs in the copy from 0:12.4 to 0:19.0" in said
    assert any(one.text == "Copy sound" for one in root.iter())
    again = client.get(links["timeline"], headers={"If-None-Match": drawn.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert f'href="{links["timeline"]}"' in client.get(links["page"]).text


def test_a_picture_and_an_unknown_film_have_no_timeline(service, client):
    shelf = service.app.state.wiring.shelf
    for evidence in (fakes.examples()["intact"], replace(fakes.film(), matches=())):
        name = shelf.put(fakes.report(evidence))
        assert client.get(f"/v1/reports/{name}").json()["links"]["timeline"] is None
        missing = client.get(f"/v1/reports/{name}/timeline.svg")
        assert (missing.status_code, missing.json()["code"]) == (404, "not-found")


def test_two_checks_at_once_answer_each_its_own(client, signed, altered):
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda body: client.post("/v1/verify", content=body).json(), [signed, altered] * 2)
        )
    assert [one["verdict"]["code"] for one in answers] == ["intact", "altered-copy"] * 2


def test_empty_body_case_01(client):
    assert client.post("/v1/verify", content=b"").status_code == 422
    assert client.post("/v1/verify", files={"file": ("", b"")}).status_code == 422


@pytest.mark.parametrize(
    ("body", "declared"),
    [
        (b"x", ""),
        (b"<html><script>1</script>", "image/jpeg"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
    ],
    ids=["case 02", "case 17", "case 16"],
)
def test_what_is_no_media_is_415(client, body, declared):
    answer = client.post("/v1/verify", content=body, headers={"Content-Type": declared} if declared else {})
    assert answer.status_code == 415, answer.text


def test_a_type_the_content_does_not_have_is_415_case_15(client, signed):
    assert client.post("/v1/verify", content=signed, headers={"Content-Type": "image/png"}).status_code == 415
    assert (
        client.post("/v1/verify", content=signed, headers={"Content-Type": "application/json"}).status_code
        == 415
    )


def test_content_length_over_the_cap_is_refused_before_reading_sr22(service):
    raw = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    raw.putrequest("POST", "/v1/verify")
    raw.putheader("Content-Length", str(10 << 30))
    raw.endheaders()
    assert raw.getresponse().status == 413
    raw.close()


def test_actual_bytes_over_the_cap_are_refused_case_77(service, client, monkeypatch):
    kept = uploads.Sink
    monkeypatch.setattr(uploads, "Sink", lambda file, _max, take: kept(file, 100_000, take))
    answer = client.post("/v1/verify", content=(b"\xff" * 50_000 for _ in range(6)))
    assert (answer.status_code, answer.json()["code"]) == (413, "limit-exceeded")
    assert not list(service.uploads.iterdir())


def test_a_slow_client_gets_408_case_84(service, monkeypatch):
    monkeypatch.setattr(uploads, "STALL_S", 0.3)
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as line:
        line.sendall(b"POST /v1/verify HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\nx")
        assert line.recv(12) == b"HTTP/1.1 408"
    assert not list(service.uploads.iterdir())


def test_a_client_that_leaves_leaves_no_file_case_97(service):
    with socket.create_connection(("127.0.0.1", service.port)) as line:
        line.sendall(b"POST /v1/verify HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n" + b"x" * 1000)
        while not list(service.uploads.iterdir()):
            time.sleep(0.01)
    deadline = time.monotonic() + 5
    while list(service.uploads.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not list(service.uploads.iterdir())


@pytest.mark.parametrize("error", [WorkerError, DeadlineError, StorageError])
def test_no_file_stays_when_the_check_fails_sr22(service, client, signed, monkeypatch, error):
    def failing(path, **_):
        assert path.read_bytes() == signed
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert path.stat().st_mode & 0o777 == 0o600
        raise error(f"expected to work, found {path} broken")

    monkeypatch.setattr(service.app.state.wiring.installation.verifier, "verify", failing)
    answer = client.post("/v1/verify", content=signed)
    assert answer.status_code == (503 if error is StorageError else 422)
    assert str(service.uploads) not in answer.text
    assert not list(service.uploads.iterdir())


def test_no_file_stays_after_a_good_check_sr22(service, client, signed):
    client.post("/v1/verify", content=signed)
    assert not list(service.uploads.iterdir())


def test_more_checks_than_places_are_503_with_retry_after_sr23(service, client, signed):
    places = service.app.state.wiring.places
    held = [places.taken() for _ in range(places._count)]
    for one in held:
        one.__enter__()
    answer = client.post("/v1/verify", content=signed)
    assert client.get("/healthz").status_code == 200
    for one in held:
        one.__exit__(None, None, None)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert client.post("/v1/verify", content=signed).status_code == 200


def test_content_digest_is_compared(client, signed):
    right = base64.b64encode(hashlib.sha256(signed).digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"").digest()).decode()
    assert (
        client.post(
            "/v1/verify", content=signed, headers={"Content-Digest": f"sha-256=:{right}:"}
        ).status_code
        == 200
    )
    assert (
        client.post(
            "/v1/verify", content=signed, headers={"Content-Digest": f"sha-256=:{wrong}:"}
        ).status_code
        == 422
    )


NAMES = {
    "../../etc/passwd": "passwd",
    "..\\..\\boot.ini": "boot.ini",
    "a\x00b.jpg": "ab.jpg",
    "evil\u202egpj.exe": "evilgpj.exe",
    "con": "con",
    "🎉 party.jpg": "🎉 party.jpg",
    "": "unnamed file",
    "/": "unnamed file",
}


@pytest.mark.parametrize("given", NAMES)
def test_names_are_shown_clean_case_87(given):
    assert clean_name(given) == NAMES[given]


def test_a_long_name_with_line_breaks_is_one_short_line_case_87():
    shown = clean_name("a\r\nSet-Cookie: b" + "x" * 10_000)
    assert len(shown) <= 255
    assert "\r" not in shown
    assert "\n" not in shown


def test_hostile_names_reach_no_path_and_no_header_case_87(service, client, signed):
    for given in ("../../etc/passwd", "x" * 10_000 + ".jpg", "<img src=x onerror=alert(1)>.jpg"):
        answer = client.post("/v1/verify", files={"file": (given, signed)})
        assert answer.status_code == 200, answer.text
        assert answer.json()["name"] == clean_name(given)


def form(*parts: bytes, end: bytes = b"--b--\r\n") -> dict:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end
    return {"content": body, "headers": {"Content-Type": "multipart/form-data; boundary=b"}}


def field(name: str, content: bytes = b"x") -> bytes:
    return f'Content-Disposition: form-data; name="{name}"'.encode() + b"\r\n\r\n" + content


@pytest.mark.parametrize(
    "sent",
    [
        form(*[field("a")] * 10_000),
        form(field("a" * (1 << 20))),
        form(field("a", b"x" * 200_000)),
        form(field("file"), field("file")),
        form(field("file"), end=b""),
        {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"x" * 10, "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
        {"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=" + "b" * 9000}},
    ],
    ids=[
        "10000 parts",
        "1 MB field name",
        "long field",
        "two files",
        "cut",
        "no boundary",
        "no form",
        "long boundary",
    ],
)
def test_broken_forms_are_400_case_86(service, client, sent):
    answer = client.post("/v1/verify", **sent)
    assert answer.status_code == 400, answer.text
    assert not list(service.uploads.iterdir())


def test_a_form_without_the_file_is_422(client):
    assert client.post("/v1/verify", **form(field("other"))).status_code == 422


def superbox(label: bytes, kind: bytes, *inner: bytes) -> bytes:
    described = kind + b"\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71" + b"\x03" + label + b"\0"
    content = (len(described) + 8).to_bytes(4, "big") + b"jumd" + described + b"".join(inner)
    return (len(content) + 8).to_bytes(4, "big") + b"jumb" + content


def store_with(claim: bytes) -> bytes:
    """A C2PA manifest store whose claim is ``claim``."""
    boxed = (len(claim) + 8).to_bytes(4, "big") + b"cbor" + claim
    manifest = superbox(b"urn:c2pa:bomb", b"c2ma", superbox(b"c2pa.claim.v2", b"c2cl", boxed))
    return superbox(b"c2pa", b"c2pa", manifest)


@pytest.mark.parametrize(
    "claim",
    [
        b"\x81" * 20_000 + b"\x80",
        b"\x9f" * 20_000,
        b"\xbf" * 20_000,
        b"\xa1\x00" * 20_000,
        b"\x9b\x7f" + b"\xff" * 7,
        b"\x5b\x7f" + b"\xff" * 7,
        b"\xbb\x00\x00\x00\xff\xff\xff\xff\xff",
        b"\xd8\x1c\x81\xd8\x1d\x00",
        b"\xc2" * 20_000,
    ],
    ids=[
        "arrays",
        "endless arrays",
        "endless maps",
        "maps",
        "2^63 items",
        "2^63 bytes",
        "2^40 pairs",
        "cycle",
        "tags",
    ],
)
def test_bombs_in_cbor_are_no_credentials_case_89(service, client, claim):
    """Claims of manifest stores are the only CBOR that callers send, on its own or inside a picture."""
    store = store_with(claim)
    segment = b"JP" + (1).to_bytes(2, "big") + (1).to_bytes(4, "big") + store
    jpeg = encoded(photograph("coffee.png"), quality=60)
    within = jpeg[:2] + b"\xff\xeb" + (len(segment) + 2).to_bytes(2, "big") + segment + jpeg[2:]
    answer = client.post("/v1/verify", content=within)
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 200:
        assert answer.json()["credential"]["state"] in ("tampered", "inconclusive", "absent")
    _, key = service.app.state.wiring.installation.access.create("bombs", "", frozenset(Scope), None)
    auth = {"Authorization": f"Bearer {key}", "Content-Type": "application/c2pa"}
    kept = client.post("/v1/manifests", content=store, headers=auth)
    assert kept.status_code in (200, 400, 413), kept.text
    if kept.status_code == 200:
        told = client.get(f"/v1/manifests/{kept.json()['manifestId']}", headers=auth)
        assert told.headers["manifest-validation"] in ("failed", "unvalidated")
    assert client.get("/readyz").status_code == 200


def test_remembered_reports_have_a_limit_of_bytes(service, client, altered, monkeypatch):
    checking = service.app.state.wiring.installation.checking
    monkeypatch.setattr(checking, "_remembered", Remembered(64 << 10))
    assert client.post("/v1/verify", content=altered).json()["has_map"]
    assert not len(checking._remembered), "it is over the limit alone"
    client.post("/v1/verify", content=encoded(photograph("chelsea.png"), quality=80))
    assert len(checking._remembered) == 1


def test_kept_reports_lie_in_a_private_folder_not_in_memory(service, client, altered):
    wiring = service.app.state.wiring
    if wiring.installation.store.shared:
        pytest.skip("several processes keep them in the database")
    answer = client.post("/v1/verify", content=altered).json()
    shelf = wiring.folder.parent / "reports"
    name = answer["links"]["self"].rsplit("/", 1)[1]
    assert shelf.stat().st_mode & 0o777 == 0o700
    assert (shelf / name).stat().st_size > len(client.get(answer["links"]["map"]).content) > 0
    assert client.get("/v1/reports/" + "0" * 32).status_code == 404
