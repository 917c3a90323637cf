"""Pictures in every odd form that people send: read right, or refused with the reason."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from provenance.errors import LimitError
from provenance.evidence import VerdictCode


@pytest.fixture
def rgb(newsroom):
    with Image.open(newsroom.photo.output) as picture:
        return picture.convert("RGB")


def exif_with_broken_thumbnail():
    exif = Image.Exif()
    ifd = exif.get_ifd(0x8769)
    ifd[0x9000] = b"0232"
    return exif.tobytes() + b"\xff\xd8\xff\xdb\x00\x43garbage"


def turned_by_exif(rgb, target):
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb.transpose(Image.Transpose.ROTATE_90).save(target, "JPEG", quality=90, exif=exif)


def palette_with_alpha(rgb, target):
    made = rgb.convert("P", palette=Image.Palette.ADAPTIVE, colors=200)
    made.save(target, "PNG", transparency=bytes([255] * 150 + [250] * 50))


def sixteen_bit(rgb, target):
    levels = np.asarray(rgb.convert("L")).astype(np.uint16) * 257
    Image.fromarray(levels).save(target, "PNG")


def with_profile(rgb, target):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    rgb.save(target, "JPEG", quality=90, icc_profile=profile)


def with_false_profile(rgb, target):
    rgb.save(target, "JPEG", quality=90, icc_profile=b"no profile at all" * 20)


def animated(rgb, target):
    frames = [Image.new("RGB", rgb.size, (50 * n, 0, 0)) for n in range(3)]
    rgb.save(target, "GIF", save_all=True, append_images=frames)


FORMS = {
    "CMYK": lambda rgb, target: rgb.convert("CMYK").save(target, "JPEG", quality=90),
    "16 bits": sixteen_bit,
    "palette with alpha": palette_with_alpha,
    "EXIF orientation": turned_by_exif,
    "colour profile": with_profile,
    "false colour profile": with_false_profile,
    "broken thumbnail": lambda rgb, target: rgb.save(
        target, "JPEG", quality=90, exif=exif_with_broken_thumbnail()
    ),
    "animation": animated,
    "progressive": lambda rgb, target: rgb.save(target, "JPEG", quality=70, progressive=True),
    "grey with alpha": lambda rgb, target: rgb.convert("LA").save(target, "PNG"),
    "lossless WebP": lambda rgb, target: rgb.save(target, "WEBP", lossless=True),
    "TIFF": lambda rgb, target: rgb.save(target, "TIFF", compression="tiff_lzw"),
}


PALETTES = ("palette with alpha", "animation")


@pytest.mark.parametrize("form", FORMS)
def test_the_registered_original_is_found_and_unturned(newsroom, rgb, tmp_path, form):
    target = tmp_path / "copy"
    FORMS[form](rgb, target)
    report = newsroom.verify(target)
    assert report.evidence.best.confirmed
    assert report.evidence.best.record.title == "Astronaut"
    # Bands of a palette of 256 colours can read as a difference: they are one.
    if form not in PALETTES:
        assert report.verdict.code is VerdictCode.DERIVED_COPY
    made = report.evidence.best.transformation
    assert (made.mirrored, made.negative, round(made.rotation_deg)) == (False, False, 0)


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def test_sr12_hostile_size_is_refused_with_the_limit(newsroom, tmp_path):
    header = struct.pack(">IIBBBBB", 200_000, 200_000, 8, 2, 0, 0, 0)
    body = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"0"))
        + chunk(b"IEND", b"")
    )
    (tmp_path / "a.png").write_bytes(body)
    with pytest.raises(LimitError, match="200000 x 200000"):
        newsroom.verify(tmp_path / "a.png")


def test_animation_beyond_the_limit_is_refused_with_what_to_do(newsroom, tmp_path):
    made = io.BytesIO()
    frames = [
        Image.new("L", (70, 70), n % 200)
        for n in range(newsroom.installation.settings.limits.animation_frames + 1)
    ]
    frames[0].save(made, "GIF", save_all=True, append_images=frames[1:])
    (tmp_path / "a.gif").write_bytes(made.getvalue())
    with pytest.raises(LimitError, match="pictures in one file") as refused:
        newsroom.verify(tmp_path / "a.gif")
    assert refused.value.hint == "send the animation as a film"


def test_the_same_file_always_gives_the_same_codes(newsroom, rgb, tmp_path):
    rgb.resize((2600, 2600)).save(tmp_path / "a.jpg", quality=80)
    params = {"media_type": "image/jpeg", "register": True}
    pool = newsroom.installation.pool
    answers = [pool.run("examine", [tmp_path / "a.jpg"], params, timeout_s=60) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
