"""Pictures come out upright, sRGB and on white, whatever was inside; limits come first."""

import contextlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from provenance.errors import LimitError, MediaError, UnsupportedError
from provenance.media import decode
from provenance.media.asset import MediaType, sniff
from provenance.settings import Limits

LIMITS = Limits()
HEIC = Path(__file__).resolve().parents[3] / "shared" / "data" / "c2pa" / "fixtures" / "sample1.heic"


def scene(width=96, height=64):
    """A smooth picture, bright at the top left corner and red at the right edge."""
    y, x = np.mgrid[0:height, 0:width]
    red = 255 * x / (width - 1)
    green = 255 * (1 - y / (height - 1))
    blue = 255 * (1 - x / (width - 1)) * (1 - y / (height - 1))
    return np.stack([red, green, blue], axis=-1).astype(np.uint8)


def saved(picture, name, **options):
    sink = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(sink, name, **options)
    return sink.getvalue()


def read(content, max_side=None, limits=LIMITS):
    return decode.read_picture(io.BytesIO(content), sniff(content[:4096]), limits, max_side)


def worst(first, second):
    return int(np.abs(first.astype(int) - second.astype(int)).max())


@pytest.mark.parametrize(
    ("name", "tolerance"), [("JPEG", 24), ("PNG", 0), ("WEBP", 40), ("TIFF", 0), ("GIF", 60), ("AVIF", 30)]
)
def test_every_format_gives_the_same_picture(name, tolerance):
    found = read(saved(scene(), name))
    assert (found.width, found.height, found.rgb.shape, found.rgb.dtype) == (96, 64, (64, 96, 3), np.uint8)
    assert worst(found.rgb, scene()) <= tolerance
    assert found.rgb.flags.c_contiguous
    assert found.notes == ()


