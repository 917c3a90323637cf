"""``Prefer`` (RFC 7240): whether a client waits for a job, and how long."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request

#: Longest wait that is granted, seconds; proxies commonly give up at 60.
MAX_WAIT_S: Final = 30.0
_WAIT: Final = re.compile(r"wait\s*=\s*\"?([0-9]{1,6})\"?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Preference:
    """What the client prefers.

    Attributes:
        asynchronous: Answer 202 at once.
        wait_s: Seconds to wait for a job to end before answering 202.
    """

    asynchronous: bool
    wait_s: float

    @property
    def applied(self) -> dict[str, str]:
        """The header that says what was honoured."""
        if self.asynchronous:
            return {"Preference-Applied": "respond-async"}
        return {"Preference-Applied": f"wait={self.wait_s:.0f}"} if self.wait_s else {}


async def preference(request: Request) -> Preference:
    """Return what the ``Prefer`` headers of ``request`` say; what is not understood is ignored."""
    said = [one.strip().lower() for text in request.headers.getlist("prefer") for one in text.split(",")]
    waits = [float(found.group(1)) for one in said if (found := _WAIT.fullmatch(one)) is not None]
    return Preference("respond-async" in said, min(waits[0], MAX_WAIT_S) if waits else 0.0)


Preferred = Annotated[Preference, Depends(preference)]
