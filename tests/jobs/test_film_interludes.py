"""Films whose whole picture was replaced, mirrored, interrupted or lengthened for seconds; clean copies stay quiet."""

import cv2
import numpy as np
import pytest

from provenance.evidence import Channel, DifferenceKind, Edit, SourceType, VerdictCode
from provenance.publish import PublishJob
from provenance.signing.claims import SigningRequest
from provenance_cli import demo_films as films
from provenance_cli import demo_media as media
from tests.newsroom import opened

FILM_S = 16.0


@pytest.fixture(scope="module")
def newsroom(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("interludes")) as made:
        yield made


@pytest.fixture(scope="module")
def address(newsroom):
    """A film without sound that moves over a portrait."""
    source = newsroom.folder / "address.mp4"
    films.portrait_film(source)
    request = SigningRequest(title="Address", source_type=SourceType.DIGITAL_CAPTURE)
    job = PublishJob(source, newsroom.folder / "signed-address.mp4", request)
    return newsroom.installation.publisher.publish([job])[0].output


@pytest.fixture(scope="module")
def cat(newsroom):
    media.photograph("chelsea.png", newsroom.folder / "cat.jpg")
    return np.asarray(cv2.imread(str(newsroom.folder / "cat.jpg")))[:, :, ::-1]


def showing(picture, *spans):
    """A change that shows a picture over the whole frame for some stretches."""

    def change(rgb, time_s):
        if not any(start_s <= time_s < end_s for start_s, end_s in spans):
            return rgb
        return np.ascontiguousarray(cv2.resize(picture, (rgb.shape[1], rgb.shape[0])))

    return change


def found_in(report):
    comparison = report.evidence.best.comparison
    return [one for one in comparison.differences if one.channel is Channel.PICTURE], comparison


def located(difference, start_s, end_s):
    assert difference.span.start_s == pytest.approx(start_s, abs=0.5)
    assert difference.span.end_s == pytest.approx(end_s, abs=0.5)


def test_a_picture_over_the_whole_frame_for_two_seconds_is_an_alteration_with_its_time(
    newsroom, cat, tmp_path
):
    films.copied(newsroom.film.output, tmp_path / "a.mp4", [(12.0, 32.0)], change=showing(cat, (8.0, 10.0)))
    report = newsroom.verify(tmp_path / "a.mp4")
    assert report.verdict.code is VerdictCode.ALTERED_COPY
    [one], comparison = found_in(report)
    assert one.kind is DifferenceKind.PICTURE_DIFFERS
    located(one, 8.0, 10.0)
    assert one.asset_span.start_s == pytest.approx(20.0, abs=0.5)
    assert one.strength >= 8
    assert comparison.compared < 0.93
    assert "shows another picture than the original from 0:0" in report.verdict.summary


def test_seconds_of_black_are_an_alteration(newsroom, tmp_path):
    black = np.zeros((90, 120, 3), np.uint8)
    films.copied(newsroom.film.output, tmp_path / "a.mp4", [(30.0, 44.0)], change=showing(black, (5.0, 8.0)))
    [one], _ = found_in(newsroom.verify(tmp_path / "a.mp4"))
    assert one.kind is DifferenceKind.PICTURE_DIFFERS
    located(one, 5.0, 8.0)


def test_a_mirrored_stretch_is_said_to_be_mirrored(newsroom, address, tmp_path):
    def change(rgb, time_s):
        return np.ascontiguousarray(rgb[:, ::-1]) if 6.0 <= time_s < 9.0 else rgb

    films.copied(address, tmp_path / "a.mp4", [(0.0, FILM_S)], change=change)
    report = newsroom.verify(tmp_path / "a.mp4")
    assert report.verdict.code is VerdictCode.ALTERED_COPY
    [one], _ = found_in(report)
    assert one.kind is DifferenceKind.PICTURE_MIRRORED
    located(one, 6.0, 9.0)


