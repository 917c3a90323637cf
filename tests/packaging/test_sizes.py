"""House caps: functions up to 50 lines, modules up to 400, no module without a noun."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(p for top in ("provenance", "cli", "api", "bench") for p in (ROOT / top).rglob("*.py"))
NAMES_WITHOUT_A_NOUN = {"utils", "util", "common", "helpers", "misc", "tools", "data", "info"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_module_and_functions_within_caps(path):
    text = path.read_text("utf-8")
    assert text.count("\n") <= 400, "split the module: one noun, one reason to change"
    assert path.stem not in NAMES_WITHOUT_A_NOUN
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            assert lines <= 50, f"{node.name} has {lines} lines"
