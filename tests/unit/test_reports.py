"""Reports as text, JSON lines and SARIF: complete, inert in a terminal, findings only."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from provenance.digest import Digest
from provenance.errors import OutputExistsError
from provenance.evidence import (
    Claims,
    Credential,
    CredentialState,
    Evidence,
    Kind,
    MediaType,
    SourceType,
    StatusCode,
    Unavailable,
)
from provenance.judge import judge
from provenance.report.report import Report
from provenance_cli import render
from provenance_cli.exits import ExitCode
from provenance_cli.reports import headline
from provenance_cli.reports import report_text as styled_text
from provenance_cli.sarif import sarif_text

HOSTILE = "\x1b[31mred\x1b[0m\u202egnp.exe\r\nVerdict: intact"


def report_text(one, *, verbose):
    return click.unstyle(styled_text(one, verbose=verbose))


def report(state=CredentialState.ABSENT, name="copy.jpg", **credential):
    evidence = Evidence(
        digest=Digest.of(b"copy"),
        media_type=MediaType.JPEG,
        kind=Kind.IMAGE,
        credential=Credential(state, **credential),
        matches=(),
        marks=(),
        score=Unavailable("no detector in this version"),
    )
    when = datetime(2026, 11, 23, 9, 14, 7, tzinfo=UTC)
    engines = (("content-provenance", "0.1.0"), ("trust lists", "development 2026-11-23"))
    return Report(name, evidence, judge(evidence), when, engines, 0.21)


def test_text_holds_verdict_reasons_gaps_next_step_time_and_engines():
    text = report_text(report(), verbose=False)
    lines = text.splitlines()
    assert lines[0] == "copy.jpg"
    assert lines[1] == "  ○ no-evidence  (confidence: low)"
    for expected in (
        "This alone says nothing about the content.",
        "detector: no detector in this version",
        "call back on a known number",
        "2026-11-23T09:14:07Z in 0.2 s",
        "trust lists development 2026-11-23",
        str(Digest.of(b"copy")),
    ):
        assert expected in " ".join(text.split())


def test_credentials_that_hold_are_shown_with_claims_and_those_that_do_not_are_not():
    claims = Claims(title="Flood", source_types=(SourceType.DIGITAL_CAPTURE,), generator="camera 1")
    held = report(CredentialState.TRUSTED, issuer="Example News", trust_list="development", claims=claims)
    text = report_text(held, verbose=False)
    assert "● intact" in text
    assert "issued by  Example News, on the trust list development" in text
    assert "title      Flood" in text
    broken = report(CredentialState.TAMPERED, issuer="Example News", claims=claims)
    text = report_text(broken, verbose=True)
    assert "▲ credentials-invalid" in text
    assert "Example News" not in text
    assert "Flood" not in text


def test_engine_codes_are_listed_on_demand():
    codes = (StatusCode("assertion.dataHash.mismatch", "failure", "self#jumbf"),)
    broken = report(CredentialState.TAMPERED, codes=codes)
    assert "assertion.dataHash.mismatch" not in report_text(broken, verbose=False)
    assert "failure: assertion.dataHash.mismatch" in report_text(broken, verbose=True)


def test_names_and_claims_cannot_drive_the_terminal():
    """SR-18, case 98: ANSI escapes, line breaks and bidirectional overrides are inert."""
    claims = Claims(title=HOSTILE, author=HOSTILE, generator=HOSTILE, model=HOSTILE, when=HOSTILE)
    held = report(CredentialState.TRUSTED, name=HOSTILE, issuer=HOSTILE, trust_list=HOSTILE, claims=claims)
    text = report_text(held, verbose=True)
    assert not set(text) & {"\x1b", "\r", "\u202e"}
    assert "\nVerdict: intact" not in text
    assert "\x1b" not in render.table([(HOSTILE, HOSTILE)])


def test_marks_differ_in_shape_and_only_findings_are_marked_as_such():
    marks = {code: headline(code).replace("\x1b", "") for code in type(report().verdict.code)}
    assert {code.value for code, text in marks.items() if "▲" in text} == {
        "withdrawn", "credentials-invalid", "credentials-conflict", "altered-copy", "re-edited-copy",
        "disclosure-removed",
    }  # fmt: skip
    assert all(sum(mark in text for mark in "▲●○") == 1 for text in marks.values())


@pytest.mark.parametrize("word", ["authentic", "fake", " real "])
def test_no_word_of_truth(word):
    for state in CredentialState:
        assert word not in report_text(report(state), verbose=True).lower()


def test_json_is_one_object_for_one_file_an_array_for_several_and_ascii():
    assert json.loads(render.json_text([{"a": 1}], "json")) == {"a": 1}
    assert json.loads(render.json_text([{"a": 1}, {"b": 2}], "json")) == [{"a": 1}, {"b": 2}]
    assert render.json_text([{"a": 1}, {"b": 2}], "jsonl").splitlines() == ['{"a": 1}', '{"b": 2}']
    assert render.json_text([{"name": HOSTILE}], "json").isascii()


def test_sarif_levels_follow_the_exit_codes():
    broken = report(CredentialState.TAMPERED)
    checked = [
        (Path("public/a.jpg"), broken, ExitCode.FINDING),
        (Path("/srv/b c.jpg"), report(), ExitCode.NO_CREDENTIALS),
        (Path("c.jpg"), replace(report(), name="c.jpg"), ExitCode.DONE),
    ]
    log = json.loads(sarif_text(checked, [(Path("d.jpg"), "a media worker died")]))
    run = log["runs"][0]
    assert log["version"] == "2.1.0"
    assert [one["level"] for one in run["results"]] == ["error", "warning", "none", "error"]
    assert {one["ruleId"] for one in run["results"]} <= {
        rule["id"] for rule in run["tool"]["driver"]["rules"]
    }
    places = [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]]
    assert places == ["public/a.jpg", "file:///srv/b%20c.jpg", "c.jpg", "d.jpg"]


def test_a_file_gets_no_colours_and_is_not_replaced_unasked(tmp_path):
    styled = styled_text(report(), verbose=False)
    assert "\x1b" in styled
    render.deliver(styled, tmp_path / "report.txt", force=False)
    assert "\x1b" not in (tmp_path / "report.txt").read_text("utf-8")
    with pytest.raises(OutputExistsError):
        render.deliver("other", tmp_path / "report.txt", force=False)
    render.deliver("other", tmp_path / "report.txt", force=True)
    assert (tmp_path / "report.txt").read_text("utf-8") == "other\n"
