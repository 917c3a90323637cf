"""A service in a thread of this process, on a port of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from provenance_api.protocol import GuardedProtocol
from provenance_api.rates import Rates


@contextmanager
def running(app: FastAPI) -> Iterator[int]:
    """Give the port of ``app``, whose budgets are without end, until the block ends."""
    app.state.rates = Rates(per_minute=1e6, burst=1e6)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="none", http=GuardedProtocol))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        time.sleep(0.02)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive(), "the service did not stop"
