"""Every abuse case of the service has a test that names it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.cases import OF_THE_SERVICE, asked, named

TESTS = Path(__file__).parents[1]


def _covered() -> set[int]:
    found: set[int] = set()
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
                found |= named(node.name) | named(ast.get_docstring(node) or "")
    return found


def test_no_case_of_the_service_is_without_a_test():
    assert set(OF_THE_SERVICE) - _covered() == set()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("test_two_lengths_cases_79_80", {79, 80}),
        ("test_case101_lookalike", {101}),
        ("SR-33, case 110.", {110}),
        ("cases 71, 73 and 75", {71, 73, 75}),
        ("Cases 71 to 73.", {71, 72, 73}),
        ("a showcase 3 is none", set()),
        ("nothing", set()),
    ],
)
def test_numbers_are_read_from_names_and_words(text, numbers):
    assert named(text) == numbers


def test_a_choice_of_numbers():
    assert asked("70-72,115") == {70, 71, 72, 115}
