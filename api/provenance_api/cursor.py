"""Cursors: where a list goes on. Opaque to clients; one spelling, so that a changed one is refused (case 92)."""

from __future__ import annotations

import re
import zlib
from typing import Final

from starlette.exceptions import HTTPException

_CURSOR: Final = re.compile(r"c1-(0|[1-9][0-9]{0,17})-([0-9a-f]{8})", re.ASCII)


def cursor(index: int) -> str:
    """Return the cursor that leads on after the entry at ``index``."""
    return f"c1-{index}-{_sum(str(index))}"


def position(text: str | None) -> int:
    """Return the index after which a list goes on; -1 without a cursor.

    Raises:
        HTTPException: 400, not a cursor that was given here.
    """
    if text is None:
        return -1
    found = _CURSOR.fullmatch(text)
    if found is None or _sum(found.group(1)) != found.group(2):
        raise HTTPException(400, "expected a cursor as an answer gave it, found another text")
    return int(found.group(1))


def _sum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"
