"""Logs: one JSON object a line with the request's id; no names, addresses, media or keys."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final

#: Request and trace that the current work belongs to.
request_id: Final[ContextVar[str]] = ContextVar("request_id", default="")
trace_id: Final[ContextVar[str]] = ContextVar("trace_id", default="")


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON; line breaks inside texts are escaped (SR-19)."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        said: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        said |= {name: var.get() for name, var in (("request", request_id), ("trace", trace_id)) if var.get()}
        said |= getattr(record, "facts", {})
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=True)


def log_as_json(level: int = logging.INFO) -> None:
    """Let this process log as JSON lines to its standard error; called once, by the service's own start."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name in ("provenance", "provenance_api", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level if name != "uvicorn.error" else logging.WARNING)
