"""Each thing that was done to an original has its words, and what was not done is not said."""

from dataclasses import replace

import pytest

from provenance.comparison import Box
from provenance.transformation import Transformation

WHOLE = Box(0.0, 0.0, 1.0, 1.0)
PLAIN = Transformation(
    place=WHOLE,
    shown=WHOLE,
    shown_share=1.0,
    rotation_deg=0.0,
    scale=1.0,
    stretch=1.0,
    mirrored=False,
    negative=False,
    perspective=0.0,
    jpeg_quality=None,
    sharpness=None,
)
CASES = {
    "crop": (
        {"shown": Box(0.1, 0.2, 0.7, 0.75), "shown_share": 0.53},
        "cropped to 53% (70% by 75% at 10%, 20% of it)",
    ),
    "mirror": ({"mirrored": True}, "mirrored"),
    "rotation": ({"rotation_deg": 5.2}, "rotated 5° clockwise"),
    "rotation back": ({"rotation_deg": -33.0}, "rotated 33° anticlockwise"),
    "quarter turn": ({"rotation_deg": 90.3}, "turned a quarter clockwise"),
    "quarter turn back": ({"rotation_deg": -90.0}, "turned a quarter anticlockwise"),
    "half turn": ({"rotation_deg": -179.6}, "turned upside down"),
    "negative": ({"negative": True}, "turned into a negative"),
    "perspective": ({"perspective": 0.2}, "tilted in perspective"),
    "stretch": ({"stretch": 1.25}, "stretched to 1.25 times its width"),
    "smaller": ({"scale": 0.5}, "reduced to 0.50 times its size"),
    "larger": ({"scale": 2.0}, "enlarged to 2.00 times its size"),
    "place": ({"place": Box(0.5, 0.25, 0.4, 0.3)}, "placed at 40% by 30% at 50%, 25% of the copy"),
    "overlay": ({"overlays": (Box(0, 0, 1, 0.1),)}, "covered in 1 place (about 10% of the copy)"),
    "overlays": (
        {"overlays": (Box(0, 0, 1, 0.1), Box(0, 0.5, 0.5, 0.1))},
        "covered in 2 places (about 15% of the copy)",
    ),
    "recompression": ({"jpeg_quality": 40}, "compressed as JPEG at about quality 40"),
    "grey": ({"colour": 0.02, "tint": 1.0}, "turned to shades of grey"),
    "sepia": ({"colour": 0.05, "tint": 20.0}, "turned to shades of one colour"),
    "pale": ({"colour": 0.59, "tint": 2.0}, "weakened in its colours to about 59%"),
    "vivid": ({"colour": 1.6, "tint": 2.0}, "strengthened in its colours to about 160%"),
    "tint": ({"colour": 1.0, "tint": 15.0}, "tinted"),
    "bright": ({"brightness": 24.0}, "brightened"),
    "dark": ({"brightness": -30.0}, "darkened"),
    "blur": ({"sharpness": 0.31}, "softened to about 31% of its fine detail"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_change_has_its_words(case):
    changes, words = CASES[case]
    assert replace(PLAIN, **changes).words == (words,)
    assert replace(PLAIN, **changes).sentence == f"The original was {words}."


def test_nothing_done_is_said_as_such():
    assert PLAIN.words == ()
    assert PLAIN.sentence == "The original is shown whole and unturned, at its size."


@pytest.mark.parametrize(
    "changes",
    [
        {"shown_share": 0.985},
        {"rotation_deg": 0.8},
        {"rotation_deg": -0.8},
        {"scale": 1.02},
        {"stretch": 0.98},
        {"perspective": 0.03},
        {"sharpness": 0.8},
    ],
)
def test_what_alignment_cannot_tell_is_not_said(changes):
    assert replace(PLAIN, **changes).words == ()


def test_several_changes_are_one_sentence():
    made = replace(PLAIN, mirrored=True, rotation_deg=3.0, jpeg_quality=60, negative=True)
    assert made.sentence == (
        "The original was mirrored; rotated 3° clockwise; turned into a negative; "
        "compressed as JPEG at about quality 60."
    )
