"""HTTP to places that the operator named: the only user of httpx, with a limit on everything.

What an address inside media says is never fetched through this: logs, witnesses and services are named by
whoever runs the command.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import httpx

from provenance.errors import ConfigError, LimitError, NotFoundError, UnavailableError

#: Seconds for connecting, and between two pieces of an answer.
TIMEOUT_S: Final = 10.0
#: Seconds for a whole answer: a server that sends a byte now and then must not hold us for ever.
WHOLE_S: Final = 60.0
_STATUS_GONE: Final = (404, 410)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said.

    Attributes:
        status: HTTP status.
        media_type: Content type without parameters, lower case.
        body: Decompressed bytes.
    """

    status: int
    media_type: str
    body: bytes


class Web:
    """A client that follows no redirect and reads no more than it was told to; a context manager.

    Args:
        timeout_s: Seconds for connecting, and between two pieces of an answer.
        whole_s: Seconds for a whole answer.
        transport: In place of the network, for tests.
    """

    def __init__(
        self,
        *,
        timeout_s: float = TIMEOUT_S,
        whole_s: float = WHOLE_S,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._whole_s = whole_s
        headers = {"User-Agent": "content-provenance"}
        self._client = httpx.Client(timeout=timeout_s, headers=headers, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all connections."""
        self._client.close()

    def get(self, url: str, max_bytes: int) -> bytes:
        """Return the body at ``url``.

        Raises:
            ConfigError: Not an address of http or https.
            LimitError: The answer is larger than ``max_bytes``.
            NotFoundError: The server has nothing there.
            UnavailableError: No answer, a redirect, or another status than 200.
        """
        answer = self.send("GET", url, None, max_bytes)
        if answer.status in _STATUS_GONE:
            raise NotFoundError(f"expected something at {url}, found status {answer.status}")
        if answer.status != 200:
            raise UnavailableError(
                f"expected status 200 from {url}, found {answer.status}", hint="check the address"
            )
        return answer.body

    def send(
        self, method: str, url: str, body: bytes | None, max_bytes: int, headers: dict[str, str] | None = None
    ) -> Answer:
        """Return the answer to a request, whatever its status.

        Args:
            method: ``GET`` or ``POST``.
            url: Where to; http or https.
            body: What to send; None for nothing.
            max_bytes: Largest answer that is read, decompressed.
            headers: Further headers.

        Raises:
            ConfigError: Not an address of http or https.
            LimitError: The answer is larger than ``max_bytes``.
            UnavailableError: No answer.
        """
        end = time.monotonic() + self._whole_s
        try:
            with self._client.stream(method, url, content=body, headers=headers) as answer:
                read = bytearray()
                for piece in answer.iter_bytes():
                    read += piece
                    if len(read) > max_bytes:
                        raise LimitError(f"expected at most {max_bytes} bytes from {url}, found more")
                    if time.monotonic() > end:
                        raise UnavailableError(
                            f"expected a whole answer from {url} within {self._whole_s:g} s, found a part",
                            hint="the server is too slow; try again later",
                        )
                media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
                return Answer(answer.status_code, media_type, bytes(read))
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as cause:
            raise ConfigError(
                f"expected an address of http or https, found {url[:200]!r}", hint="begin with https://"
            ) from cause
        except httpx.HTTPError as cause:
            raise UnavailableError(
                f"expected an answer from {url}, found none: {str(cause) or type(cause).__name__}",
                hint="check address, network and proxy; try again",
            ) from cause
