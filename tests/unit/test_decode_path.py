"""The way pixels are made is part of every code's version: another way gives other codes, the same way the same."""

import hashlib
import importlib.util
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from provenance.examination import DECODE_SIDE_PX
from provenance.fingerprint import image
from provenance.fingerprint.code import ALGORITHMS, distance
from provenance.fingerprint.iscc import image_code
from provenance.media.asset import MediaType
from provenance.media.picture import DECODE_PATH, read_picture
from provenance.settings import Limits

SAMPLES = Path(importlib.util.find_spec("skimage").origin).parent / "data"
#: Codes of files as they are, by the decode path of this version. A change here is a new version of the codes.
KNOWN = {
    "88431cd9653ccd53": (
        "pdq256-v1:2d2f1af3a856c529679ca3d6526fa836d4196c81c6dd04de0a26f855fc99b724",
        "phash64-v1:c2924c5532bddfc8",
        "iscc-image-v0:c2924c5532bddfc8d6769f0f0890b19bcc946ba59c4ab563150a35eaf3591aad",
    ),
    "cc02f8ca188b167c": (
        "pdq256-v1:0c609e769a66364cf9833866c826f26c21a679f61eb6e1f8c799a7f63c8299e0",
        "phash64-v1:bb8320376c0f3637",
        "iscc-image-v0:bb8320376c0f363720cc1ef2f1433ccf729b323360993377c227490ecfb63c3c",
    ),
}


def large_jpeg(name, side=2400):
    with Image.open(SAMPLES / name) as picture:
        rgb = picture.convert("RGB")
    made = io.BytesIO()
    rgb.resize((side, round(side * rgb.height / rgb.width)), Image.Resampling.LANCZOS).save(
        made, "JPEG", quality=90
    )
    return made


def draft(file):
    return read_picture(file, MediaType.JPEG, Limits(), max_side=DECODE_SIDE_PX).rgb


def whole(file):
    """The other path: decode every pixel, then reduce with another filter."""
    rgb = Image.fromarray(read_picture(file, MediaType.JPEG, Limits()).rgb)
    rgb.thumbnail((DECODE_SIDE_PX, DECODE_SIDE_PX), Image.Resampling.BOX)
    return np.asarray(rgb)


@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg"])
def test_two_decode_paths_give_near_codes_and_each_its_own_always(name):
    file = large_jpeg(name)
    one, other = draft(file), whole(file)
    # They are not the same pixels: whose codes are stored must be known.
    assert not np.array_equal(one, other)
    for code, most in ((lambda rgb: image.pdq(rgb)[0], 8), (image.phash64, 4), (image_code, 8)):
        assert distance(code(one), code(other)) <= most
        assert code(one) == code(draft(file))


def test_every_code_names_the_decode_path_it_was_made_with():
    assert {one.decode_path for one in ALGORITHMS.values()} == {DECODE_PATH}


@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png"])
def test_codes_of_known_files_do_not_change_within_a_version(name):
    content = (SAMPLES / name).read_bytes()
    rgb = read_picture(io.BytesIO(content), MediaType.PNG, Limits(), max_side=DECODE_SIDE_PX).rgb
    known = KNOWN[hashlib.sha256(content).hexdigest()[:16]]
    assert tuple(str(code) for code in (image.pdq(rgb)[0], image.phash64(rgb), image_code(rgb))) == known
