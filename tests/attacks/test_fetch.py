"""Addresses that strangers name: cases 71, 73, 74, 75 and SR-15. No spelling may reach into this network."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import httpcore
import pytest

from provenance.errors import FetchError, FormatError, LimitError, ProvenanceError
from provenance.media.fetch import Fetcher, check_url, is_public

#: Spellings of this machine, of private networks and of clouds' metadata services, as attackers write them.
HOSTS = [
    "127.0.0.1", "127.1", "127.0.1", "0", "0.0.0.0", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1",
    "017700000001", "127.0.0.1.", "127.000.000.001", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[fe80::1]", "[fe80::1%25lo]",
    "[fc00::1]", "[fd00:ec2::254]",
    "[2002:7f00:1::]", "localhost", "LOCALHOST", "localhost.", "localhost.localdomain", "a.localhost", "foo.local",
    "metadata.google.internal", "instance-data.internal", "169.254.169.254", "0xa9fea9fe",
    "2852039166", "0251.0376.0251.0376",
    "169.254.170.2", "10.0.0.1", "10.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.1.1.", "100.64.0.1",
    "198.18.0.1", "192.0.0.1", "192.0.2.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "①②⑦.⓪.⓪.①", "127。0。0。1",
    "ⓛocalhost", "127.0.0.1%00.example.org", "127.0.0.1%2eexample.org", "intranet", "router.lan",
    "nas.home", "example.test",
    "1.0.0.127.in-addr.arpa", "xn--.localhost", "-bad-.example.org", "a..example.org",
    ".example.org", "example.org..",
]  # fmt: skip
URLS = [
    "http://example.org/", "HTTP://example.org/", "ftp://example.org/", "file:///etc/passwd",
    "gopher://example.org:443/_x",
    "dict://example.org/", "ldap://example.org/", "data:image/png;base64,AAAA",
    "javascript:alert(1)", "//example.org/",
    "https:/example.org/", "https:example.org", "https:///example.org/", "https://", "https://example.org:22/",
    "https://example.org:80/", "https://example.org:0443x/", "https://example.org:/", "https://example.org:99999/",
    "https://user@example.org/", "https://user:pw@example.org/", "https://example.org@127.0.0.1/",
    "https://127.0.0.1#@example.org/", "https://127.0.0.1\\@example.org/", "https://example.org\\@127.0.0.1/",
    "https://example.org /", " https://example.org/", "https://example.org/\r\nHost: 127.0.0.1",
    "https://exa\tmple.org/",
    "https://example.org/\x00", "https://[::1/", "https://example.org]/", "https://example.org/" + "a" * 3000, "",
    "https://?example.org", "https://#example.org", "jar:https://example.org!/", "https://exämple.org/",
]  # fmt: skip
PUBLIC = "93.184.215.14"


@pytest.fixture
def canary():
    """A listener on every loopback address that counts who comes."""
    visits: list[object] = []
    with contextlib.ExitStack() as stack:
        for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            with contextlib.suppress(OSError):
                server = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
                if family is socket.AF_INET6:
                    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                server.bind((address, 443))
                server.listen()
                server.settimeout(0.05)
                stop = threading.Event()
                thread = threading.Thread(target=_count, args=(server, stop, visits))
                thread.start()
                stack.callback(lambda thread=thread, stop=stop: (stop.set(), thread.join()))
        yield visits


def _count(server, stop, visits):
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            connection, where = server.accept()
            visits.append(where)
            connection.close()


class Dialled(httpcore.MockBackend):
    """Notes the addresses that are connected to, and answers what it was told."""

    def __init__(self, *answers: bytes) -> None:
        super().__init__([])
        self.answers, self.addresses = list(answers), []

    def connect_tcp(self, host, port, *_, **__):
        self.addresses.append((host, port))
        return httpcore.MockStream([self.answers.pop(0)] if self.answers else [])


def answer(head: str, body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {head}\r\nConnection: close\r\n\r\n".encode() + body


def fetch(url: str, *answers: bytes, resolver=lambda _: [PUBLIC], limit: int = 1000):
    network, taken = Dialled(*answers), []
    said = Fetcher(resolver, network).fetch(url, limit, taken.append)
    return said, b"".join(taken), network.addresses


def test_there_are_more_than_sixty_spellings():
    assert len(set(HOSTS)) >= 60
    assert len(set(HOSTS + URLS)) >= 95


@pytest.mark.parametrize("host", HOSTS)
def test_no_spelling_of_a_host_is_visited_case_71(canary, host):
    for url in (f"https://{host}/x", f"https://{host}:443/x"):
        with pytest.raises(ProvenanceError):
            Fetcher(total_s=2.0).fetch(url, 1000, lambda _: None)
    assert canary == []


@pytest.mark.parametrize("url", URLS)
def test_no_other_address_is_visited_case_74(canary, url):
    with pytest.raises(FormatError):
        Fetcher(total_s=2.0).fetch(url, 1000, lambda _: None)
    assert canary == []


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["10.0.0.1", PUBLIC], ["::1"], ["::ffff:10.0.0.1"], ["169.254.169.254"],
     ["fe80::1%eth0"], ["64:ff9b::a00:1"], ["100.64.0.1"], ["2002:a00:1::1"], ["0.0.0.0"], ["nonsense"], []],
)  # fmt: skip
def test_a_public_name_with_a_private_address_is_not_visited_case_71(addresses):
    network = Dialled(answer("200 OK"))
    with pytest.raises(FormatError):
        Fetcher(lambda _: addresses, network).fetch("https://example.org/", 1000, lambda _: None)
    assert network.addresses == []


def test_rebinding_cannot_help_because_the_name_is_resolved_once_case_71():
    asked = []

    def rebinding(host):
        asked.append(host)
        return [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]

    _, _, addresses = fetch("https://example.org/", answer("200 OK", b"x"), resolver=rebinding)
    assert (asked, addresses) == (["example.org"], [(PUBLIC, 443)])


def test_a_file_is_fetched_and_its_stated_type_told():
    said, body, addresses = fetch(
        "https://Example.org:443/a?b=c", answer("200 OK\r\nContent-Type: Image/PNG; q=1", b"body")
    )
    assert (said, body, addresses) == ("image/png", b"body", [(PUBLIC, 443)])


@pytest.mark.parametrize(
    "target",
    ["http://example.org/", "file:///etc/passwd", "gopher://example.org/", "https://127.0.0.1/", "https://[::1]/",
     "//169.254.169.254/latest", "https://user@example.org/", "https://example.org:8443/", "https://2130706433/"],
)  # fmt: skip
def test_a_redirect_is_checked_like_the_first_address_case_73(target):
    network = Dialled(answer(f"302 Found\r\nLocation: {target}"), answer("200 OK", b"secret"))
    with pytest.raises(FormatError):
        Fetcher(lambda _: [PUBLIC], network).fetch("https://example.org/", 1000, lambda _: None)
    assert network.addresses == [(PUBLIC, 443)]


def test_three_redirects_are_followed_and_not_four():
    there = answer("301 Moved\r\nLocation: /next")
    assert fetch("https://example.org/", there, there, there, answer("200 OK", b"x"))[1] == b"x"
    with pytest.raises(FetchError, match="redirects"):
        fetch("https://example.org/", there, there, there, there, answer("200 OK", b"x"))


def test_endless_and_compressed_bodies_end_at_the_cap_case_75():
    with pytest.raises(LimitError):
        fetch("https://example.org/", answer("200 OK", b"x" * 5000))
    with pytest.raises(LimitError):
        fetch("https://example.org/", answer("200 OK\r\nContent-Length: 5000", b""))
    with pytest.raises(FetchError, match="compressed"):
        fetch("https://example.org/", answer("200 OK\r\nContent-Encoding: gzip", b"\x1f\x8b"))


@pytest.mark.parametrize("head", ["404 Not Found", "500 Oops", "204 No Content", "101 Switching", "nonsense"])
def test_other_answers_are_no_file(head):
    with pytest.raises(FetchError):
        fetch("https://example.org/", answer(head, b"x"))


def test_a_resolver_that_hangs_costs_the_deadline_and_no_more_case_72():
    started = time.monotonic()
    with pytest.raises(FetchError):
        Fetcher(lambda _: time.sleep(2) or [PUBLIC], Dialled(), total_s=0.3).fetch(
            "https://example.org/", 9, print
        )
    assert time.monotonic() - started < 1.9


def test_a_name_that_does_not_resolve_is_told_as_that():
    def nobody(_):
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(FetchError, match="resolves"):
        fetch("https://example.org/", resolver=nobody)


def test_public_addresses_are_public_and_nothing_else_is():
    assert all(is_public(one) for one in (PUBLIC, "1.1.1.1", "2606:4700:4700::1111"))
    assert not any(
        is_public(one) for one in ("192.88.99.1", "2001::1", "fec0::1", "ff02::1", "x", "", "1.1.1.1/8")
    )
    assert check_url("https://example.org/a/b?c=%20") == ("example.org", "/a/b?c=%20")
