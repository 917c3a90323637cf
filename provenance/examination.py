"""What a worker takes out of a media file: codes, references and the facts of the stream, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Algorithm names of stored codes that are not single pictures' codes; see docs/formats.md.
FRAME_ALGORITHM = "pdq256-frame-v1"
SOUND_ALGORITHM = "chromaprint2-v1"
#: Kinds of stored references.
PICTURE_REFERENCE = "picture"
FEATURE_REFERENCE = "features"
FRAME_REFERENCE = "frame"
FRAME_FEATURE_REFERENCE = "frame-features"
SPECTRUM_REFERENCE = "logmel20"
#: The C2PA manifest store of the signed file, kept so that a copy without it can get it back.
MANIFEST_REFERENCE = "manifest"


#: A part of a picture: left, top, right, bottom as fractions.
Part = tuple[float, float, float, float]
#: The whole picture.
WHOLE: Final[Part] = (0.0, 0.0, 1.0, 1.0)
#: What a part of it is called, for readers.
PART: Final = "a part"


@dataclass(frozen=True, slots=True)
class PictureCode:
    """A code of a picture.

    Attributes:
        algorithm: Name and version.
        value: The code.
        form: What was done to the picture before: ``as it is``, ``mirrored`` ...
        quality: PDQ quality 0..100, or None.
        mirrored: Whether the form is mirrored.
        negative: Whether the form is a negative.
        part: What of the picture it is of.
    """

    algorithm: str
    value: bytes
    form: str
    quality: int | None
    mirrored: bool = False
    negative: bool = False
    part: Part = WHOLE


#: Longest side to which pictures are decoded for codes and comparison; part of every code's version. JPEG
#: decoders reach 960 from 1920 and 3840 pixels by a whole factor, without computing the rest.
DECODE_SIDE_PX: Final = 960


@dataclass(frozen=True, slots=True)
class View:
    """One way of looking at a query picture for local features.

    Attributes:
        mirrored: Left and right exchanged.
        inverted: Dark and light exchanged.
        side_px: Longer side, pixels, that the part looked at is brought to.
        part: What is looked at: left, top, right, bottom as fractions of the picture.
        name: What distinguishes the part, for readers; empty for the whole picture.
    """

    mirrored: bool = False
    inverted: bool = False
    side_px: int = 512
    part: Part = WHOLE
    name: str = ""

    @property
    def words(self) -> str:
        """The view for readers: ``as it is`` or, for example, ``mirrored, negative``."""
        said = (
            "mirrored" if self.mirrored else "",
            "negative" if self.inverted else "",
            f"at {self.side_px} px" if self.side_px != 512 else "",
            self.name,
        )
        return ", ".join(word for word in said if word) or "as it is"

    def shown(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return what the view shows of a picture, uint8, shape (h, w) or (h, w, 3), at the picture's scale."""
        left, top, right, bottom = self.part
        height, width = picture.shape[:2]
        rows = slice(round(top * height), max(round(bottom * height), round(top * height) + 1))
        columns = slice(round(left * width), max(round(right * width), round(left * width) + 1))
        inner = picture[rows, columns]
        inner = inner[:, ::-1] if self.mirrored else inner
        return np.ascontiguousarray(255 - inner if self.inverted else inner)

    def matrix(self) -> NDArray[np.float64]:
        """Return the 3x3 map from fractions of the picture to fractions of the view."""
        left, top, right, bottom = self.part
        across, down = 1 / (right - left), 1 / (bottom - top)
        cut = np.array([[across, 0, -left * across], [0, down, -top * down], [0, 0, 1]], np.float64)
        flip = np.array([[-1, 0, 1], [0, 1, 0], [0, 0, 1]], np.float64)
        return flip @ cut if self.mirrored else cut


@dataclass(frozen=True, slots=True)
class FeatureView:
    """Local features of a query picture looked at in one way.

    Attributes:
        view: The way.
        features: Stored form of the features that are looked up, at least one.
        points: float32, x and y of the features by which the copy is aligned with what is found, as fractions: those
            that are looked up, unrounded, and more; empty where other ones serve for that.
        descriptors: Theirs, 32 bytes each.
    """

    view: View
    features: bytes
    points: bytes = b""
    descriptors: bytes = b""

    def point_array(self) -> NDArray[np.float32]:
        """Return the points, float32, shape (n, 2)."""
        return np.frombuffer(self.points, "<f4").reshape(-1, 2)

    def descriptor_array(self) -> NDArray[np.uint8]:
        """Return the descriptors, uint8, shape (n, 32)."""
        return np.frombuffer(self.descriptors, np.uint8).reshape(-1, 32)


