from __future__ import annotations

import pytest

from bench.section import replace_section


def test_a_section_is_appended_once_and_then_replaced(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Page\n\nold text\n")
    replace_section(page, "a", "first")
    page.write_text(page.read_text() + "\nafter\n")
    replace_section(page, "a", "second")
    assert page.read_text() == "# Page\n\nold text\n\n<!-- begin a -->\nsecond\n<!-- end a -->\n\nafter\n"


def test_a_lone_marker_is_refused(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- begin a -->\n")
    with pytest.raises(ValueError, match="1 begin and 0 end"):
        replace_section(page, "a", "text")
