"""What a publisher may say, and how it is written."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import InputError, LimitError
from provenance.evidence import SourceType
from provenance.signing.claims import (
    MAX_TEXT,
    SigningRequest,
    TrainingPolicy,
    as_edit,
    build_definition,
    clean_text,
)

WHEN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SYNTHETIC = [kind for kind in SourceType if kind.synthetic]


@pytest.mark.parametrize("kind", SYNTHETIC)
def test_synthetic_content_names_its_model_or_says_why_not(kind):
    with pytest.raises(InputError) as refusal:
        SigningRequest("t", kind)
    assert "--model" in refusal.value.hint
    assert "--no-model-reason" in refusal.value.hint
    SigningRequest("t", kind, model="Painter 3")
    SigningRequest("t", kind, no_model_reason="under embargo")
    with pytest.raises(InputError):
        SigningRequest("t", kind, model="Painter 3", no_model_reason="under embargo")


def test_captured_content_needs_no_model():
    assert SigningRequest("t", SourceType.DIGITAL_CAPTURE).model is None


@pytest.mark.parametrize("field", ["title", "author", "model", "no_model_reason"])
def test_text_is_cleaned_never_shortened(field):
    def made(text):
        values = {"title": "t", "source_type": SourceType.DIGITAL_CAPTURE, field: text}
        return getattr(SigningRequest(**values), field)

    assert made("a\u202eb\r\nc") == "ab  c"
    with pytest.raises(InputError):
        made("\u202e\n ")
    assert made("x" * MAX_TEXT) == "x" * MAX_TEXT
    with pytest.raises(LimitError):
        made("x" * (MAX_TEXT + 1))


@pytest.mark.parametrize("size", [0, 1025])
def test_soft_binding_has_bounds(size):
    with pytest.raises(LimitError):
        SigningRequest("t", SourceType.DIGITAL_CAPTURE, soft_binding=b"x" * size)


def test_definition_says_everything_that_was_asked():
    request = SigningRequest(
        "Sea",
        SourceType.TRAINED_ALGORITHMIC,
        author="A. Writer",
        model="Painter 3",
        training=TrainingPolicy.NOT_ALLOWED,
        soft_binding=b"\x01\x02",
    )
    definition = build_definition(request, WHEN)
    found = {one["label"]: one["data"] for one in definition["assertions"]}
    action = found["c2pa.actions.v2"]["actions"][0]
    assert action["action"] == "c2pa.created"
    assert action["digitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert action["softwareAgent"] == {"name": "Painter 3"}
    assert action["when"] == "2026-11-23T12:00:00Z"
    assert found["cawg.metadata"]["dc:creator"] == ["A. Writer"]
    assert {one["use"] for one in found["cawg.training-mining"]["entries"].values()} == {"notAllowed"}
    assert found["c2pa.soft-binding"]["alg"] == "io.iscc.v0"
    assert found["c2pa.soft-binding"]["blocks"] == [{"scope": {}, "value": "AQI="}]
    assert all(one["created"] for one in definition["assertions"])
    assert "thumbnail" not in json.dumps(definition)


def test_reason_for_an_unnamed_model_stands_in_the_manifest():
    request = SigningRequest("Sea", SourceType.TRAINED_ALGORITHMIC, no_model_reason="under embargo")
    action = build_definition(request, WHEN)["assertions"][0]["data"]["actions"][0]
    assert action["description"] == "model not named: under embargo"
    assert "softwareAgent" not in action


def test_edit_keeps_what_is_said_but_claims_no_creation():
    definition = build_definition(SigningRequest("Sea", SourceType.HUMAN_EDITS), WHEN)
    before = json.dumps(definition)
    edit = as_edit(definition)
    assert [one["action"] for one in edit["assertions"][0]["data"]["actions"]] == ["c2pa.edited"]
    assert edit["assertions"][1:] == definition["assertions"][1:]
    assert json.dumps(definition) == before


@given(st.text(alphabet=st.characters(), max_size=3000))
def test_sr18_cleaned_text_is_safe_bounded_and_stable(text):
    cleaned = clean_text(text)
    assert len(cleaned) <= MAX_TEXT
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not any(unicodedata.category(char) in ("Cc", "Cs") for char in cleaned)
    assert not set(cleaned) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
    assert clean_text(cleaned) == cleaned
    cleaned.encode("utf-8")


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a\r\nSet-Cookie: x=1", "a  Set-Cookie: x=1"),
        ("gpj\u202ecod.exe", "gpjcod.exe"),
        ("\x1b[31mred", "[31mred"),
        ("nul\0byte", "nulbyte"),
        ("lone\ud800surrogate", "lonesurrogate"),
        ("e\u0301", "é"),
        ("<script>", "<script>"),
    ],
)
def test_sr18_case_98_hostile_text(hostile, shown):
    assert clean_text(hostile) == shown


def test_sr18_long_text_is_cut_visibly():
    assert clean_text("x" * 10_000_000) == "x" * (MAX_TEXT - 1) + "…"
