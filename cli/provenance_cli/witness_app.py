"""A witness as an ASGI application: two paths, no framework."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any

from provenance.errors import ProvenanceError
from provenance.ledger.witness import MAX_REQUEST_BYTES, Reply, Witness
from provenance_cli.render import complain

Message = dict[str, Any]


class WitnessApp:
    """Answers ``POST /add-checkpoint`` and ``GET /<SHA-256 of the origin, hex>/checkpoint``.

    Args:
        witness: Who decides.
        origins: Names of the logs it witnesses.
    """

    def __init__(self, witness: Witness, origins: Iterable[str]) -> None:
        self._witness = witness
        self._paths = {f"/{hashlib.sha256(each.encode()).hexdigest()}/checkpoint": each for each in origins}

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer one request; whatever is no request is ignored."""
        if scope["type"] != "http":
            return
        reply = await self._reply(scope, receive)
        headers = [
            (b"content-type", f"{reply.media_type}".encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": int(reply.status), "headers": headers})
        await send({"type": "http.response.body", "body": reply.body.encode()})

    async def _reply(self, scope: Message, receive: Callable[[], Awaitable[Message]]) -> Reply:
        path, method = scope["path"], scope["method"]
        try:
            if path in self._paths and method == "GET":
                note = await asyncio.to_thread(self._witness.latest, self._paths[path])
                return Reply(HTTPStatus.OK, note) if note else Reply(HTTPStatus.NOT_FOUND, "nothing yet\n")
            if path != "/add-checkpoint":
                return Reply(HTTPStatus.NOT_FOUND, "nothing here\n")
            if method != "POST":
                return Reply(HTTPStatus.METHOD_NOT_ALLOWED, "POST only\n")
            body = await _body(receive)
            if body is None:
                return Reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_REQUEST_BYTES} bytes\n")
            return await asyncio.to_thread(self._witness.add_checkpoint, body)
        except (ProvenanceError, OSError) as error:  # the disk: nothing was cosigned
            complain(str(error))
            return Reply(HTTPStatus.SERVICE_UNAVAILABLE, "not possible now\n")


async def _body(receive: Callable[[], Awaitable[Message]]) -> bytes | None:
    """Return the body of a request; None where it is too long or its sender left."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > MAX_REQUEST_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)
