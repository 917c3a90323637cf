"""What was done to an original to make the copy, as values and in plain words.

Coordinates are fractions of the upright picture (0..1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from provenance.comparison import Box, Geometry

#: What is left unsaid, since alignment itself is no finer: cropped share, turn in degrees, change of size, change
#: of the sides' ratio. Source: docs/measurements.md, alignment: corners are placed within half a part in 100.
UNSAID_SHARE: Final = 0.02
UNSAID_DEG: Final = 1.0
UNSAID_SCALE: Final = 0.03
UNSAID_STRETCH: Final = 0.03
#: Bend of a straight line beyond which a copy is seen in perspective: change of scale across the copy.
UNSAID_PERSPECTIVE: Final = 0.05
#: Share of the original's fine detail under which a copy is called softer.
SOFT: Final = 0.7
#: Strength of colours below which a copy is called grey, and from which on and up to which nothing is said; tint and
#: brightness up to which nothing is said, levels. Source: nine plain copies of one photograph (JPEG, WebP, AVIF, GIF,
#: screenshots): 1.01 to 1.02, at most 0.6 and 1; in shades of grey 0.00; through a filter 0.59, brighter by 24.
GREY: Final = 0.1
UNSAID_COLOUR: Final = (0.8, 1.3)
UNSAID_TINT: Final = 8.0
UNSAID_LEVELS: Final = 12.0


@dataclass(frozen=True, slots=True)
class Transformation:
    """How a copy was made from its original, as far as it can be measured.

    Attributes:
        place: Where in the copy the original lies: the rectangle around it.
        shown: Which part of the original the copy shows: the rectangle around it.
        shown_share: Share of the original's area that the copy shows.
        rotation_deg: Clockwise turn, after mirroring where it is mirrored.
        scale: Copy pixels per pixel of the original, along the width.
        stretch: How much wider the copy shows things than the original does, 1 where in proportion.
        mirrored: Left and right exchanged.
        negative: Dark and light exchanged.
        perspective: Relative change of scale across the copy, 0 for a flat one.
        jpeg_quality: Quality of the copy's last JPEG compression, 1..100, by its tables; None for others.
        sharpness: Fine detail of the copy against the original's, 1 for all of it; None where not measurable.
        overlays: Where something was laid over it, in the copy.
        colour: Strength of the copy's colours against the original's, 0 for shades of grey; None where not measurable.
        tint: Colour laid over the whole, levels of Cb and Cr; None where not measurable.
        brightness: Middle change of luma, levels; None where not measurable.
    """

    place: Box
    shown: Box
    shown_share: float
    rotation_deg: float
    scale: float
    stretch: float
    mirrored: bool
    negative: bool
    perspective: float
    jpeg_quality: int | None
    sharpness: float | None
    overlays: tuple[Box, ...] = ()
    colour: float | None = None
    tint: float | None = None
    brightness: float | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """Each thing that was done, as a clause; empty where nothing measurable was."""
        return (*_moved(self), *_changed(self))

    @property
    def sentence(self) -> str:
        """All of it as one sentence with a full stop."""
        done = "; ".join(self.words)
        return (
            f"The original was {done}." if done else "The original is shown whole and unturned, at its size."
        )


def _moved(made: Transformation) -> Iterator[str]:
    """Yield what was done to the frame."""
    if 1 - made.shown_share > UNSAID_SHARE:
        yield f"cropped to {made.shown_share:.0%} ({_box(made.shown)} of it)"
    if made.mirrored:
        yield "mirrored"
    if (turned := _turned(made.rotation_deg)) is not None:
        yield turned
    if made.perspective > UNSAID_PERSPECTIVE:
        yield "tilted in perspective"
    if abs(made.stretch - 1) > UNSAID_STRETCH:
        yield f"stretched to {made.stretch:.2f} times its width"
    if abs(made.scale - 1) > UNSAID_SCALE:
        yield f"{'enlarged' if made.scale > 1 else 'reduced'} to {made.scale:.2f} times its size"
    if made.place.area < 1 - UNSAID_SHARE:
        yield f"placed at {_box(made.place)} of the copy"


def _changed(made: Transformation) -> Iterator[str]:
    """Yield what was done to the pixels."""
    if made.negative:
        yield "turned into a negative"
    if made.overlays:
        covered = min(sum(box.area for box in made.overlays), 1.0)
        count = len(made.overlays)
        yield f"covered in {count} place{'s' if count > 1 else ''} (about {covered:.0%} of the copy)"
    yield from _recoloured(made)
    if made.jpeg_quality is not None:
        yield f"compressed as JPEG at about quality {made.jpeg_quality}"
    if made.sharpness is not None and made.sharpness < SOFT:
        yield f"softened to about {made.sharpness:.0%} of its fine detail"


def _recoloured(made: Transformation) -> Iterator[str]:
    """Yield what a filter did to colours and light."""
    if made.colour is not None:
        if made.colour < GREY:
            yield (
                "turned to shades of grey"
                if (made.tint or 0) <= UNSAID_TINT
                else "turned to shades of one colour"
            )
        elif not UNSAID_COLOUR[0] <= made.colour <= UNSAID_COLOUR[1]:
            way = "weakened" if made.colour < 1 else "strengthened"
            yield f"{way} in its colours to about {made.colour:.0%}"
    if made.tint is not None and made.tint > UNSAID_TINT and (made.colour is None or made.colour >= GREY):
        yield "tinted"
    if made.brightness is not None and abs(made.brightness) > UNSAID_LEVELS:
        yield "brightened" if made.brightness > 0 else "darkened"


def _turned(degrees: float) -> str | None:
    if abs(degrees) < UNSAID_DEG:
        return None
    quarter = round(degrees / 90)
    if abs(degrees - 90 * quarter) < UNSAID_DEG:
        return "turned upside down" if quarter % 2 == 0 else f"turned a quarter {_way(degrees)}"
    return f"rotated {abs(degrees):.0f}° {_way(degrees)}"


def _way(degrees: float) -> str:
    return "clockwise" if degrees > 0 else "anticlockwise"


def _box(box: Box) -> str:
    return f"{box.w:.0%} by {box.h:.0%} at {box.x:.0%}, {box.y:.0%}"


def framing_text(geometry: Geometry) -> str:
    """Return how a film's frames show the original's: the part, mirrored, turned; empty for the whole as it is."""
    share = min(geometry.crop.w, 1.0) * min(geometry.crop.h, 1.0)
    words = [f"show {share:.0%} of the original's picture"] if share < 0.97 else []
    words += ["are mirrored"] if geometry.mirrored else []
    turn = geometry.rotation_deg
    words += [f"are turned by {turn:.0f}°"] if abs(turn) >= 1 else []
    return f"Its frames {' and '.join(words)}." if words else ""
