"""Text for the terminal: results to stdout, messages to stderr, no control character in either."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.digest import Digest

if TYPE_CHECKING:
    from provenance.errors import ProvenanceError
    from provenance.record import Record

#: Columns of text that does not go to a terminal; a terminal decides for itself up to this.
WIDTH = 110
#: Longest single text shown, characters; a path may be longer than a title.
_MAX_SHOWN = 4096
#: Spaces between columns of a table.
_GAP = 2


def clean(text: str) -> str:
    """Return ``text`` inert in a terminal: no escape sequences, no bidirectional overrides, one line.

    Args:
        text: Any text, most of all names and titles that somebody else chose.
    """
    from provenance.signing.claims import clean_text  # noqa: PLC0415 - `provenance --help` stays fast

    return clean_text(text, limit=_MAX_SHOWN)


def path_text(path: Path) -> str:
    """Return a path as text that can be shown; undecodable bytes become replacement characters."""
    return clean(os.fsencode(path).decode("utf-8", "replace"))


def out(text: str = "") -> None:
    """Write one result to stdout."""
    click.echo(text)


def say(text: str) -> None:
    """Write a message for a person to stderr."""
    click.echo(text, err=True)


def note(text: str) -> None:
    """Write ``provenance: note: …`` to stderr."""
    say(f"provenance: note: {clean(text)}")


def complain(message: str, hint: str = "", subject: str = "") -> None:
    """Write ``provenance: error: …`` and, where there is one, ``provenance: hint: …`` to stderr.

    Args:
        message: What was expected and what was found.
        hint: What to do about it.
        subject: The file it speaks of.
    """
    about = f"{clean(subject)}: " if subject else ""
    say(f"provenance: error: {about}{clean(message)}")
    if hint:
        say(f"provenance: hint: {clean(hint)}")


def error_json(error: ProvenanceError) -> dict[str, str]:
    """Return an error as JSON values: the code the service uses, message and hint."""
    return {"code": error.code, "message": error.message, "hint": error.hint}


def record_json(record: Record) -> dict[str, Any]:
    """Return a registered asset as JSON values, under the names of its fields."""
    return {one.name: _plain(getattr(record, one.name)) for one in fields(record)}


def _plain(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case Digest():
            return str(value)
        case bytes():
            return value.hex()
        case datetime():
            return time_text(value, "seconds")
        case _:
            return value


def time_text(when: datetime, precision: str = "seconds") -> str:
    """Return an aware UTC time as ``2026-11-23T09:14:07Z``."""
    return when.isoformat(timespec=precision).replace("+00:00", "Z")


def json_text(results: Sequence[dict[str, Any]], form: str) -> str:
    """Return results as JSON in ASCII, so that nothing in them can reach a terminal.

    Args:
        results: One for each file.
        form: ``json``: one document, an object for one file and an array for several;
            ``jsonl``: one object a line.
    """
    if form == "jsonl":
        return "\n".join(json.dumps(one) for one in results)
    return json.dumps(results[0] if len(results) == 1 else list(results), indent=2)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as aligned columns, nothing cut off; cells are cleaned."""
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = (
        (" " * _GAP).join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells
    )
    return "\n".join(line.rstrip() for line in lines)


def wrapped(text: str, indent: str, *, first: str | None = None) -> str:
    """Return a cleaned paragraph wrapped to the terminal.

    Args:
        text: The paragraph.
        indent: Before every line.
        first: Before the first line instead, for example a bullet.
    """
    return textwrap.fill(
        clean(text),
        width=_width(),
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _width() -> int:
    return min(shutil.get_terminal_size().columns, WIDTH) if sys.stdout.isatty() else WIDTH


def deliver(text: str, output: Path | None, *, force: bool) -> None:
    """Write a result to stdout, or whole to a file.

    Raises:
        OutputExistsError: The file exists and ``force`` is false.
        StorageError: The disk is full.
    """
    if output is None:
        out(text)
        return
    from provenance import files  # noqa: PLC0415 - only where something is written

    files.write_whole(output, (click.unstyle(text) + "\n").encode(), replace=force)


class Messages(logging.Handler):
    """Log records of the library as ``provenance: warning: …`` lines on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        say(f"provenance: {record.levelname.lower()}: {clean(record.getMessage())}")
