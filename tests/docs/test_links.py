"""Links of the documents, and what the code says of them, lead to files and headings that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ("provenance", "cli", "api", "bench", "tests", "deploy")
PAGES = sorted(
    page
    for page in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part == "node_modules" for part in page.relative_to(ROOT).parts)
)
#: ``[text](target)`` and ``![text](target)``; what stands in code is no link.
LINK = re.compile(r"\]\(([^()\s]+)\)")
CODE_BLOCK = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
#: Where a comment points to: a page of docs/ with a heading.
POINTER = re.compile(r"docs/([\w/.-]+\.md)#([\w-]+)")


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to headings. Source: html-pipeline, TableOfContentsFilter."""
    found: set[str] = set()
    counts: dict[str, int] = {}
    for title in re.findall(r"^#{1,6} +(.+?) *#*$", CODE_BLOCK.sub("", text), re.MULTILINE):
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title)
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        again = counts.get(slug, 0)
        counts[slug] = again + 1
        found.add(f"{slug}-{again}" if again else slug)
    return found


def links(text: str) -> list[str]:
    """Where a page links to, addresses on the web aside: tests have no network."""
    found = LINK.findall(re.sub(r"`[^`\n]*`", "", CODE_BLOCK.sub("", text)))
    return [each for each in found if not re.match(r"[a-z]+:", each)]


def broken(page: Path, text: str) -> list[str]:
    """The links of a page that lead nowhere."""
    found = []
    for each in links(text):
        name, _, heading = each.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (heading and heading not in anchors(target.read_text("utf-8"))):
            found.append(each)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page):
    assert broken(page, page.read_text("utf-8")) == []


def test_what_the_code_points_to_is_a_heading():
    wrong = [
        f"{source.relative_to(ROOT)}: {page}#{heading}"
        for folder in CODE
        for source in sorted((ROOT / folder).rglob("*"))
        if source.suffix in {".py", ".yaml", ".toml", ".service"}
        for page, heading in POINTER.findall(source.read_text("utf-8"))
        if heading not in anchors((ROOT / "docs" / page).read_text("utf-8"))
    ]
    assert wrong == []


def test_a_link_to_no_heading_or_no_file_is_found(tmp_path):
    (tmp_path / "other.md").write_text("# Title\n\n## Log: `a.b`, and *more*\n\n## Twice\n\n## Twice\n")
    good = "[a](other.md) [b](other.md#title) [c](other.md#log-ab-and-more) [d](other.md#twice-1) [e](#here)"
    page = tmp_path / "page.md"
    page.write_text(f"## Here\n{good} [f](https://example.org/x#y)\n```\n[g](none.md)\n```\n`[h](none.md)`\n")
    assert broken(page, page.read_text()) == []
    page.write_text("[a](other.md#log) [b](none.md) [c](#here)\n```\n## Here\n```\n")
    assert broken(page, page.read_text()) == ["other.md#log", "none.md", "#here"]