def test_an_inserted_picture_is_told_and_the_order_is_not_called_another(newsroom, address, cat, tmp_path):
    parts = [(0.0, 8.0), (0.0, 3.0), (8.0, FILM_S)]
    films.copied(address, tmp_path / "a.mp4", parts, change=showing(cat, (8.0, 11.0)))
    report = newsroom.verify(tmp_path / "a.mp4")
    assert report.verdict.code is VerdictCode.ALTERED_COPY
    [one], comparison = found_in(report)
    assert one.kind is DifferenceKind.PICTURE_INSERTED
    located(one, 8.0, 11.0)
    assert comparison.edits == ()


@pytest.mark.parametrize("card", ["flat", "picture"])
def test_an_end_card_is_told_as_added_and_is_no_alteration(newsroom, address, cat, card, tmp_path):
    shown = cat if card == "picture" else np.full((90, 120, 3), (200, 20, 20), np.uint8)
    films.copied(
        address, tmp_path / "a.mp4", [(0.0, FILM_S), (0.0, 3.0)], change=showing(shown, (FILM_S, 19.1))
    )
    report = newsroom.verify(tmp_path / "a.mp4")
    assert report.verdict.code is VerdictCode.RE_EDITED_COPY
    [one], comparison = found_in(report)
    assert one.kind is DifferenceKind.PICTURE_FOREIGN
    located(one, FILM_S, 19.0)
    assert comparison.edits == (Edit.EXTENDED,)
    assert "picture that was not found in the original stands beside it from 0:1" in report.verdict.summary


def test_a_clip_within_a_longer_programme_is_quoted_not_extended(newsroom, address, cat, tmp_path):
    parts = [(0.0, 9.0), (4.0, 10.0), (0.0, 9.0)]
    films.copied(address, tmp_path / "a.mp4", parts, change=showing(cat, (0.0, 9.0), (15.0, 24.1)))
    report = newsroom.verify(tmp_path / "a.mp4")
    assert report.verdict.code is VerdictCode.DERIVED_COPY
    differences, comparison = found_in(report)
    assert differences == []
    assert comparison.compared == pytest.approx(0.25, abs=0.05)
    assert sum("the copy quotes it" in gap for gap in report.verdict.not_checked) == 2


def test_what_a_cut_leaves_out_is_named_in_seconds(newsroom, address, tmp_path):
    films.copied(address, tmp_path / "a.mp4", [(0.0, 6.0), (9.0, FILM_S)])
    report = newsroom.verify(tmp_path / "a.mp4")
    assert report.verdict.code is VerdictCode.RE_EDITED_COPY
    [text] = [one.text for one in report.verdict.reasons if one.code == "edit.cut"]
    start_s, end_s = (float(one.rstrip(".").split(":")[1]) for one in text.split(": ")[1].split(" to "))
    assert (start_s, end_s) == pytest.approx((6.0, 9.0), abs=0.5)


def darker(rgb, _time_s):
    return np.ascontiguousarray((rgb * 0.45).astype(np.uint8))


def cropped(rgb, _time_s):
    height, width = rgb.shape[:2]
    part = rgb[height // 8 : height - height // 8, width // 8 : width - width // 8]
    return np.ascontiguousarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA))


def mirrored(rgb, _time_s):
    return np.ascontiguousarray(rgb[:, ::-1])


@pytest.mark.parametrize("change", [None, darker, cropped, mirrored])
@pytest.mark.parametrize("which", ["film", "address"])
def test_clean_copies_have_no_interlude_and_end_where_their_media_does(
    newsroom, address, change, which, tmp_path
):
    source, end_s = (newsroom.film.output, 60.0) if which == "film" else (address, FILM_S)
    films.copied(source, tmp_path / "a.mp4", [(end_s - 10.0, end_s)], change=change)
    report = newsroom.verify(tmp_path / "a.mp4")
    assert report.verdict.code is VerdictCode.DERIVED_COPY
    differences, comparison = found_in(report)
    assert differences == []
    assert comparison.edits == ()
    for one in report.evidence.best.alignment.segments:
        if one.channel is Channel.PICTURE:
            assert one.copy.end_s <= 10.1
            assert one.asset.end_s <= (report.evidence.best.record.duration_s or 0.0) + 0.01
