from __future__ import annotations

import base64
import json
import re

import pytest

from provenance.evidence import Reason, VerdictCode
from provenance.report.html import FACES, reason_groups, report_html
from provenance.report.report import report_json
from provenance_api.schemas import ReportOut
from tests.fakes.reports import examples, film, report

EXAMPLES = examples()


def test_every_verdict_has_a_face_and_an_example():
    assert set(FACES) == set(VerdictCode)
    assert {code: report(one).verdict.code.value for code, one in EXAMPLES.items()} == {
        c: c for c in VerdictCode
    }


def test_verdicts_differ_by_words_and_by_sign_or_shape_never_by_colour_alone():
    assert len({face.title for face in FACES.values()}) == len(FACES)
    shapes_of_tones = {(face.tone, face.shape) for face in FACES.values()}
    assert len({shape for _, shape in shapes_of_tones}) == len(shapes_of_tones) == 4


def test_no_verdict_calls_content_real_fake_or_authentic():
    for one in EXAMPLES.values():
        assert not re.search(
            r"\b(real|fake|authentic|true)\b", _text(report_html(report(one))), re.IGNORECASE
        )


@pytest.mark.parametrize("code", EXAMPLES)
def test_a_page_says_all_of_the_verdict(code):
    made = report(EXAMPLES[code])
    shown = report_html(made)
    text = _text(shown)
    gaps = (gap[:1].upper() + gap[1:] for gap in made.verdict.not_checked)
    for said in (made.verdict.summary, made.verdict.next_step, *gaps):
        assert _escaped(said) in text
    for reason in made.verdict.reasons:
        assert _escaped(reason.text) in text
    for name, version in made.engines:
        assert name in text
        assert version in text


def _text(page: str) -> str:
    body = page[page.index("<body") :]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def _escaped(text: str) -> str:
    for plain, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("'", "&#39;"), ('"', "&#34;")):
        text = text.replace(plain, entity)
    return re.sub(r"\s+", " ", text).strip()


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_schema_of_the_service_holds_every_report(code):
    made = ReportOut.from_domain(report(EXAMPLES[code]), "0" * 32)
    sent = json.loads(made.model_dump_json(by_alias=True))
    sent.pop("links")
    sent["checked_at"] = sent["checked_at"].replace("+00:00", "Z")
    assert sent == json.loads(json.dumps(report_json(report(EXAMPLES[code]))))


def test_a_film_has_a_timeline_and_a_picture_none():
    assert "<svg" in report_html(report(film()), standalone=False).split("</header>")[1]
    assert "<svg" not in report_html(report(EXAMPLES["altered-copy"]), standalone=False).split("</header>")[1]
    assert not re.search(r"<style|<script|style=| on\w+=", report_html(report(film()), standalone=False))


def test_claims_are_labelled_and_escaped():
    shown = report_html(report(EXAMPLES["intact"]))
    assert "Flood &lt;b&gt;at the old bridge&lt;/b&gt; <span" in shown
    assert 'J. Doe <span class="note">claimed</span>' in shown


def test_claims_of_credentials_that_do_not_hold_are_not_shown():
    assert "claimed" not in report_html(report(EXAMPLES["credentials-invalid"]))


def test_a_similar_asset_is_told_apart_from_what_is_bound():
    assert "not bound to these bytes" in report_html(report(EXAMPLES["derived-copy"]))
    assert "not bound to these bytes" not in report_html(report(EXAMPLES["intact"]))


def test_a_file_stands_alone_and_a_part_holds_nothing_inline():
    made = report(examples(b"\x89PNG picture")["altered-copy"])
    alone = report_html(made)
    assert "data:image/png;base64," + base64.b64encode(b"\x89PNG picture").decode() in alone
    assert not re.search(r"(src|href)=\"(?!data:|#)", alone)
    embedded = re.search(r'href="data:application/json;base64,([^"]+)"', alone)
    assert embedded is not None
    assert json.loads(base64.b64decode(embedded[1])) == report_json(made)
    part = report_html(made, map_href="/map.png", json_href="/report", standalone=False)
    assert part.startswith("<article")
    assert not re.search(r"<style|<script|style=| on\w+=|data:", part)


def test_what_similarity_found_is_not_shown_as_a_log_entry():
    by_level = {
        group.level: group.reasons
        for group in reason_groups(report(EXAMPLES["derived-copy"]).verdict.reasons)
    }
    assert "registry.match" in {reason.code for reason in by_level["similarity"]}
    same = {group.level: group.reasons for group in reason_groups(report(EXAMPLES["intact"]).verdict.reasons)}
    assert "registry.identical" in {reason.code for reason in same["ledger"]}


def test_reasons_are_grouped_whole_and_strongest_first():
    reasons = report(film()).verdict.reasons
    groups = reason_groups((*reasons, Reason("new.kind", "Something new.")))
    assert [group.level for group in groups] == ["cryptographic", "similarity", "observed"]
    assert sorted(r.text for g in groups for r in g.reasons) == sorted(
        [*(r.text for r in reasons), "Something new."]
    )
