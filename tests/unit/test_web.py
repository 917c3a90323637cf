"""The one client: limits on time and size, no redirects, and errors in our words."""

from __future__ import annotations

import gzip
import time

import httpx
import pytest

from provenance.errors import ConfigError, LimitError, NotFoundError, UnavailableError
from provenance.ledger.source import WebSource
from provenance.web import Answer, Web


def answering(handler) -> Web:
    return Web(transport=httpx.MockTransport(handler))


def test_a_body_is_read_up_to_its_limit():
    def forever(_request):
        def pieces():
            while True:
                yield b"x" * 1000

        return httpx.Response(200, content=pieces())

    with answering(forever) as web, pytest.raises(LimitError, match="at most 5000"):
        web.get("https://log.example/checkpoint", 5000)


def test_a_small_compressed_body_that_grows_is_stopped():

    bomb = gzip.compress(bytes(10 << 20))

    def answer(_request):
        return httpx.Response(200, content=bomb, headers={"content-encoding": "gzip"})

    with answering(answer) as web, pytest.raises(LimitError):
        web.get("https://log.example/tile/0/000", 8192)


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, NotFoundError), (410, NotFoundError), (500, UnavailableError), (302, UnavailableError)],
)
def test_every_other_status_is_an_error(status, error):
    def answer(_request):
        return httpx.Response(status, headers={"location": "http://169.254.169.254/"})

    with answering(answer) as web, pytest.raises(error):
        web.get("https://log.example/checkpoint", 100)


def test_what_cannot_be_reached_is_unavailable():
    def answer(request):
        raise httpx.ConnectTimeout("no answer", request=request)

    with answering(answer) as web, pytest.raises(UnavailableError, match="no answer"):
        web.get("https://log.example/checkpoint", 100)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/", "nothing", "http://[", ""])
def test_only_http_is_spoken(url):
    with Web() as web, pytest.raises((ConfigError, UnavailableError)):
        web.get(url, 100)


def test_a_log_is_read_below_its_prefix():
    seen = []

    def answer(request):
        seen.append(str(request.url))
        return httpx.Response(200, content=b"ok", headers={"content-type": "Text/Plain; charset=utf-8"})

    with answering(answer) as web:
        assert WebSource(web, "https://log.example/log/").read("tile/0/000", 100) == b"ok"
        assert web.send("POST", "https://w.example/add-checkpoint", b"old 0\n", 100) == Answer(
            200, "text/plain", b"ok"
        )
    assert seen == ["https://log.example/log/tile/0/000", "https://w.example/add-checkpoint"]


def test_a_server_that_drips_is_left():
    """Case 72."""

    def slow(_request):
        def pieces():
            for _ in range(1000):
                time.sleep(0.02)
                yield b"x"

        return httpx.Response(200, content=pieces())

    with Web(whole_s=0.1, transport=httpx.MockTransport(slow)) as web:
        started = time.monotonic()
        with pytest.raises(UnavailableError, match=r"within 0\.1 s"):
            web.get("https://log.example/checkpoint", 10_000)
        assert time.monotonic() - started < 5
