"""Candidates for a picture: the original comes first, strangers hardly count."""

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest

from provenance.errors import FormatError
from provenance.examination import FeatureView, PictureCode, View
from provenance.fingerprint import image, local, views
from provenance.match import pictures as module
from provenance.match.pictures import PictureBook

SAMPLES = Path(importlib.util.find_spec("skimage").origin).parent / "data"
NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "coins.png", "brick.png")


def photograph(name):
    return np.ascontiguousarray(cv2.imread(str(SAMPLES / name), cv2.IMREAD_COLOR)[:, :, ::-1])


def registered(rgb):
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return image.pdq(rgb)[0].value, local.features(gray).to_bytes()


def looked_up(book, rgb):
    return book.by_features(views.first_look(rgb).views)


@pytest.fixture(scope="module")
def book():
    made = PictureBook()
    made.add([(name, *registered(photograph(name))) for name in NAMES])
    return made


def part(rgb):
    height, width = rgb.shape[:2]
    return np.ascontiguousarray(rgb[height // 8 : height * 7 // 8, width // 6 : width])


CHANGES = {
    "as it is": lambda rgb: rgb,
    "crop": part,
    "mirrored": lambda rgb: np.ascontiguousarray(rgb[:, ::-1]),
    "quarter turn": lambda rgb: np.ascontiguousarray(np.rot90(rgb)),
    "framed": lambda rgb: cv2.copyMakeBorder(rgb, 150, 150, 90, 90, cv2.BORDER_CONSTANT, value=(9, 9, 9)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", NAMES)
def test_the_original_has_the_most_votes_by_far(book, name, change):
    found = looked_up(book, CHANGES[change](photograph(name)))
    assert found[0].asset_id == name
    assert found[0].votes >= 12
    assert all(other.votes < found[0].votes / 3 for other in found[1:])


def test_an_unregistered_picture_has_few_votes(book):
    assert all(one.votes < 4 for one in looked_up(book, photograph("hubble_deep_field.jpg")))


def test_codes_name_the_form_of_the_copy(book):
    forms = image.pdq_forms(np.ascontiguousarray(photograph("coffee.png")[:, ::-1]))
    found = book.by_code(
        [
            PictureCode(
                one.fingerprint.algorithm, one.fingerprint.value, one.name, None, one.mirrored, one.negative
            )
            for one in forms
        ],
        31,
    )
    assert (found[0].asset_id, found[0].form) == ("coffee.png", "mirrored")


def test_a_picture_shared_by_too_many_assets_has_no_vote(monkeypatch):
    monkeypatch.setattr(module, "MAX_ASSETS_HIT", 3)
    made, stored = PictureBook(), registered(photograph("coffee.png"))
    made.add([(f"copy {number}", *stored) for number in range(4)])
    assert looked_up(made, photograph("coffee.png")) == []


def test_votes_count_where_turn_and_scale_agree(book):
    """Features thrown together from many turns are not a copy, whatever they resemble one by one."""
    gray = cv2.cvtColor(photograph("coffee.png"), cv2.COLOR_RGB2GRAY)
    found = local.features(gray)
    rng = np.random.default_rng(1)
    scattered = local.Features(
        found.points,
        (rng.random(len(found)) * 360).astype(np.float32),
        rng.integers(0, 8, len(found), np.uint8),
        found.descriptors,
    )
    [kept] = [
        one
        for one in book.by_features([FeatureView(View(), found.to_bytes())])
        if one.asset_id == "coffee.png"
    ]
    [lost] = [
        one
        for one in book.by_features([FeatureView(View(), scattered.to_bytes())])
        if one.asset_id == "coffee.png"
    ]
    assert lost.votes < kept.votes / 5


def test_pictures_added_later_are_found_and_those_without_features_by_code_only():
    made = PictureBook()
    made.add([])
    made.add([("first", *registered(photograph("coffee.png")))])
    code, _ = registered(photograph("rocket.jpg"))
    made.add([("second", code, None), ("third", *registered(photograph("chelsea.png")))])
    assert len(made) == 3
    assert looked_up(made, photograph("chelsea.png"))[0].asset_id == "third"
    assert [one.asset_id for one in made.by_code([PictureCode("pdq256-v1", code, "as it is", None)], 31)] == [
        "second"
    ]


def test_damaged_features_are_refused_and_add_nothing():
    made = PictureBook()
    with pytest.raises(FormatError):
        made.add([("one", bytes(32), b"LF\x02")])
    assert len(made) == 0
