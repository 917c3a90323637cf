"""Lengths inside files are believed only where they fit."""

import io

import pytest

from provenance.errors import LimitError, MediaError
from provenance.media.asset import MediaType
from provenance.media.structure import MAX_BOX_DEPTH, check_structure, gif_frames, has_second_jpeg, jpeg_end
from tests.media_samples import gray_film, wav


def box(kind, content=b"", length=None):
    return (len(content) + 8 if length is None else length).to_bytes(4, "big") + kind + content


def check(content, media_type=MediaType.MP4):
    check_structure(io.BytesIO(content), media_type)


FTYP = box(b"ftyp", b"isom\0\0\0\0isom")


def test_real_files_pass_and_are_rewound():
    for content, media_type in [(gray_film([9] * 5), MediaType.MP4), (wav(0.1), MediaType.WAV)]:
        file = io.BytesIO(content)
        check_structure(file, media_type)
        assert file.tell() == 0


def test_lengths_of_zero_one_and_sixty_four_bits():
    check(FTYP + box(b"mdat", b"x", 0))
    check(FTYP + b"\0\0\0\1mdat" + (17).to_bytes(8, "big") + b"x")
    check(FTYP + box(b"moov", box(b"udta", box(b"name") + b"\0\0\0\0\0\0\0\0")))


@pytest.mark.parametrize(
    "bad",
    [
        box(b"moov", b"", 0),
        box(b"moov", b"", 7),
        box(b"moov", b"", 9),
        box(b"moov", b"", 1),
        b"\0\0\0\1mdat" + (15).to_bytes(8, "big"),
        b"\0\0\0\1mdat" + (2**64 - 1).to_bytes(8, "big"),
        box(b"moov", box(b"trak", b"", 100)),
        box(b"mdat", b"x" * 10, 2**32 - 1),
    ],
)
def test_case_34_lengths_that_do_not_fit_are_refused(bad):
    with pytest.raises(MediaError, match="expected a box"):
        check(FTYP + bad)


def test_case_33_nesting_is_bounded():
    nested = b""
    for _ in range(MAX_BOX_DEPTH):
        nested = box(b"moov", nested)
    check(FTYP + nested)
    with pytest.raises(LimitError, match="nested"):
        check(FTYP + box(b"moov", nested))


def test_case_36_riff_lengths_must_fit():
    good = wav(0.1)
    check(good, MediaType.WAV)
    for length in (0xFFFFFFFF, len(good), len(good) + 1000):
        with pytest.raises(MediaError, match="RIFF"):
            check(good[:4] + length.to_bytes(4, "little") + good[8:], MediaType.WAV)


def test_case_37_id3_tags_are_bounded():
    check(b"ID3\4\0\0\0\0\x10\0" + bytes(3000), MediaType.MP3)
    with pytest.raises(LimitError, match="ID3"):
        check(b"ID3\4\0\0\x60\0\0\0", MediaType.MP3)


def test_gif_pictures_are_counted_up_to_the_bound():
    head = b"GIF89a\x01\0\x01\0\x80\0\0" + bytes(6)
    frame = b"\x21\xf9\x04\0\0\0\0\0" + b"\x2c\0\0\0\0\1\0\1\0\0" + b"\x02\x02\x44\x01\0"
    assert gif_frames(io.BytesIO(head + frame * 7 + b";"), 256) == 7
    assert gif_frames(io.BytesIO(head + frame * 1000 + b";"), 10) == 11
    for length in range(len(head + frame)):
        assert gif_frames(io.BytesIO((head + frame)[:length]), 10) <= 1


def test_the_end_of_a_jpeg_is_found_past_its_thumbnail():
    inner = b"\xff\xd8\xff\xdb\0\2\xff\xd9"
    outer = b"\xff\xd8" + b"\xff\xe1" + (len(inner) + 2).to_bytes(2, "big") + inner
    outer += b"\xff\xda\0\2" + b"\x12\xff\0\x34\xff\xd0\x56" + b"\xff\xd9"
    assert jpeg_end(outer) == len(outer)
    assert not has_second_jpeg(outer + b"trailing")
    assert has_second_jpeg(outer + b"\0\0" + outer)
    assert jpeg_end(outer[:-2]) is None
    assert jpeg_end(b"\xff\xd8\xff\xe1\0\0") is None
