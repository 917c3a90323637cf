"""ISCC units: equal to the reference software's, and a soft-binding value that is read strictly."""

import hashlib
import io

import iscc_lib
import iscc_samples
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from provenance.errors import FormatError, UnmatchableError
from provenance.fingerprint.code import ISCC_IMAGE
from provenance.fingerprint.iscc import (
    MAX_UNITS,
    Unit,
    UnitKind,
    audio_unit,
    image_code,
    image_unit,
    read_sequence,
    sequence,
    stream_units,
)

units = st.builds(Unit, st.sampled_from(list(UnitKind)), st.binary(min_size=32, max_size=32))
# The four units of the example in the draft of the soft binding (IEP-0020).
EXAMPLE = (
    "ISCC:AADVPDD4R6733NMPFH3D57VTQ4KVH6VHL74XIWGUT37V5ZG56NV3NSI",
    "ISCC:EAD2RASIYU5IKLENP2OFI4CHZGRWYQCSW2WKX3Y6FJGOCXSYNYGLGBI",
    "ISCC:GADQLNA7GRZESMRF2J7NZPNWGI3II2ST5YUN5SS6GVQ2ZQGJXPPYDNI",
    "ISCC:IAD2KIVPJIWJZP3KQCESJL6SVT5APEZUPOJWM6HVTAXCF7OT3VFA4NY",
)


def picture(name):
    with Image.open(iscc_samples.IMAGE / name) as opened:
        return np.asarray(opened.convert("RGBA" if name.endswith("gif") else "RGB"))


def test_engine_conforms_to_its_published_vectors():
    assert iscc_lib.conformance_selftest() is True


@pytest.mark.parametrize("name", ["demo.jpg", "demo.png", "demo.bmp", "demo.gif", "demo.tif"])
def test_image_unit_agrees_with_the_published_code_of_the_sample(name):
    # Published 64-bit code of this sample: ISCC:EEA4GQZQTY6J5DTH, whose body starts every longer one.
    assert image_unit(picture(name)).body.startswith(iscc_lib.iscc_decode("ISCC:EEA4GQZQTY6J5DTH")[4])


def test_image_code_is_the_body_of_the_unit():
    code = image_code(picture("demo.jpg"))
    assert code.algorithm == ISCC_IMAGE.name
    assert code.value == image_unit(picture("demo.jpg")).body


def test_uniform_border_of_any_colour_changes_nothing():
    rgb = picture("demo.png")
    for colour in (0, 131, 255):
        framed = np.full((rgb.shape[0] + 50, rgb.shape[1] + 31, 3), colour, np.uint8)
        framed[20:-30, 11:-20] = rgb
        assert image_unit(framed) == image_unit(rgb)


def test_transparency_lies_on_white():
    rgb = picture("demo.png")
    over = np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])
    assert image_unit(over) == image_unit(rgb)
    over[30:60, 40:90, 3] = 0
    white = rgb.copy()
    white[30:60, 40:90] = 255
    assert image_unit(over) == image_unit(white) != image_unit(rgb)


@pytest.mark.parametrize("level", [0, 255])
def test_flat_picture_has_no_image_unit(level):
    """Case 102, SR-29."""
    with pytest.raises(UnmatchableError, match="too flat"):
        image_unit(np.full((80, 80, 3), level, np.uint8))


@pytest.mark.parametrize("shape", [(10, 10), (10, 10, 2), (0, 10, 3)])
def test_other_arrays_have_no_image_unit(shape):
    with pytest.raises(FormatError):
        image_unit(np.zeros(shape, np.uint8))


def test_audio_unit_is_that_of_signed_codes():
    codes = np.random.default_rng(1).integers(0, 1 << 32, 200, np.uint32)
    signed = [int(code) - (1 << 32) if code >> 31 else int(code) for code in codes]
    assert str(audio_unit(codes)) == iscc_lib.gen_audio_code_v0(signed, bits=256).iscc
    assert audio_unit(codes).kind is UnitKind.CONTENT_AUDIO


def test_sound_without_codes_has_no_audio_unit():
    with pytest.raises(UnmatchableError):
        audio_unit(np.zeros(0, np.uint32))
    with pytest.raises(FormatError):
        audio_unit(np.zeros(4, np.int64))


@pytest.mark.parametrize("size", [0, 1, 5_000, 3 << 20])
def test_stream_units_equal_those_of_the_whole_bytes(size):
    content = hashlib.shake_128(b"content").digest(size)
    data, instance = stream_units(io.BytesIO(content))
    assert str(data) == iscc_lib.gen_data_code_v0(content, bits=256).iscc
    assert str(instance) == iscc_lib.gen_instance_code_v0(content, bits=256).iscc


@given(units)
def test_unit_round_trips_and_the_engine_reads_it(unit):
    assert Unit.parse(str(unit)) == Unit.from_bytes(unit.to_bytes()) == unit
    main, sub, version, length, body = iscc_lib.iscc_decode(str(unit))
    assert (main << 4 | sub, version << 4 | length, body) == (*unit.kind.value, unit.body)


def test_sequence_of_the_published_example_round_trips():
    parsed = [Unit.parse(text) for text in EXAMPLE]
    value = sequence(reversed(parsed))
    assert len(value) == 4 * 34
    assert [str(unit) for unit in read_sequence(value)] == list(EXAMPLE)


def test_sequence_holds_each_kind_once():
    unit = Unit.parse(EXAMPLE[2])
    with pytest.raises(ValueError, match="at most once"):
        sequence([unit, unit])
    with pytest.raises(ValueError, match="at least one"):
        sequence([])


@pytest.mark.parametrize(
    "text",
    [
        "",
        EXAMPLE[0] + "\n",
        EXAMPLE[0].lower(),
        EXAMPLE[0][5:],
        EXAMPLE[0][:-1],
        EXAMPLE[0] + "A",
        EXAMPLE[0][:-1] + "J",
        "ISCC:KAD" + EXAMPLE[0][8:],
        "ISCC:EEA4GQZQTY6J5DTH",
    ],
)
def test_any_other_spelling_of_a_unit_is_refused(text):
    with pytest.raises(FormatError):
        Unit.parse(text)


@pytest.mark.parametrize("length", [0, 1, 33, 35, 34 * (MAX_UNITS + 1)])
def test_sequence_of_another_length_is_refused(length):
    with pytest.raises(FormatError, match="1 to"):
        read_sequence((Unit.parse(EXAMPLE[2]).to_bytes() * (MAX_UNITS + 2))[:length])


@given(st.binary(max_size=34 * 3))
def test_untrusted_sequence_is_read_or_refused(value):
    try:
        found = read_sequence(value)
    except FormatError:
        return
    assert b"".join(unit.to_bytes() for unit in found) == value
