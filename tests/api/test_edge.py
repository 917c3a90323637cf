"""What every answer carries, what is counted and logged, and clients that are slow or ambiguous."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import time

import httpx
import pytest

from provenance_api import protocol
from provenance_api.logs import JsonLines, request_id, trace_id


def test_a_request_id_of_the_client_is_kept_and_others_are_replaced(client):
    assert (
        client.get("/healthz", headers={"X-Request-Id": "desk-42.a_b"}).headers["x-request-id"]
        == "desk-42.a_b"
    )
    for bad in ("short", "x" * 100, "with space here", "a;b\tc-d-e-f"):
        assert client.get("/healthz", headers={"X-Request-Id": bad}).headers["x-request-id"] != bad
    problem = client.get("/v1/nothing", headers={"X-Request-Id": "desk-42.a_b"}).json()
    assert problem["instance"] == "urn:uuid:desk-42.a_b"


def test_budgets_are_told_in_headers(client):
    headers = client.post("/v1/lookup", json={"hashes": ["sha256:" + "0" * 64]}).headers
    assert headers["ratelimit-policy"].startswith('"address";q=')
    assert headers["ratelimit"].startswith('"address";r=')


def test_figures_name_routes_by_template_and_hold_no_identifier(service, client, signed):
    asset_id = service.published.record.asset_id
    client.get(f"/v1/assets/{asset_id}")
    client.post("/v1/verify", content=signed)
    text = client.get("/metrics").text
    assert 'route="/v1/assets/{asset_id}"' in text
    assert asset_id not in text
    assert 'provenance_verdicts_total{code="intact"}' in text
    assert "provenance_up 1.0" in text
    assert "provenance_ledger_entries" in text


def test_every_answer_is_a_log_line_without_names_or_addresses(client, caplog, signed):
    with caplog.at_level(logging.INFO, "provenance_api"):
        client.post("/v1/verify?name=secret-name.jpg", content=signed)
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    told = [(one["method"], one["route"], one["status"]) for one in lines if one["message"] == "answered"]
    assert ("POST", "/v1/verify", 200) in told
    assert "secret-name" not in json.dumps(lines)
    assert "127.0.0.1" not in json.dumps(lines)


def test_log_lines_are_one_line_whatever_a_text_holds_case_98():
    record = logging.LogRecord("provenance", logging.INFO, "", 0, "a\r\nb\x1b[31m\u202e%s", ("x",), None)
    tokens = request_id.set("id-1"), trace_id.set("f" * 32)
    try:
        line = JsonLines().format(record)
    finally:
        request_id.reset(tokens[0])
        trace_id.reset(tokens[1])
    assert line.isascii()
    assert line.isprintable()
    said = json.loads(line)
    assert (said["request"], said["trace"]) == ("id-1", "f" * 32)


def test_readiness_says_what_is_missing(service, client, monkeypatch):
    monkeypatch.setattr("provenance_api.readiness.MIN_FREE_BYTES", 1 << 62)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "not ready")
    assert [one["name"] for one in answer.json()["checks"] if not one["ok"]] == ["disk"]
    assert int(answer.headers["retry-after"]) > 0


# --- slow and ambiguous clients --------------------------------------------------------------------------


def _raw(port: int, content: bytes, wait_s: float = 5.0) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as line:
        line.sendall(content)
        return line.recv(4096)


@pytest.mark.parametrize("begun", [b"", b"GET /healthz HTTP/1.1\r\nHost: a\r\n", b"G"])
def test_half_a_head_ends_the_connection_case_83(service, monkeypatch, begun):
    monkeypatch.setattr(protocol, "HEAD_S", 0.3)
    with socket.create_connection(("127.0.0.1", service.port), timeout=5) as line:
        line.sendall(begun)
        assert line.recv(100).startswith(b"HTTP/1.1 408 ")
        assert line.recv(100) == b""


def test_a_head_that_never_ends_is_refused_case_82(service):
    head = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40_000
    assert _raw(service.port, head).startswith(b"HTTP/1.1 431 ")
    whole = head + b"\r\n\r\n"
    with contextlib.suppress(ConnectionResetError):
        assert _raw(service.port, whole)[9:12] in (b"431", b"400")


@pytest.mark.parametrize("path", ["/v1/matches/byBinding?alg=io.iscc.v0&value=", "/v1/assets?sha256="])
def test_an_address_that_never_ends_is_414_in_the_form_of_its_interface(service, path):
    line = b"GET " + path.encode() + b"A" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"
    with socket.create_connection(("127.0.0.1", service.port), timeout=5) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(line)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while block := connection.recv(4096):
                answer += block
    if answer:  # the kernel may drop it where the client is still sending
        assert answer.startswith(b"HTTP/1.1 414 ")
        assert (b"application/json" in answer) is ("matches" in path)
        said = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert f"X-Request-Id: {said['instance'].removeprefix('urn:uuid:')}\r\n".encode() in answer


def test_two_lengths_of_a_body_are_400_cases_79_80(service):
    both = b"POST /v1/lookup HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    two = b"POST /v1/lookup HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"
    for request in (both, two):
        assert _raw(service.port, request).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "request_text",
    [
        b"GET /healthz HTTP/1.1\nHost: a\n\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\nX-Other: b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\rX-Other: b\r\n\r\n",
        b"POST /v1/lookup HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\n{\r\n0\r\n\r\n",
    ],
    ids=["every line", "one line of the head", "bare return", "length of a chunk"],
)
def test_lines_without_carriage_return_are_400_here_too_case_81(service, request_text):
    assert _raw(service.port, request_text).startswith(b"HTTP/1.1 400 ")


def test_a_body_shorter_or_longer_than_it_says_is_no_answer_case_78(service):
    head = (
        b"POST /v1/lookup HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n"
    )
    answer = _raw(service.port, head + b"{}   GARBAGE\r\n\r\n")
    assert answer[9:12] in (b"400", b"422")
    with socket.create_connection(("127.0.0.1", service.port), timeout=5) as line:
        line.sendall(head + b"{}")
        line.shutdown(socket.SHUT_WR)
        assert not line.recv(100).startswith(b"HTTP/1.1 2")


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("TRACE", "/", (404, 405)),
        ("BREW", "/v1/verify", (400, 405)),
        ("GET", "//", (404, 405)),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", (404,)),
        ("GET", "/static/../app.py", (404,)),
        ("GET", "/static/%2e%2e%2fapp.py", (404,)),
        ("GET", "/static/..%5capp.py", (404,)),
        ("DELETE", "/healthz", (405,)),
    ],
)
def test_odd_methods_and_paths_find_nothing_case_99(service, method, path, statuses):
    answer = _raw(service.port, f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    assert int(answer[9:12]) in statuses


def test_five_hundred_idle_connections_leave_room_for_others_case_85(service, client):
    with contextlib.ExitStack() as stack:
        for number in range(500):
            line = stack.enter_context(socket.create_connection(("127.0.0.1", service.port), timeout=10))
            if number % 2:
                line.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n")
        started = time.monotonic()
        answers = [httpx.get(f"http://127.0.0.1:{service.port}/healthz").status_code for _ in range(5)]
    assert answers == [200] * 5
    assert time.monotonic() - started < 10, "not a measurement, only that nobody waits for the idle ones"
