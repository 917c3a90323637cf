"""The HTTP protocol with the guards that uvicorn lacks: a deadline and a size for request heads (SR-21).

Uvicorn waits for ever for the first byte and for the rest of a head. Here a connection that has not sent a
whole head within :data:`HEAD_S` is closed, and one whose head grows beyond :data:`MAX_HEAD_BYTES` gets 431.
Bodies have their own guard in :mod:`provenance_api.uploads`.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final
from uuid import uuid4

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from provenance_api.problems import MEDIA_TYPE, TYPE_PREFIX
from provenance_api.standard import is_standard

#: Seconds for a whole request head. Source: security.md SR-21.
HEAD_S: Final = 10.0
#: Largest request head, bytes. Source: security.md SR-21.
MAX_HEAD_BYTES: Final = 32 << 10
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_AMBIGUOUS: Final = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def _address_too_long(line: bytes) -> bytes:
    """Return the 414 for a request line, in the form of the interface that its path belongs to."""
    path = line.split(b" ", 2)[1].decode("latin-1") if line.count(b" ") else ""
    detail = f"expected a request line of at most {MAX_HEAD_BYTES} bytes; send large values by POST"
    named = str(uuid4())
    said = {
        "type": f"{TYPE_PREFIX}uri-too-long",
        "title": "URI Too Long",
        "status": 414,
        "code": "uri-too-long",
        "instance": f"urn:uuid:{named}",
    }
    said |= {"detail": detail} | ({"error": detail} if is_standard(path) else {})
    body = json.dumps(said).encode()
    media_type = "application/json" if is_standard(path) else MEDIA_TYPE
    lines = (
        "HTTP/1.1 414 URI Too Long",
        "Connection: close",
        f"Content-Type: {media_type}",
        f"X-Request-Id: {named}",
    )
    return "\r\n".join((*lines, f"Content-Length: {len(body)}", "", "")).encode() + body


class GuardedProtocol(HttpToolsProtocol):
    """One connection."""

    _deadline: asyncio.TimerHandle | None = None
    _head_bytes: int | None = 0

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count bytes while a head is read, then let the server parse them."""
        if self._head_bytes is not None:
            if self._head_bytes == 0 and self._deadline is None:
                self._await_head()
            if self._head_bytes == 0 and len(data) > MAX_HEAD_BYTES and b"\n" not in data[:MAX_HEAD_BYTES]:
                # The parser gives up on such a line without saying which limit was met.
                self._refuse(_address_too_long(data[:256]))
                return
            self._head_bytes += len(data)
        super().data_received(data)
        # A large first segment may hold a small head and the beginning of a body: only an unfinished head counts.
        if self._head_bytes is not None and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Refuse a head whose body has two lengths; otherwise go on to the body."""
        self._stop_waiting()
        too_long = sum(len(name) + len(value) + 4 for name, value in self.headers) > MAX_HEAD_BYTES
        self._head_bytes = None
        names = [name for name, _ in self.headers]
        if too_long:
            self._refuse(_TOO_LARGE)
        elif b"content-length" in names and b"transfer-encoding" in names:
            self._refuse(_AMBIGUOUS)  # request smuggling, case 79; RFC 9112, 6.1
        else:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait for the next head on this connection; an idle one is ended by the keep-alive time."""
        super().on_message_complete()
        self._head_bytes = 0

    def _await_head(self) -> None:
        self._deadline = self.loop.call_later(HEAD_S, self._refuse, _TOO_SLOW)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, answer: bytes) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()
