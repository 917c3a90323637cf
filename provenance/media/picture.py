"""Pictures from open files: header limits first, then upright sRGB pixels, with notes on what else is inside.

Decode path ``d1``: JPEG pictures larger than asked for are decoded by Pillow's draft at the smallest of the
scales 1, 1/2, 1/4, 1/8 that still has one and a half times the asked side, then reduced with Lanczos to the
asked side; other formats are decoded whole and reduced the same way. ICC profiles are converted to sRGB
(perceptual), transparency is laid on white, then the EXIF orientation is applied. Fingerprints depend on
this, so the path is part of their version.
"""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

# The plug-ins are imported here, while the process may still read its own library.
from PIL import (  # noqa: F401
    AvifImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageCms,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from provenance.errors import LimitError, MediaError, UnsupportedError
from provenance.media.asset import MediaType
from provenance.media.structure import MAX_ICC_BYTES, check_structure, gif_frames, has_second_jpeg
from provenance.settings import Limits

#: Name of the way pixels are made; changes when any pixel may change.
DECODE_PATH: Final = "d1"
#: An EXIF thumbnail is another picture below this correlation with the picture, both as 32 x 32 gray. Same
#: pictures at thumbnail quality gave 0.98 and more, two different photographs less than 0.5.
THUMBNAIL_CORRELATION: Final = 0.8

Rgb = npt.NDArray[np.uint8]

Image.preinit()  # imports the rest of what Image.open touches, while files are in reach

_FORMATS: Final = {
    MediaType.JPEG: "JPEG",
    MediaType.PNG: "PNG",
    MediaType.WEBP: "WEBP",
    MediaType.TIFF: "TIFF",
    MediaType.GIF: "GIF",
    MediaType.AVIF: "AVIF",
    MediaType.HEIC: "HEIF",
}
#: What Pillow and its plug-ins raise on hostile bytes; MemoryError is deliberately not among them.
_REFUSALS: Final = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    ArithmeticError,
    TypeError,
    AttributeError,
    AssertionError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
)
_ORIENTATION: Final = 0x0112
_THUMBNAIL_AT, _THUMBNAIL_LENGTH = 0x0201, 0x0202
_THUMBNAIL_SIDE: Final = 1024
_K1_SUM: Final = 3688
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Modes that can be reduced before their colours are converted, which is cheaper; the others hold indices.
_RESIZABLE: Final = frozenset({"L", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"})


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded picture.

    Attributes:
        rgb: uint8, shape (H, W, 3), sRGB, upright, transparency on white.
        width: Width of the full upright picture, pixels.
        height: Height of the full upright picture, pixels.
        notes: What a reader should know about the file, as sentences without a full stop.
        jpeg_quality: Quality of its compression, 1..100, read off the tables of a JPEG file; else None.
    """

    rgb: Rgb
    width: int
    height: int
    notes: tuple[str, ...] = ()
    jpeg_quality: int | None = None


def picture_size(file: BinaryIO, media_type: MediaType, limits: Limits) -> tuple[int, int]:
    """Return width and height of the upright picture from the header alone.

    Raises:
        MediaError: The header cannot be read.
        LimitError: Over the limit of sides or pixels.
    """
    with _guard(limits), _open(file, media_type, limits) as image:
        # Pillow gives the size of a TIFF picture as it will stand after loading.
        upright = media_type is MediaType.TIFF
        return _turned(image.size, 1 if upright else _orientation(image, []))


@contextlib.contextmanager
def opened_picture(file: BinaryIO, media_type: MediaType, limits: Limits) -> Iterator[Image.Image]:
    """Give the picture with its header read and no pixel decoded, for those who read its fields.

    Raises:
        MediaError: The header cannot be read.
        LimitError: Over the limit of sides or pixels.
        UnsupportedError: ``media_type`` is no picture.
    """
    check_structure(file, media_type)
    with _guard(limits), _open(file, media_type, limits) as image:
        yield image


def read_picture(
    file: BinaryIO, media_type: MediaType, limits: Limits, max_side: int | None = None
) -> Picture:
    """Return the picture in ``file``, the first one where there are several.

    Args:
        file: The media, at any position.
        media_type: Its sniffed type; no other decoder is tried.
        limits: Pixels, side and number of animation frames; checked before decoding.
        max_side: Longest side wanted, pixels; a larger picture is reduced to it. None decodes it whole.

    Raises:
        MediaError: It cannot be decoded as ``media_type``.
        LimitError: It is over a limit.
        UnsupportedError: ``media_type`` is no picture.

    Source: security.md SR-12, SR-13.
    """
    check_structure(file, media_type)
    with _guard(limits), _open(file, media_type, limits) as image:
        notes = _frame_notes(file, image, media_type, limits)
        full = image.size
        target = _target(full, max_side)
        if target != full and media_type is MediaType.JPEG:
            image.draft(None, (target[0] * 3 // 2, target[1] * 3 // 2))
        image.load()
        orientation = _orientation(image, notes)
        quality = None
        if media_type is MediaType.JPEG:
            notes.extend(_thumbnail_note(image))
            quality = _jpeg_quality(image)
        flat = _to_rgb(image, target, notes)
    if orientation in _UPRIGHT:
        flat = flat.transpose(_UPRIGHT[orientation])
    width, height = _turned(full, orientation)
    return Picture(np.ascontiguousarray(np.asarray(flat, np.uint8)), width, height, tuple(notes), quality)


class _guard:  # noqa: N801 - reads as a keyword at its places of use
    """Turns what decoders raise into the product's errors and silences warnings that are errors or notes here."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._warnings = warnings.catch_warnings()

    def __enter__(self) -> None:
        self._warnings.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._warnings.__exit__(kind, error, None)
        if isinstance(error, Image.DecompressionBombError):
            raise LimitError(
                f"expected at most {self._limits.pixels} pixels, found more", hint="reduce the picture"
            ) from error
        if isinstance(error, UnidentifiedImageError):  # its text names the file object
            raise MediaError("the picture has no readable header", hint="the file is damaged") from error
        if isinstance(error, _REFUSALS):
            raise MediaError(
                f"the picture cannot be decoded: {error}"[:300], hint="the file is damaged; fetch it again"
            ) from error


def _open(file: BinaryIO, media_type: MediaType, limits: Limits) -> Image.Image:
    if media_type not in _FORMATS:
        raise UnsupportedError(f"expected a picture, found {media_type.value}")
    file.seek(0)
    Image.MAX_IMAGE_PIXELS = None  # the header is judged by our own limits, here
    image = Image.open(file, formats=(_FORMATS[media_type],))
    width, height = image.size
    if max(width, height) > limits.side_px or width * height > limits.pixels:
        raise LimitError(
            f"expected at most {limits.side_px} pixels a side and {limits.pixels} in all, "
            f"found {width} x {height}",
            hint="reduce the picture, or raise side_px and pixels",
        )
    # Some plug-ins enlarge the picture after the header; Pillow refuses at twice this number.
    Image.MAX_IMAGE_PIXELS = limits.pixels // 2 + 1
    profile = image.info.get("icc_profile") or b""
    if len(profile) > MAX_ICC_BYTES:
        raise MediaError(f"expected a colour profile of at most {MAX_ICC_BYTES} bytes, found {len(profile)}")
    return image


def _target(size: tuple[int, int], max_side: int | None) -> tuple[int, int]:
    if max_side is None or max(size) <= max_side:
        return size
    scale = max_side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _turned(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return (size[1], size[0]) if orientation >= 5 else size


def _orientation(image: Image.Image, notes: list[str]) -> int:
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except _REFUSALS:
        notes.append("the EXIF data cannot be read; the picture is taken as it is stored")
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _frame_notes(file: BinaryIO, image: Image.Image, media_type: MediaType, limits: Limits) -> list[str]:
    count = _count_frames(file, image, media_type, limits.animation_frames)
    if count > limits.animation_frames:
        raise LimitError(
            f"expected at most {limits.animation_frames} pictures in one file, found more",
            hint="send the animation as a film",
        )
    notes = []
    if media_type is MediaType.JPEG:
        if count > 1:
            notes.append(f"the file holds {count} pictures; only the first was looked at")
        else:
            file.seek(0)
            if has_second_jpeg(file.read()):
                notes.append("a second picture follows the end of the first; it was not looked at")
            file.seek(0)
            image.seek(0)
    elif count > 1:
        notes.append(f"the file holds {count} pictures or animation frames; only the first was looked at")
    return notes


def _count_frames(file: BinaryIO, image: Image.Image, media_type: MediaType, most: int) -> int:
    at = file.tell()
    count = 1
    if media_type is MediaType.GIF:
        count = gif_frames(file, most)
    elif media_type is MediaType.TIFF:  # directory by directory: a long or cyclic chain ends at the bound
        try:
            while count <= most:
                image.seek(count)
                count += 1
        except EOFError:
            pass
        image.seek(0)
        return count
    else:
        count = getattr(image, "n_frames", 1)
    file.seek(at)
    return count


def _to_rgb(image: Image.Image, target: tuple[int, int], notes: list[str]) -> Image.Image:
    profile = image.info.get("icc_profile")
    made = _eight_bits(image, notes)
    if made.mode not in _RESIZABLE:
        transparent = "transparency" in image.info or made.mode in ("PA", "La", "RGBa")
        made = made.convert("RGBA" if transparent else "RGB")
    if made.size != target:
        made = made.resize(target, Image.Resampling.LANCZOS)
    alpha = made.getchannel("A") if made.mode in ("LA", "RGBA") else None
    if alpha is not None:
        made = made.convert(made.mode.removesuffix("A"))
    if profile:
        made = _to_srgb(made, profile, notes)
    made = made.convert("RGB")
    if alpha is None:
        return made
    white = Image.new("RGB", made.size, "white")
    white.paste(made, mask=alpha)
    return white


def _eight_bits(image: Image.Image, notes: list[str]) -> Image.Image:
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray((values >> 8).astype(np.uint8))
    finite = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(finite.max())
    notes.append("the picture has 32 bits per value; they were stretched from lowest to highest")
    return Image.fromarray(((finite - low) * (255.0 / max(high - low, 1e-12))).astype(np.uint8))


_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _to_srgb(image: Image.Image, profile: bytes, notes: list[str]) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        made = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        notes.append("the colour profile does not fit the picture and was ignored")
        return image
    return made if made is not None else image


def _thumbnail_note(image: Image.Image) -> list[str]:
    try:
        exif = image.getexif()
        entry = exif.get_ifd(ExifTags.IFD.IFD1)
        raw = (image.info.get("exif") or b"").removeprefix(b"Exif\x00\x00")
        at, length = int(entry.get(_THUMBNAIL_AT, 0)), int(entry.get(_THUMBNAIL_LENGTH, 0))
        if not at or not length:
            return []
        with Image.open(io.BytesIO(raw[at : at + length]), formats=("JPEG",)) as thumbnail:
            if max(thumbnail.size) > _THUMBNAIL_SIDE:
                return ["the EXIF thumbnail is larger than thumbnails are; it was not looked at"]
            same = _same_picture(image, thumbnail)
    except _REFUSALS:
        return ["the EXIF thumbnail cannot be read"]
    return [] if same else ["the EXIF thumbnail shows another picture than the file"]


def _same_picture(image: Image.Image, thumbnail: Image.Image) -> bool:
    # Cameras put 3:2 pictures into 4:3 thumbnails with black bars: only the middle shows the picture.
    scale = min(thumbnail.width / image.width, thumbnail.height / image.height)
    half = (image.width * scale / 2, image.height * scale / 2)
    middle = (thumbnail.width / 2, thumbnail.height / 2)
    box = (middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1])
    small = image.convert("L").resize((32, 32), Image.Resampling.BOX)
    other = thumbnail.convert("L").resize((32, 32), Image.Resampling.BOX, box=box)
    first, second = (np.asarray(one, np.float64).ravel() for one in (small, other))
    if min(first.std(), second.std()) < 2.0:  # a flat picture correlates with nothing
        return bool(abs(first.mean() - second.mean()) < 16.0 and max(first.std(), second.std()) < 16.0)
    return bool(np.corrcoef(first, second)[0, 1] >= THUMBNAIL_CORRELATION)


def _jpeg_quality(image: Image.Image) -> int | None:
    """Return the quality whose tables, by the formula of the IJG library, are nearest to the file's.

    Source: libjpeg, jcparam.c, jpeg_quality_scaling: the tables of ISO 10918-1, K.1, times 50/q below 50 and
    2 - q/50 above; the sum of table K.1 is 3,688.
    """
    tables: dict[int, list[int]] = getattr(image, "quantization", {})
    if not tables.get(0):
        return None
    scale = sum(tables[0]) / _K1_SUM
    return max(1, min(100, round(50 / scale if scale > 1 else 100 - 50 * scale)))


# --- encoding --------------------------------------------------------------------------------------------


def encode_webp(rgb: Rgb, quality: int = 80) -> bytes:
    """Return ``rgb`` (uint8, (H, W, 3)) as lossy WebP; ``quality`` 0..100, 100 is not lossless."""
    return _encode(rgb, "WEBP", quality=quality, method=4)


def encode_jpeg(rgb: Rgb, quality: int = 85) -> bytes:
    """Return ``rgb`` (uint8, (H, W, 3)) as baseline JPEG with 4:2:0 chroma; ``quality`` 1..95."""
    return _encode(rgb, "JPEG", quality=quality)


def encode_png(pixels: Rgb) -> bytes:
    """Return ``pixels`` (uint8, (H, W), (H, W, 3) or (H, W, 4)) as PNG, without loss."""
    return _encode(pixels, "PNG", compress_level=6)


def _encode(pixels: Rgb, name: str, **options: int) -> bytes:
    made = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(made, name, **options)
    return made.getvalue()
