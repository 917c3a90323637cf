"""Frame codes: in order, without flat frames, and nothing at all rather than nothing useful."""

import numpy as np
import pytest

from provenance.errors import FormatError, UnmatchableError
from provenance.fingerprint.frames import FrameCollector
from provenance.fingerprint.image import pdq


def noise(seed):
    return np.random.default_rng(seed).integers(0, 256, (90, 120, 3), np.uint8)


BLACK = np.zeros((90, 120, 3), np.uint8)


def test_codes_are_those_of_the_frames_with_their_times():
    collector = FrameCollector()
    assert [collector.add(i / 2, noise(i)) for i in range(5)] == [True] * 5
    found = collector.finish()
    assert len(found) == found.seen == 5
    assert found.codes.dtype == np.uint8
    assert found.codes.shape == (5, 32)
    assert found.times.dtype == np.float64
    assert found.times.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]
    for i, (code, quality) in enumerate(zip(found.codes, found.quality, strict=True)):
        expected, level = pdq(noise(i))
        assert code.tobytes() == expected.value
        assert quality == level


def test_flat_frames_are_dropped_and_counted():
    """Case 102, SR-29."""
    collector = FrameCollector()
    assert [collector.add(i, BLACK if i % 2 else noise(i)) for i in range(6)] == [True, False] * 3
    found = collector.finish()
    assert found.seen == 6
    assert found.times.tolist() == [0.0, 2.0, 4.0]


def test_film_of_flat_frames_is_refused_with_the_reason():
    """Case 102."""
    collector = FrameCollector()
    collector.add(0.0, BLACK)
    collector.add(0.5, BLACK)
    with pytest.raises(UnmatchableError, match=r"none of 2 frames .*too flat"):
        collector.finish()


def test_film_without_frames_is_refused():
    with pytest.raises(UnmatchableError, match="no frame was decoded"):
        FrameCollector().finish()


@pytest.mark.parametrize("time_s", [0.4, float("nan")])
def test_time_never_runs_backwards(time_s):
    collector = FrameCollector()
    collector.add(0.5, noise(1))
    with pytest.raises(ValueError, match="order of time"):
        collector.add(time_s, noise(2))


def test_malformed_frame_is_an_error_not_a_dropped_frame():
    with pytest.raises(FormatError):
        FrameCollector().add(0.0, np.zeros((90, 120), np.uint8))
