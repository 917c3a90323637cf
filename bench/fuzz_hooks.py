"""How schemathesis sends the bodies it does not know: manifest stores and media of any type, as the bytes they are."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.serializer("application/c2pa", "image/*", "video/*", "audio/*", "application/*")
def raw(_context: Any, value: Any) -> bytes:
    """Return a generated value as a body."""
    return value if isinstance(value, bytes) else str(value).encode()
