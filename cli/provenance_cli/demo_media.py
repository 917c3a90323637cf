"""The copies a person would meet, made of real media: recompressed, cropped, pasted over, cut, damaged.

Source material comes from installed packages (``pip install content-provenance[samples]``): photographs of
scikit-image (public domain), film and recordings of iscc-samples (CC-BY-4.0).
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from PIL import Image, ImageDraw

from provenance.errors import ConfigError


def sample(package: str, name: str) -> Path:
    """Return the path of a media file that an installed distribution carries.

    Raises:
        ConfigError: The distribution is not installed or carries no such file.
    """
    try:
        carried = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError as cause:
        raise _missing(package) from cause
    for one in carried:
        if one.as_posix().endswith(name):
            return Path(str(one.locate()))
    raise _missing(package)


def _missing(package: str) -> ConfigError:
    return ConfigError(
        f"the demo needs sample media of {package}", hint="pip install 'content-provenance[samples]'"
    )


def photograph(name: str, target: Path) -> None:
    """Write a sample photograph as a JPEG of quality 92."""
    with Image.open(sample("scikit-image", f"skimage/data/{name}")) as picture:
        picture.convert("RGB").save(target, "JPEG", quality=92)


def generated_picture(target: Path) -> None:
    """Write a picture that a program made: layered waves in colour, plainly no photograph."""
    y, x = np.mgrid[0:600, 0:800] / 600.0
    waves = np.stack(
        [
            np.sin(9 * x + 4 * np.sin(5 * y + k)) + np.cos(13 * y * x + 2 * k + 3 * np.sin(7 * x))
            for k in range(3)
        ],
        axis=2,
    )
    rng = np.random.default_rng(11)
    for _ in range(40):
        cx, cy, r = rng.uniform(0, 1.33), rng.uniform(0, 1), rng.uniform(0.02, 0.12)
        waves[np.hypot(x - cx, y - cy) < r] += rng.uniform(-1.5, 1.5, 3)
    pixels = np.clip((waves + 3) / 6 * 255, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(target, "PNG")


def recompressed(source: Path, target: Path, *, side_px: int = 1080, quality: int = 70) -> None:
    """Write what a platform makes of a picture: no metadata, at most ``side_px``, JPEG ``quality``."""
    with Image.open(source) as picture:
        small = picture.convert("RGB")
        small.thumbnail((side_px, side_px))
        small.save(target, "JPEG", quality=quality)


def cropped_and_captioned(source: Path, target: Path) -> None:
    """Write the picture cropped to 80 % with a caption bar below."""
    with Image.open(source) as picture:
        width, height = picture.size
        part = picture.convert("RGB").crop((width // 10, height // 10, width * 9 // 10, height * 9 // 10))
    bar = max(part.height // 9, 24)
    canvas = Image.new("RGB", (part.width, part.height + bar), "black")
    canvas.paste(part, (0, 0))
    ImageDraw.Draw(canvas).text(
        (12, part.height + bar // 4), "Shared by thousands: what they saw", fill="white"
    )
    canvas.save(target, "JPEG", quality=82)


def pasted_over(source: Path, foreign: Path, target: Path, box: tuple[float, float, float, float]) -> None:
    """Write the picture with a part of another one pasted into ``box`` (fractions x, y, w, h)."""
    with Image.open(source) as picture, Image.open(foreign) as other:
        canvas = picture.convert("RGB")
        width, height = canvas.size
        size = (round(box[2] * width), round(box[3] * height))
        patch = other.convert("RGB").crop((150, 60, 300, 210)).resize(size)
        canvas.paste(patch, (round(box[0] * width), round(box[1] * height)))
        canvas.save(target, "JPEG", quality=85)


def face_swapped(source: Path, target: Path, box: tuple[float, float, float, float]) -> None:
    """Write the picture with other features blended into the face in ``box`` (fractions x, y, w, h).

    The sample packages hold one portrait, so the other face is the same one mirrored, lengthened and narrowed: its
    features are no longer those of the photograph, and Poisson blending leaves no seam.
    """
    with Image.open(source) as picture:
        rgb = np.asarray(picture.convert("RGB"))
    height, width = rgb.shape[:2]
    left, top, w, h = (round(v * s) for v, s in zip(box, (width, height, width, height), strict=True))
    face = np.ascontiguousarray(rgb[top : top + h, left : left + w][:, ::-1])
    other = cv2.resize(face, (round(w * 0.9), round(h * 1.12)), interpolation=cv2.INTER_CUBIC)
    mask = np.zeros(other.shape[:2], np.uint8)
    cv2.ellipse(mask, (other.shape[1] // 2, len(other) // 2), (w * 2 // 5, h // 2), 0, 0, 360, 255, -1)
    centre = (left + w // 2, top + h // 2)
    blended = cv2.seamlessClone(other, rgb.copy(), mask, centre, cv2.NORMAL_CLONE)
    Image.fromarray(np.asarray(blended, np.uint8)).save(target, "JPEG", quality=85)


def flipped(source: Path, target: Path, position: int) -> None:
    """Write the file with one bit of the byte at ``position`` flipped."""
    content = bytearray(source.read_bytes())
    content[position] ^= 0x10
    target.write_bytes(bytes(content))


def clip(
    source: Path,
    target: Path,
    start_s: float,
    length_s: float,
    *,
    height: int = 360,
    sound: Path | None = None,
) -> None:
    """Write a stretch of a film at another size and bit rate, with its own sound or that of another file."""
    with av.open(str(target), "w") as out, av.open(str(source)) as film:
        shown = film.streams.video[0]
        width = round(shown.width * height / shown.height / 2) * 2
        rate = Fraction(shown.guessed_rate or 25)
        video = out.add_stream("libx264", rate=rate)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.options = {"crf": "28", "preset": "veryfast"}
        audio = out.add_stream("aac", rate=44_100)
        audio.layout = "mono"
        count = 0
        for frame in film.decode(video=0):
            if frame.time < start_s:
                continue
            if frame.time >= start_s + length_s:
                break
            picture = frame.reformat(width=width, height=height, format="yuv420p")
            picture.pts, picture.time_base = count, 1 / rate
            count += 1
            out.mux(video.encode(picture))
        out.mux(video.encode(None))
        for piece in sound_pieces(sound or source, 0.0 if sound else start_s, length_s):
            out.mux(audio.encode(piece))
        out.mux(audio.encode(None))


def recording(source: Path, target: Path, *, codec: str, bit_rate: int | None = None) -> None:
    """Write the whole sound of a file in another codec."""
    with av.open(str(target), "w") as out:
        stream = cast("av.AudioStream", out.add_stream(codec, rate=44_100))
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        stream.layout = "mono"
        for piece in sound_pieces(source, 0.0, 3600.0):
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))


def spliced(source: Path, other: Path, target: Path, *, at_s: float, length_s: float) -> None:
    """Write a recording as MP3 with a stretch replaced by as long a stretch of another one, at the same level."""
    whole, foreign = (_samples(one, 0.0, 3600.0).astype(np.float64) for one in (source, other))
    part = slice(round(at_s * 44_100), round((at_s + length_s) * 44_100))
    level = np.sqrt(np.mean(whole[part] ** 2) / np.mean(foreign[part] ** 2))
    whole[part] = foreign[part] * level
    with av.open(str(target), "w") as out:
        stream = out.add_stream("libmp3lame", rate=44_100)
        stream.bit_rate, stream.layout = 96_000, "mono"
        for piece in _pieces(np.clip(whole, -32_768, 32_767).astype(np.int16)):
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))


def sound_pieces(source: Path, start_s: float, length_s: float) -> Iterator[av.AudioFrame]:
    """Yield mono 44.1 kHz frames of a stretch of sound with times from zero."""
    yield from _pieces(_samples(source, start_s, length_s))


def _samples(source: Path, start_s: float, length_s: float) -> np.ndarray:
    """Return a stretch of sound, int16, mono, 44.1 kHz."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=44_100)
    samples: list[np.ndarray] = []
    with av.open(str(source)) as medium:
        for frame in medium.decode(audio=0):
            if frame.time is not None and frame.time >= start_s + length_s + 1:
                break
            samples += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
    return np.concatenate(samples)[round(start_s * 44_100) :][: round(length_s * 44_100)]


def _pieces(joined: np.ndarray) -> Iterator[av.AudioFrame]:
    for at in range(0, len(joined), 1024):
        piece = av.AudioFrame.from_ndarray(joined[None, at : at + 1024], format="s16p", layout="mono")
        piece.sample_rate, piece.pts, piece.time_base = 44_100, at, Fraction(1, 44_100)
        yield piece