@dataclass(frozen=True, slots=True)
class Look:
    """What a query picture, or parts of it, is looked up by.

    Attributes:
        codes: Codes in all forms; none of what is too small or too flat.
        views: Local features in the views that are looked up.
    """

    codes: tuple[PictureCode, ...]
    views: tuple[FeatureView, ...]


@dataclass(frozen=True, slots=True)
class Pixels:
    """A decoded picture, handed on so that it is decoded once only.

    Attributes:
        rgb: uint8 values, row by row, three to a pixel.
        rows: Height of these pixels.
        columns: Width of these pixels.
        width: Of the whole upright picture, pixels.
        height: Of the whole upright picture, pixels.
        jpeg_quality: Quality of its compression, 1..100; None where it is no JPEG.
    """

    rgb: bytes
    rows: int
    columns: int
    width: int
    height: int
    jpeg_quality: int | None

    def __post_init__(self) -> None:
        if min(self.rows, self.columns) < 1 or len(self.rgb) != 3 * self.rows * self.columns:
            raise ValueError(f"{self.columns} x {self.rows} pixels are not {len(self.rgb)} bytes")

    def array(self) -> NDArray[np.uint8]:
        """Return the pixels, uint8, shape (rows, columns, 3)."""
        return np.frombuffer(self.rgb, np.uint8).reshape(self.rows, self.columns, 3)


@dataclass(frozen=True, slots=True)
class PictureExam:
    """A picture's codes and local features.

    Attributes:
        codes: Codes; for a query in all forms, for registration as it is.
        features: Stored form of its local features (registration only), or None where it has none.
        views: Local features in the views that are looked up (queries only).
        reference: Stored reference picture (registration only).
        pixels: The picture itself, for what follows (queries only).
    """

    codes: tuple[PictureCode, ...]
    features: bytes | None
    views: tuple[FeatureView, ...]
    reference: bytes | None
    pixels: Pixels | None = None


@dataclass(frozen=True, slots=True)
class FrameTrack:
    """Codes of a film's frames.

    Attributes:
        codes: n codes of 32 bytes each.
        times: n float64 seconds, little-endian.
    """

    codes: bytes
    times: bytes

    def code_array(self) -> NDArray[np.uint8]:
        """Return the codes, uint8, shape (n, 32)."""
        return np.frombuffer(self.codes, np.uint8).reshape(-1, 32)

    def time_array(self) -> NDArray[np.float64]:
        """Return the times, float64 seconds, shape (n,)."""
        return np.frombuffer(self.times, "<f8").astype(np.float64)


@dataclass(frozen=True, slots=True)
class SoundTrack:
    """Codes and spectrum of a sound track.

    Attributes:
        codes: n uint32 codes, little-endian.
        spectrum: m rows of 32 bytes: mel bands at twenty frames a second.
        duration_s: Length of the sound, seconds.
        pitched: Codes of a copy taken as :data:`provenance.fingerprint.sound.PITCHES` semitones too high, in that
            order; none of a registered asset.
    """

    codes: bytes
    spectrum: bytes
    duration_s: float
    pitched: tuple[bytes, ...] = ()

    def code_array(self) -> NDArray[np.uint32]:
        """Return the codes, uint32, shape (n,)."""
        return np.frombuffer(self.codes, "<u4").astype(np.uint32)

    def forms(self) -> list[NDArray[np.uint32]]:
        """Return the codes as they are and at the other pitches, uint32, shape (n,) each."""
        return [np.frombuffer(one, "<u4").astype(np.uint32) for one in (self.codes, *self.pitched)]

    def spectrum_array(self) -> NDArray[np.uint8]:
        """Return the spectrum, uint8, shape (m, 32)."""
        return np.frombuffer(self.spectrum, np.uint8).reshape(-1, 32)


@dataclass(frozen=True, slots=True)
class Examination:
    """All that was taken out of one file.

    Attributes:
        width: Upright width in pixels, or None without picture.
        height: Upright height in pixels, or None.
        duration_s: Length of film or recording, seconds, or None.
        picture: Of a picture.
        frames: Of a film.
        sound: Of a film or recording.
        refusals: Why a part cannot be matched: too flat, too small, too quiet.
        notes: Findings about the file worth a reader's attention.
    """

    width: int | None
    height: int | None
    duration_s: float | None
    picture: PictureExam | None
    frames: FrameTrack | None
    sound: SoundTrack | None
    refusals: tuple[str, ...]
    notes: tuple[str, ...]
