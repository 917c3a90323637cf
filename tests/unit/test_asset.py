"""Assets: types by content, declarations, sizes and digests."""

import contextlib
import hashlib
import io
import os
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.errors import InputError, LimitError, MediaError, UnsupportedError
from provenance.media.asset import (
    Kind,
    MediaType,
    check_declared,
    extension_note,
    open_asset,
    sniff,
    sniff_file,
)
from provenance.settings import Limits

LIMITS = Limits()
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


def ftyp(major, *compatible):
    body = major + bytes(4) + b"".join(compatible)
    return (len(body) + 8).to_bytes(4, "big") + b"ftyp" + body + bytes(40)


KNOWN = [
    (b"\xff\xd8\xff\xe0" + bytes(20), MediaType.JPEG),
    (PNG, MediaType.PNG),
    (b"GIF89a" + bytes(20), MediaType.GIF),
    (b"GIF87a" + bytes(20), MediaType.GIF),
    (b"II*\0\x08\0\0\0" + bytes(20), MediaType.TIFF),
    (b"MM\0*\0\0\0\x08" + bytes(20), MediaType.TIFF),
    (b"II+\0\x08\0\0\0" + bytes(20), MediaType.TIFF),
    (b"RIFF\x20\0\0\0WEBPVP8 ", MediaType.WEBP),
    (b"RIFF\x20\0\0\0WAVEfmt ", MediaType.WAV),
    (b"RIFF\x20\0\0\0AVI LIST", MediaType.AVI),
    (ftyp(b"isom", b"isom", b"avc1"), MediaType.MP4),
    (ftyp(b"iso6", b"iso6"), MediaType.MP4),
    (ftyp(b"3gp5", b"3gp5"), MediaType.MP4),
    (ftyp(b"XAVC", b"mp42"), MediaType.MP4),
    (ftyp(b"qt  ", b"qt  "), MediaType.MOV),
    (ftyp(b"M4A ", b"mp42"), MediaType.M4A),
    (ftyp(b"heic", b"mif1", b"heic"), MediaType.HEIC),
    (ftyp(b"mif1", b"mif1", b"heic"), MediaType.HEIC),
    (ftyp(b"avif", b"mif1", b"avif"), MediaType.AVIF),
    (ftyp(b"mif1", b"avif"), MediaType.AVIF),
    (b"\0\0\0\x20moov" + bytes(24), MediaType.MOV),
    (b"\0\0\0\x08wide\0\0\0\0mdat", MediaType.MOV),
    (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm" + bytes(9), MediaType.WEBM),
    (b"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\x82\x88matroska", MediaType.MKV),
    (b"ID3\x04\0\0\0\0\0\0" + bytes(20), MediaType.MP3),
    (b"\xff\xfb\x90\x64" + bytes(20), MediaType.MP3),
    (b"\xff\xf3\x40\xc0" + bytes(20), MediaType.MP3),
    (b"fLaC\0\0\0\x22", MediaType.FLAC),
    (b"OggS\0\x02", MediaType.OGG),
]
#: A file with an ID3 tag of 300 bytes, longer than nothing and shorter than the head that is looked at.
TAGGED = b"ID3\x04\0\0\0\0\x02\x2c" + bytes(300)
FOREIGN = [
    (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "SVG"),
    (b"<?xml version='1.0'?>\n<!DOCTYPE svg><svg onload='x()'>", "SVG"),
    (b"\xef\xbb\xbf <!-- x --><svg >", "SVG"),
    (b"<!DOCTYPE html><script>alert(1)</script>", "HTML"),
    (b"<?xml version='1.0'?><a/>", "XML"),
    (b"8BPS\0\x01", "PSD"),
    (b"%!PS-Adobe-3.0 EPSF-3.0", "EPS"),
    (b"\xc5\xd0\xd3\xc6\x20", "EPS"),
    (b"\xd7\xcd\xc6\x9a\0\0", "WMF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51\0\x2f", "JPEG 2000"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "FlashPix"),
    (b"%PDF-1.7", "PDF"),
    (b"#EXTM3U\nfile:///etc/passwd", "playlist"),
    (b"ffconcat version 1.0\nfile /etc/passwd", "playlist"),
    (b"PK\x03\x04", "ZIP"),
    (b"II*\0\x10\0\0\0CR\x02\0", "raw"),
    (b"\xff\xf1\x50\x80", "ff f1"),  # ADTS AAC has layer 0: no MP3
    (b"RIFF\x20\0\0\0CDXA", "52 49"),
    (b"\x1a\x45\xdf\xa3" + bytes(30), "1a 45"),
    (ftyp(b"junk"), "brand 'junk'"),
    (b"x", "78"),
]


@pytest.mark.parametrize(("head", "media_type"), KNOWN)
def test_known_types_are_told_by_their_content(head, media_type):
    assert sniff(head) is media_type


@pytest.mark.parametrize(("head", "name"), FOREIGN)
def test_cases_2_16_17_30_35_other_content_is_refused_by_name(head, name):
    with pytest.raises(UnsupportedError, match=name) as caught:
        sniff(head)
    assert "WebM" in caught.value.hint


def test_case_1_an_empty_file_is_no_media(tmp_path):
    with pytest.raises(MediaError, match="empty"):
        sniff(b"")
    (tmp_path / "x.jpg").touch()
    with pytest.raises(MediaError, match="empty"):
        open_asset(tmp_path / "x.jpg", LIMITS)


def test_every_prefix_of_known_heads_gives_a_type_or_a_refusal():
    for head, _ in KNOWN + FOREIGN:
        for length in range(1, len(head)):
            with contextlib.suppress(UnsupportedError):  # and no other error
                assert sniff(head[:length]) in MediaType


def test_an_asset_has_type_size_and_digest(tmp_path):
    content = PNG + os.urandom(3_000_000)
    path = tmp_path / "a.png"
    path.write_bytes(content)
    asset = open_asset(path, LIMITS)
    assert (asset.path, asset.media_type, asset.size) == (path, MediaType.PNG, len(content))
    assert asset.digest.value == hashlib.sha256(content).digest()


def test_sr12_case_37_files_over_their_kind_s_limit_are_refused_unread(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(PNG)
    with path.open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(LimitError, match="at most 67108864 bytes"):
        open_asset(path, LIMITS)
    path.write_bytes(b"fLaC" + bytes(1000))
    open_asset(path, replace(LIMITS, picture_bytes=10))
    with pytest.raises(LimitError, match="found 1004"):
        open_asset(path, replace(LIMITS, media_bytes=1003))


def test_sr13_case_15_a_false_declaration_is_refused(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(20))
    with pytest.raises(UnsupportedError, match="declared as 'image/png', but the content is image/jpeg"):
        open_asset(path, LIMITS, declared="image/png")
    assert open_asset(path, LIMITS, declared="image/jpeg").media_type is MediaType.JPEG


@pytest.mark.parametrize(
    ("media_type", "declared"),
    [
        (MediaType.JPEG, "image/jpg"),
        (MediaType.JPEG, "IMAGE/JPEG; charset=binary"),
        (MediaType.WAV, "audio/x-wav"),
        (MediaType.MP4, "audio/mp4"),
        (MediaType.MP4, "video/quicktime"),
        (MediaType.WEBM, "audio/webm"),
        (MediaType.PNG, "application/octet-stream"),
        (MediaType.PNG, ""),
    ],
)
def test_aliases_and_silence_are_no_false_declaration(media_type, declared):
    check_declared(media_type, declared)


@pytest.mark.parametrize("declared", ["text/html", "image", "image/*", "image/svg+xml", "video/mp4"])
def test_other_declarations_are_refused(declared):
    with pytest.raises(UnsupportedError):
        check_declared(MediaType.PNG, declared)


def test_an_extension_is_worth_a_note_only():
    assert extension_note(Path("a.JPG"), MediaType.JPEG) is None
    assert extension_note(Path("a"), MediaType.JPEG) is None
    assert extension_note(Path("a.upload"), MediaType.JPEG) is None
    assert extension_note(Path("a.mov"), MediaType.MP4) is None
    note = extension_note(Path("a.png"), MediaType.JPEG)
    assert note == "the name ends in .png, but the content is image/jpeg"


def test_what_is_no_readable_file_is_refused_with_a_hint(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, text in [
        (tmp_path / "absent", "no such file"),
        (tmp_path, "folder"),
        (tmp_path / "pipe", "device or pipe"),
        (Path("/dev/null"), "device or pipe"),
        (tmp_path / ("x" * 300), "cannot be opened"),
    ]:
        with pytest.raises(InputError, match=text):
            open_asset(path, LIMITS)


def test_a_file_without_permission_is_refused(tmp_path):
    if os.getuid() == 0:
        pytest.skip("root may read everything")
    path = tmp_path / "a"
    path.write_bytes(PNG)
    path.chmod(0)
    with pytest.raises(InputError, match="no permission"):
        open_asset(path, LIMITS)


def test_each_type_has_a_kind():
    assert {media_type.kind for media_type in MediaType} == set(Kind)


@pytest.mark.parametrize("tag", [TAGGED, b"ID3\x04\0\0\0\0\x7f\x7f" + bytes((0x7F << 7) + 0x7F)])
def test_a_tag_before_flac_is_seen_through_however_long(tag):
    assert sniff_file(io.BytesIO(tag + b"fLaC\0\0\0\x22")) is MediaType.FLAC
    assert sniff_file(io.BytesIO(tag + b"\xff\xfb\x90\x64")) is MediaType.MP3
    assert sniff_file(io.BytesIO(tag[:200])) is MediaType.MP3
