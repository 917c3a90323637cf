"""Fetch: a file from an address that a stranger named, without becoming their hand inside this network.

1. The address is https on port 443, with a DNS name and nothing else before the path.
2. The name is resolved once; every address it has must be public, and the connection goes to one of those
   addresses, not to the name again (DNS rebinding). TLS still checks the name.
3. Redirects are followed by this module, at most three, each as strictly as the first.
4. Nothing but the bytes is taken: no cookies, no credentials, no compression, no proxy from the environment.

Off unless the operator turns it on. Source: security.md SR-15; service.md section 5.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as WaitedTooLong
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpcore

from provenance.errors import FetchError, FormatError, LimitError

#: Redirects followed. Source: security.md SR-15.
MAX_REDIRECTS: Final = 3
#: Seconds for everything together. Source: security.md SR-15.
TOTAL_S: Final = 10.0
#: Longest address, characters. Source: what browsers agree on.
MAX_URL: Final = 2_048
_PORT: Final = 443
_HOST: Final = re.compile(
    r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
)
_REDIRECTS: Final = (301, 302, 303, 307, 308)
#: Names that mean this machine or this network whatever DNS says. Source: RFC 6761, RFC 8375, RFC 9476.
_LOCAL: Final = (
    "localhost",
    "local",
    "internal",
    "arpa",
    "test",
    "invalid",
    "onion",
    "alt",
    "lan",
    "home",
    "corp",
)
#: Ranges that `is_global` calls public in some versions of Python, or that lead elsewhere by translation.
#: Source: IANA special-purpose registries; RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo).
_REFUSED: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "192.88.99.0/24", "224.0.0.0/4", "240.0.0.0/4",
                 "::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10")
)  # fmt: skip

Resolve = Callable[[str], Iterable[str]]
Take = Callable[[bytes], None]


def is_public(address: str) -> bool:
    """Return whether ``address``, an IP literal, is one that anybody on the Internet could reach."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inside = any(found.version == one.version and found in one for one in _REFUSED)
    return found.is_global and not found.is_multicast and not inside


