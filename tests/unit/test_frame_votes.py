"""Features of frames lead to the film and the seconds they come from; stored features do not repeat themselves."""

import cv2
import numpy as np
import pytest

from provenance.fingerprint import local
from provenance.fingerprint.frame_features import HOLD_S, FeatureCollector
from provenance.match.frame_votes import SPAN_S, FeatureBook, FrameView


def scene(seed, size=(288, 512)):
    """A picture with detail of every size, as photographs have."""
    rng = np.random.default_rng(seed)
    shown = np.zeros(size, np.float32)
    for cell in (4, 8, 16, 32, 64, 128):
        small = rng.normal(0, cell**0.7, (size[0] // cell + 1, size[1] // cell + 1)).astype(np.float32)
        shown += cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC)
    low, high = np.quantile(shown, [0.02, 0.98])
    return (np.clip((shown - low) / (high - low), 0, 1) * 255).astype(np.uint8)


def film(seeds, collector=None):
    collector = collector or FeatureCollector()
    found = ((float(t), collector.add(float(t), scene(seed))) for t, seed in enumerate(seeds))
    return [(t, one.to_bytes()) for t, one in found if one is not None]


def view(gray, *, mirrored=False):
    shown = np.ascontiguousarray(gray[:, ::-1]) if mirrored else gray
    return FrameView(0.0, mirrored, local.features(shown, 250).to_bytes())


def test_a_still_scene_is_stored_once_in_a_while():
    stored = [t for t, _ in film([1] * 12)]
    assert stored == [0.0, HOLD_S, 2 * HOLD_S]


def test_new_content_is_stored_at_once_and_frames_between_seconds_are_not_looked_at():
    collector = FeatureCollector()
    assert collector.add(0.0, scene(1)) is not None
    assert collector.add(0.5, scene(2)) is None
    assert collector.add(1.0, scene(2)) is not None


def test_a_frame_too_narrow_for_features_is_passed_over():
    assert FeatureCollector().add(0.0, np.zeros((8, 512), np.uint8)) is None


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_cropped_frame_leads_to_its_film_and_second(mirrored):
    book = FeatureBook()
    book.add("a", film(range(10, 20)))
    book.add("b", film(range(30, 40)))
    shown = scene(34)[40:260, 60:420]
    shown = np.ascontiguousarray(shown[:, ::-1]) if mirrored else shown
    best = book.vote([view(shown, mirrored=mirrored)])[0]
    assert best.asset_id == "b"
    assert best.places[0].asset_s <= 4.0 <= best.places[0].asset_s + SPAN_S
    assert best.places[0].mirrored is mirrored


def test_nothing_registered_and_foreign_frames_lead_nowhere():
    assert FeatureBook().vote([view(scene(1))]) == []
    book = FeatureBook()
    book.add("a", film(range(10, 20)))
    found = book.vote([view(scene(99))])
    assert sum(one.votes for one in found) < book.vote([view(scene(13))])[0].votes / 3


def test_features_in_many_films_do_not_vote():
    book = FeatureBook()
    for number in range(60):
        book.add(f"film {number}", film([7]))
    assert book.vote([view(scene(7))]) == []
