"""The byte examples of docs/formats.md are what the program makes today."""

from __future__ import annotations

from provenance.ledger.policy import Policy
from tests.docs.make_examples import DOCUMENT, EXAMPLES, named, renewed


def test_every_example_is_shown_once():
    assert sorted(named(DOCUMENT.read_text("utf-8"))) == sorted(EXAMPLES)


def test_every_example_is_what_the_program_makes():
    """If this fails after a change of a format: python -m tests.docs.make_examples, and bump its version."""
    text = DOCUMENT.read_text("utf-8")
    assert renewed(text) == text


def test_the_policy_of_the_document_is_one():
    assert sorted(Policy.parse(EXAMPLES["policy"]()).witnesses) == ["north", "south"]
