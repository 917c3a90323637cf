"""Frames that stand still or run backwards, stills of films, and registered pictures that films show."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from provenance.evidence import Channel, Edit, SourceType, VerdictCode
from provenance.publish import PublishJob
from provenance.signing.claims import SigningRequest
from provenance.wording import segment_text
from provenance_cli import demo_media as media

RATE = 12


@pytest.fixture(scope="module")
def walk(newsroom):
    """A published film of its own motion: things that wander before a photograph."""
    media.photograph("coffee.png", newsroom.folder / "ground.jpg")
    ground = cv2.resize(cv2.imread(str(newsroom.folder / "ground.jpg")), (800, 450))
    shown = []
    for number in range(30 * RATE):
        time_s = number / RATE
        x, y = round(160 + 150 * np.sin(time_s / 4.3)), round(90 + 80 * np.cos(time_s / 5.1))
        frame = ground[y : y + 270, x : x + 480].copy()
        at = (round(240 + 180 * np.sin(time_s / 3.7)), round(135 + 90 * np.sin(time_s / 4.9)))
        cv2.circle(frame, at, 50, (40, 60, 220), -1)
        cv2.rectangle(frame, (at[1], at[0] // 3), (at[1] + 60, at[0] // 3 + 50), (230, 200, 30), -1)
        shown.append(frame[:, :, ::-1])
    source = newsroom.folder / "walk.mp4"
    write(source, shown, crf=18)
    request = SigningRequest(title="Walk", source_type=SourceType.DIGITAL_CAPTURE)
    newsroom.installation.publisher.publish(
        [PublishJob(source, newsroom.folder / "signed-walk.mp4", request)]
    )
    return shown


def write(path, frames, crf=28):
    with av.open(str(path), "w") as out:
        track = out.add_stream("libx264", rate=Fraction(RATE))
        track.width, track.height, track.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuv420p"
        track.options = {"crf": str(crf), "preset": "veryfast", "threads": "1"}
        for rgb in frames:
            out.mux(track.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")))
        out.mux(track.encode(None))


def match_of(report, title):
    return next(one for one in report.evidence.matches if one.record.title == title)


def parts(match):
    return [one for one in match.alignment.segments if one.channel is Channel.PICTURE]


def test_a_film_run_backwards_is_told_with_its_place(newsroom, walk, tmp_path):
    write(tmp_path / "a.mp4", walk[8 * RATE : 18 * RATE][::-1])
    report = newsroom.verify(tmp_path / "a.mp4")
    assert report.verdict.code is VerdictCode.RE_EDITED_COPY
    [part] = parts(match_of(report, "Walk"))
    assert part.speed == pytest.approx(-1, abs=0.05)
    assert (part.asset.start_s, part.asset.end_s) == pytest.approx((8, 18), abs=0.5)
    assert "backwards" in segment_text(part)
    assert match_of(report, "Walk").comparison.edits == (Edit.BACKWARDS,)


def test_a_frozen_frame_is_a_part_of_speed_zero(newsroom, walk, tmp_path):
    write(tmp_path / "a.mp4", [*walk[4 * RATE : 10 * RATE], *[walk[10 * RATE - 1]] * (4 * RATE)])
    report = newsroom.verify(tmp_path / "a.mp4")
    running, frozen = parts(match_of(report, "Walk"))
    assert (running.speed, frozen.speed) == (pytest.approx(1, abs=0.02), 0)
    assert (frozen.copy.start_s, frozen.copy.end_s) == pytest.approx((6, 10), abs=0.3)
    assert frozen.asset.start_s == frozen.asset.end_s == pytest.approx(10, abs=0.3)
    assert match_of(report, "Walk").comparison.edits == (Edit.FROZEN,)
    assert "a frame of the original stands still" in report.verdict.summary


@pytest.mark.parametrize("crop", [1.0, 0.8])
def test_a_still_of_a_film_has_the_time_code_of_its_frame(newsroom, walk, tmp_path, crop):
    rgb = walk[round(12.3 * RATE)]
    still = rgb[: round(270 * crop), : round(480 * crop)]
    cv2.imwrite(str(tmp_path / "a.jpg"), still[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 75])
    report = newsroom.verify(tmp_path / "a.jpg")
    assert report.verdict.code is VerdictCode.DERIVED_COPY
    match = match_of(report, "Walk")
    assert match.confirmed
    [part] = parts(match)
    assert part.asset.start_s == pytest.approx(12.3, abs=0.26)
    assert any("is the frame at 0:12" in one.text for one in report.verdict.reasons)


def test_a_registered_picture_within_a_film_is_found_in_its_scene(newsroom, walk, tmp_path):
    media.photograph("astronaut.png", tmp_path / "photo.jpg")
    photo = cv2.resize(cv2.imread(str(tmp_path / "photo.jpg")), (560, 560))[:, :, ::-1]
    panned = [photo[40 + n : 310 + n, 30 + n : 510 + n] for n in range(4 * RATE)]
    write(tmp_path / "a.mp4", [*walk[2 * RATE : 8 * RATE], *panned, *walk[14 * RATE : 20 * RATE]])
    report = newsroom.verify(tmp_path / "a.mp4")
    title = newsroom.photo.record.title
    match = match_of(report, title)
    assert match.confirmed
    [scene] = parts(match)
    assert (scene.copy.start_s, scene.copy.end_s) == pytest.approx((6, 10), abs=0.3)
    assert "shows the original picture" in segment_text(scene)
    assert {one.record.title for one in report.evidence.matches if one.confirmed} == {title, "Walk"}