def check_url(url: str) -> tuple[str, str]:
    """Return host and request target of an address that may be fetched.

    Raises:
        FormatError: Not https on port 443 with a plain public name.
    """
    if not 0 < len(url) <= MAX_URL or not url.isascii() or re.search(r"[\x00-\x20\\<>\"^`{|}\x7f]", url):
        raise _blocked("an address of printable ASCII characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as cause:
        raise _blocked("an address") from cause
    if parts.scheme != "https" or port not in (None, _PORT) or not url[8:].startswith(parts.netloc):
        raise _blocked("https on port 443")
    if "@" in parts.netloc or parts.netloc.endswith(":"):
        raise _blocked("no user name and an ordinary port")
    host = parts.netloc.removesuffix(f":{_PORT}").lower()
    if _HOST.fullmatch(host) is None or host.rsplit(".", 1)[-1] in _LOCAL:
        raise _blocked("a public DNS name")
    target = parts.path or "/"
    return host, f"{target}?{parts.query}" if parts.query else target


def resolve(host: str) -> list[str]:
    """Return the addresses of ``host``; raises OSError."""
    found = socket.getaddrinfo(host, _PORT, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(one[4][0]) for one in found]


class _Pinned(httpcore.NetworkBackend):
    """Connects to addresses that were checked, never to names."""

    def __init__(self, inner: httpcore.NetworkBackend, resolver: Resolve) -> None:
        self._inner, self._resolve = inner, resolver

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of ``host`` after checking all of them."""
        addresses = self._addresses(host, timeout)
        if not addresses or not all(is_public(one) for one in addresses):
            raise _blocked("a name with public addresses only")
        return self._inner.connect_tcp(addresses[0], port, timeout, local_address, socket_options)

    def _addresses(self, host: str, timeout: float | None) -> list[str]:
        # The system's resolver has no deadline of its own; a thread that hangs in it is left behind.
        waiting = ThreadPoolExecutor(1, thread_name_prefix="resolver")
        try:
            return list(waiting.submit(lambda: list(self._resolve(host))).result(timeout))
        except (OSError, UnicodeError, WaitedTooLong) as cause:
            raise FetchError(f"expected a name that resolves, found {host}") from cause
        finally:
            waiting.shutdown(wait=False, cancel_futures=True)


class Fetcher:
    """Fetches files from addresses that strangers name.

    Args:
        resolver: Gives the addresses of a name.
        network: Connects to addresses; in place of sockets, for tests.
        total_s: Seconds for one file, redirects included.
    """

    def __init__(
        self,
        resolver: Resolve = resolve,
        network: httpcore.NetworkBackend | None = None,
        total_s: float = TOTAL_S,
    ) -> None:
        self._backend = _Pinned(network or httpcore.SyncBackend(), resolver)
        self._total_s = total_s

    def fetch(self, url: str, max_bytes: int, take: Take) -> str:
        """Hand the bytes at ``url`` to ``take`` piece by piece; return the type the server states, lower case.

        Args:
            url: Address, named by a stranger.
            max_bytes: Most bytes.
            take: Takes the next bytes.

        Raises:
            FormatError: The address, or one that it redirects to, may not be fetched.
            LimitError: More than ``max_bytes``.
            FetchError: No answer in time, too many redirects, or another status than 200.
        """
        until = time.monotonic() + self._total_s
        with httpcore.ConnectionPool(network_backend=self._backend, http2=False, retries=0) as pool:
            for _ in range(MAX_REDIRECTS + 1):
                host, target = check_url(url)
                try:
                    found = _ask(pool, host, target, until, max_bytes, take)
                except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as cause:
                    raise FetchError(f"expected an answer from {host}, found none") from cause
                if not found.startswith("redirect "):
                    return found
                url = urljoin(f"https://{host}{target}", found.removeprefix("redirect "))
        raise FetchError(f"expected at most {MAX_REDIRECTS} redirects, found more")

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send ``body`` to an address that a stranger named; return the status. No redirect is followed.

        Raises:
            FormatError: The address may not be reached.
            FetchError: There was no answer in time.
        """
        host, target = check_url(url)
        where = httpcore.URL(scheme="https", host=host.encode(), port=_PORT, target=target.encode())
        sent: list[tuple[bytes | str, bytes | str]] = [
            ("Host", host),
            ("Content-Length", str(len(body))),
            ("User-Agent", "content-provenance"),
            *headers.items(),
        ]
        timeouts = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._total_s)}
        try:
            with (
                httpcore.ConnectionPool(network_backend=self._backend, http2=False, retries=0) as pool,
                pool.stream("POST", where, headers=sent, content=body, extensions=timeouts) as answer,
            ):
                return answer.status
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as cause:
            raise FetchError(f"expected an answer from {host}, found none") from cause


def _ask(
    pool: httpcore.ConnectionPool, host: str, target: str, until: float, max_bytes: int, take: Take
) -> str:
    """Return the stated type of what was handed to ``take``, or ``redirect`` and where to."""
    left = max(0.1, until - time.monotonic())
    url = httpcore.URL(scheme="https", host=host.encode(), port=_PORT, target=target.encode())
    headers: list[tuple[bytes | str, bytes | str]] = [
        ("Host", host),
        ("Accept-Encoding", "identity"),
        ("User-Agent", "content-provenance"),
    ]
    timeouts = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), left)}
    with pool.stream("GET", url, headers=headers, extensions=timeouts) as answer:
        said = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
        if answer.status in _REDIRECTS and "location" in said:
            return f"redirect {said['location']}"
        if answer.status != 200:
            raise FetchError(f"expected status 200 from {host}, found {answer.status}")
        if said.get("content-encoding", "identity").lower() not in ("identity", ""):
            raise FetchError(f"expected a file as it is from {host}, found it compressed")
        length = said.get("content-length", "")
        if length.isdecimal() and int(length) > max_bytes:
            raise _too_long(max_bytes)
        _read(answer.iter_stream(), host, until, max_bytes, take)
        return said.get("content-type", "").partition(";")[0].strip().lower()


def _read(blocks: Iterable[bytes], host: str, until: float, max_bytes: int, take: Take) -> None:
    count = 0
    for block in blocks:
        count += len(block)
        if count > max_bytes:
            raise _too_long(max_bytes)
        if time.monotonic() > until:
            raise FetchError(f"expected the whole file from {host} in time, found only its beginning")
        take(block)


def _too_long(max_bytes: int) -> LimitError:
    return LimitError(f"expected at most {max_bytes} bytes at the address, found more")


def _blocked(expected: str) -> FormatError:
    return FormatError(f"expected {expected}, found another", hint="fetch the file yourself and upload it")
