"""One program's section of a Markdown page, between two markers, replaced as a whole by each run."""

from __future__ import annotations

from pathlib import Path

_BEGIN, _END = "<!-- begin {name} -->", "<!-- end {name} -->"


def replace_section(page: Path, name: str, text: str) -> None:
    """Put ``text`` between the markers of section ``name``, or at the end of the page where it has none yet.

    Args:
        page: An existing Markdown page, UTF-8.
        name: Name of the section, the program's: ``bench.images``.
        text: Markdown without the markers.

    Raises:
        ValueError: The page has one marker without the other, or one of them twice.
    """
    begin, end = _BEGIN.format(name=name), _END.format(name=name)
    before = page.read_text(encoding="utf-8")
    counts = before.count(begin), before.count(end)
    body = f"{begin}\n{text.strip()}\n{end}"
    if counts == (0, 0):
        after = f"{before.rstrip()}\n\n{body}\n"
    elif counts == (1, 1) and before.index(begin) < before.index(end):
        head, rest = before.split(begin)
        after = head + body + rest.split(end)[1]
    else:
        raise ValueError(f"{page} has {counts[0]} begin and {counts[1]} end markers of section {name}")
    page.write_text(after, encoding="utf-8")
