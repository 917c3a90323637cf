"""Films: what was cropped, mirrored, cut or forged, with time codes in copy and original."""

import numpy as np
import pytest

from provenance.evidence import Channel, Edit, Family, SourceType, VerdictCode
from provenance.publish import PublishJob
from provenance.report.timeline import evidence_timeline
from provenance.signing.claims import SigningRequest
from provenance_cli import demo_films as films
from provenance_cli import demo_media as media
from tests.newsroom import opened


@pytest.fixture(scope="module")
def newsroom(tmp_path_factory):
    """A newsroom of its own: the film below shows the photograph that others look for."""
    with opened(tmp_path_factory.mktemp("films")) as made:
        yield made


@pytest.fixture(scope="module")
def address(newsroom):
    source = newsroom.folder / "address.mp4"
    films.portrait_film(source)
    request = SigningRequest(title="Address", source_type=SourceType.DIGITAL_CAPTURE)
    job = PublishJob(source, newsroom.folder / "signed-address.mp4", request)
    return newsroom.installation.publisher.publish([job])[0]


def test_a_face_replaced_for_four_seconds_is_altered_at_its_time(newsroom, address, tmp_path):
    media.photograph("chelsea.png", tmp_path / "cat.jpg")
    swap = films.face_replaced(tmp_path / "cat.jpg", 5.0, 9.0)
    films.copied(address.output, tmp_path / "a.mp4", [(0.0, 14.0)], change=swap)
    report = newsroom.verify(tmp_path / "a.mp4")
    assert report.verdict.code is VerdictCode.ALTERED_COPY
    [found] = report.evidence.best.comparison.differences
    assert found.channel is Channel.PICTURE
    assert found.face
    assert found.span.start_s == pytest.approx(5.0, abs=0.75)
    assert found.span.end_s == pytest.approx(9.0, abs=0.75)
    assert found.asset_span.start_s == pytest.approx(5.0, abs=0.75)
    assert report.map_png.startswith(b"\x89PNG")
    assert "Picture differs in the copy from 0:0" in evidence_timeline(report.evidence)


def test_the_same_film_without_the_face_has_no_difference(newsroom, address, tmp_path):
    films.copied(address.output, tmp_path / "a.mp4", [(1.0, 13.0)])
    report = newsroom.verify(tmp_path / "a.mp4")
    assert report.verdict.code is VerdictCode.DERIVED_COPY
    assert report.evidence.best.comparison.differences == ()


def test_a_cut_and_reordered_film_has_its_parts_told(newsroom, tmp_path):
    films.copied(newsroom.film.output, tmp_path / "a.mp4", [(32.0, 44.0), (12.0, 22.0)])
    report = newsroom.verify(tmp_path / "a.mp4")
    assert report.verdict.code is VerdictCode.RE_EDITED_COPY
    assert Edit.REORDERED in report.evidence.best.comparison.edits
    parts = [one for one in report.evidence.best.alignment.segments if one.channel is Channel.PICTURE]
    assert [one.copy.end_s for one in parts] == pytest.approx([12.0, 22.0], abs=0.5)
    assert [one.asset.start_s for one in parts] == pytest.approx([32.0, 12.0], abs=0.25)


def test_a_mirrored_crop_is_placed_in_frame_and_time(newsroom, address, tmp_path):
    def change(rgb, _time_s):
        part = rgb[36:324, 60:560, :][:, ::-1]
        out = np.zeros_like(rgb)
        out[36:324, 60:560] = part
        return out

    films.copied(address.output, tmp_path / "a.mp4", [(3.0, 13.0)], change=change)
    report = newsroom.verify(tmp_path / "a.mp4")
    best = report.evidence.best
    assert best.record.title == "Address"
    assert {Family.GLOBAL, Family.LOCAL} <= {one.family for one in best.found}
    [segment] = best.alignment.segments
    assert segment.geometry.mirrored
    assert segment.asset.start_s == pytest.approx(3.0, abs=0.25)
    assert report.verdict.code is VerdictCode.DERIVED_COPY


def test_too_short_a_film_says_so_with_its_limit(newsroom, tmp_path):
    films.portrait_film(tmp_path / "foreign.mp4")
    change = lambda rgb, _: np.ascontiguousarray(255 - rgb[::-1])  # noqa: E731 - unlike anything registered
    films.copied(tmp_path / "foreign.mp4", tmp_path / "a.mp4", [(3.0, 3.4)], change=change)
    report = newsroom.verify(tmp_path / "a.mp4")
    assert report.verdict.code is VerdictCode.NO_EVIDENCE
    assert any("too short" in gap and "5 s" in gap for gap in report.verdict.not_checked)