@pytest.mark.shared
def test_heic_is_read():
    if not HEIC.exists():
        pytest.skip("../shared/data is absent")
    found = read(HEIC.read_bytes(), 256)
    assert max(found.rgb.shape) == 256
    assert found.width > 256
    assert found.rgb.std() > 5


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_exif_orientation_is_applied(orientation, name):
    upright = scene()
    # EXIF 2.32, 4.6.5.1.6: how the stored picture must be turned to stand upright, inverted here.
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.transpose(1, 0, 2), 6: np.rot90(upright, 1), 7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if name in ("JPEG", "WEBP", "AVIF") else {}
    content = saved(np.ascontiguousarray(stored), name, exif=exif, **options)
    for max_side in (None, 48):
        found = read(content, max_side)
        assert (found.width, found.height) == (96, 64)
        small = found.rgb[:: len(found.rgb) // 32, :: found.rgb.shape[1] // 48]
        assert np.abs(small.astype(int) - scene(48, 32).astype(int)).mean() < 12
    size = decode.probe(io.BytesIO(content), sniff(content[:4096]), LIMITS)
    assert (size.width, size.height) == (96, 64)


def test_transparency_is_laid_on_white():
    picture = np.dstack([np.zeros((20, 20, 3), np.uint8), np.tile(np.linspace(0, 255, 20), (20, 1))])
    for name in ("PNG", "WEBP", "TIFF"):
        rgb = read(
            saved(picture.astype(np.uint8), name, **({"lossless": True} if name == "WEBP" else {}))
        ).rgb
        assert rgb[0, 0].tolist() == [255, 255, 255]
        assert rgb[0, -1].tolist() == [0, 0, 0]
    palette = Image.fromarray(np.zeros((20, 20), np.uint8)).convert("P")
    assert read(saved(palette, "PNG", transparency=0)).rgb.min() == 255
    assert read(saved(palette, "GIF", transparency=0)).rgb.min() == 255
    gray = Image.merge("LA", [Image.new("L", (9, 9), 0), Image.new("L", (9, 9), 128)])
    assert read(saved(gray, "PNG")).rgb[0, 0].tolist() == [127, 127, 127]


def test_depths_and_palettes_become_eight_bit_rgb():
    ramp = np.tile(np.arange(0, 65536, 256, dtype=np.uint16), (8, 1))
    eight = np.repeat((ramp >> 8).astype(np.uint8)[..., None], 3, axis=2)
    assert worst(read(saved(ramp, "PNG")).rgb, eight) == 0
    assert worst(read(saved(ramp, "TIFF")).rgb, eight) == 0
    assert worst(read(saved(Image.fromarray(eight).convert("1"), "PNG")).rgb % 255, eight * 0) == 0
    assert worst(read(saved(Image.fromarray(eight[..., 0]), "JPEG")).rgb, eight) < 6
    floats = read(saved(Image.fromarray(np.linspace(0, 7, 256, dtype=np.float32)[None]), "TIFF"))
    assert (floats.rgb.min(), floats.rgb.max()) == (0, 255)
    assert "32 bits" in floats.notes[0]


def test_cmyk_is_converted():
    found = read(saved(Image.fromarray(scene()).convert("CMYK"), "JPEG", quality=95))
    assert worst(found.rgb, scene()) < 40


def test_colour_profiles_are_converted_to_srgb():
    swapped = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = read(saved(scene(), "PNG")).rgb
    assert worst(read(saved(scene(), "PNG", icc_profile=swapped)).rgb, plain) <= 2
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    found = read(saved(scene(), "PNG", icc_profile=lab))
    assert "profile" in found.notes[0]
    assert worst(found.rgb, plain) == 0
    # Gamma 1.0 in place of the sRGB curve: the pixels must come out brighter.
    linear = bytearray(swapped)
    for tag in (b"rTRC", b"gTRC", b"bTRC"):
        at = int.from_bytes(linear[linear.index(tag) + 4 : linear.index(tag) + 8], "big")
        linear[at : at + 12] = b"curv\0\0\0\0\0\0\0\0"
    brighter = read(saved(scene(), "PNG", icc_profile=bytes(linear))).rgb
    assert brighter.mean() > plain.mean() + 20


def test_large_jpegs_are_reduced_while_decoding():
    big = np.asarray(Image.fromarray(scene()).resize((2400, 1600)))
    content = saved(big, "JPEG", quality=90)
    found = read(content, 300)
    assert (found.width, found.height, found.rgb.shape) == (2400, 1600, (200, 300, 3))
    careful = np.asarray(Image.fromarray(read(content).rgb).resize((300, 200), Image.Resampling.LANCZOS))
    assert np.abs(found.rgb.astype(int) - careful.astype(int)).mean() < 1.0
    assert read(content, 4000).rgb.shape == (1600, 2400, 3)


@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF", "GIF", "AVIF"])
def test_other_formats_are_reduced_too(name):
    found = read(saved(scene(), name), 48)
    assert found.rgb.shape == (32, 48, 3)
    assert np.abs(found.rgb.astype(int) - scene(48, 32).astype(int)).mean() < 12


def test_animations_and_pages_are_noted_and_bounded():
    pictures = [Image.fromarray(np.full((16, 16, 3), 10 * n, np.uint8)) for n in range(12)]
    for name in ("GIF", "WEBP", "TIFF", "PNG", "AVIF"):
        content = saved(pictures[0], name, save_all=True, append_images=pictures[1:])
        found = read(content)
        assert "12 pictures" in found.notes[0], name
        assert found.rgb.max() < 6  # the first one
        with pytest.raises(LimitError, match="at most 11"):
            read(content, limits=replace(LIMITS, animation_frames=11))


def test_case_19_multi_picture_files_are_noted():
    second = Image.fromarray(scene()[::-1])
    content = saved(Image.fromarray(scene()), "MPO", save_all=True, append_images=[second])
    found = read(content)
    assert found.notes == ("the file holds 2 pictures; only the first was looked at",)
    assert worst(found.rgb, scene()) < 40


def test_case_20_a_second_picture_after_the_end_is_noted():
    first, second = saved(scene(), "JPEG"), saved(scene()[::-1], "JPEG")
    assert read(first + second).notes == (
        "a second picture follows the end of the first; it was not looked at",
    )
    assert read(first + b"\0" * 64).notes == ()


def with_thumbnail(picture, thumbnail):
    small = saved(Image.fromarray(thumbnail).resize((60, 40)), "JPEG")
    exif = b"Exif\0\0II*\0\x08\0\0\0" + b"\0\0" + (14).to_bytes(4, "little")  # an empty IFD0, then IFD1 at 14
    entries = [(0x0103, 3, 6), (0x0201, 4, 14 + 2 + 3 * 12 + 4), (0x0202, 4, len(small))]
    exif += (3).to_bytes(2, "little")
    for tag, kind, value in entries:
        exif += (
            tag.to_bytes(2, "little") + kind.to_bytes(2, "little") + b"\1\0\0\0" + value.to_bytes(4, "little")
        )
    return saved(picture, "JPEG", exif=exif + b"\0\0\0\0" + small)


def test_case_21_an_exif_thumbnail_of_another_picture_is_noted():
    assert read(with_thumbnail(scene(), scene())).notes == ()
    assert read(with_thumbnail(scene(), scene()[::-1, ::-1])).notes == (
        "the EXIF thumbnail shows another picture than the file",
    )
    broken = (
        with_thumbnail(scene(), scene())
        .replace(b"\xff\xd8\xff", b"\0\0\0")
        .replace(b"\0\0\0", b"\xff\xd8\xff", 1)
    )
    assert read(broken).notes == ("the EXIF thumbnail cannot be read",)


def test_sr12_limits_are_checked_on_the_header():
    content = saved(scene(), "PNG")
    with pytest.raises(LimitError, match="found 96 x 64"):
        read(content, limits=replace(LIMITS, side_px=95))
    with pytest.raises(LimitError, match="found 96 x 64"):
        read(content, limits=replace(LIMITS, pixels=96 * 64 - 1))
    with pytest.raises(LimitError):
        decode.probe(io.BytesIO(content), MediaType.PNG, replace(LIMITS, pixels=100))
    assert read(content, limits=replace(LIMITS, pixels=96 * 64, side_px=96)).width == 96


def test_sr13_no_other_decoder_is_tried():
    with pytest.raises(MediaError):
        decode.read_picture(io.BytesIO(saved(scene(), "PNG")), MediaType.JPEG, LIMITS)
    with pytest.raises(UnsupportedError):
        decode.read_picture(io.BytesIO(b"fLaC"), MediaType.FLAC, LIMITS)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "AVIF"])
def test_case_3_cut_and_damaged_files_are_refused_or_read_never_worse(name):
    content = saved(scene(), name)
    rng = np.random.default_rng(7)
    for length in range(12, len(content), max(len(content) // 25, 1)):
        attempt(content[:length])
    for _ in range(60):
        damaged = bytearray(content)
        for at in rng.integers(8, len(content), 3):
            damaged[at] = rng.integers(0, 256)
        attempt(bytes(damaged))


def attempt(content):
    with contextlib.suppress(MediaError, LimitError, UnsupportedError):
        assert read(content).rgb.shape[2] == 3


def test_encoders_round_trip():
    picture = scene()
    assert worst(read(decode.encode_png(picture)).rgb, picture) == 0
    assert worst(read(decode.encode_jpeg(picture, 95)).rgb, picture) < 24
    assert worst(read(decode.encode_webp(picture, 95)).rgb, picture) < 40
    assert Image.open(io.BytesIO(decode.encode_png(picture[..., 0]))).mode == "L"
    assert Image.open(io.BytesIO(decode.encode_png(np.dstack([picture, picture[..., :1]])))).mode == "RGBA"
