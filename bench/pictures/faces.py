"""Faces of the set, marked by hand, and the two forgeries made of them: another face, and a warped one.

The swap is what a forger does without a network: the donor's eyes and mouth are brought onto the target's, lightness is
matched, the target's colours are kept, and an ellipse is blended in by Poisson's equation. A trained swapper leaves
softer traces; none is at hand under a free licence, so figures for it are not claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.pictures.raster import Rgb, Rng, fitted, read, sized

Mask = NDArray[np.bool_]
_SOLVAY: Final = "visp-images-data/Solvay_conference_1927_Version2_2126x1463"
# Left eye, right eye, mouth: pixels of the photograph, x and y.
_MARKED: Final[dict[str, tuple[tuple[float, ...], ...]]] = {
    "face_recognition/obama": ((446, 212, 544, 212, 494, 326),),
    "face_recognition/obama2": ((241, 368, 366, 379, 295, 536),),
    "face_recognition/obama3": ((731, 384, 867, 400, 787, 507),),
    "face_recognition/biden": ((529, 322, 652, 348, 569, 466),),
    "scikit-image/astronaut": ((203, 102, 245, 103, 224, 145),),
    _SOLVAY: (
        (1172, 788, 1200, 788, 1187, 820),
        (1528, 785, 1555, 783, 1542, 819),
        (1754, 795, 1781, 790, 1772, 821),
        (1910, 822, 1934, 816, 1928, 847),
        (1380, 785, 1405, 785, 1392, 821),
        (922, 809, 947, 807, 936, 840),
        (689, 803, 714, 802, 703, 828),
        (472, 812, 502, 812, 487, 841),
        (264, 801, 290, 804, 275, 832),
        (1646, 735, 1672, 734, 1660, 764),
        (1042, 716, 1067, 714, 1055, 742),
        (1206, 596, 1232, 596, 1222, 619),
    ),
}
# Mouth to eyes and eye to eye are one and a bit; the ellipse reaches from brows to chin and to the cheeks.
_REACH_ACROSS, _REACH_DOWN = 0.95, 1.15
_SIDE_PX = 1600


@dataclass(frozen=True, slots=True)
class Face:
    """A face in a picture.

    Attributes:
        rgb: The picture, uint8.
        points: float64, shape (3, 2): left eye, right eye and mouth, pixels.
    """

    rgb: Rgb
    points: NDArray[np.float64]

    @property
    def mask(self) -> Mask:
        """The ellipse of eyes, nose, mouth and cheeks, bool of the picture's size."""
        eyes = self.points[:2].mean(axis=0)
        middle = eyes * 0.45 + self.points[2] * 0.55
        across = float(np.linalg.norm(self.points[1] - self.points[0])) * _REACH_ACROSS
        down = float(np.linalg.norm(self.points[2] - eyes)) * _REACH_DOWN
        turn = np.degrees(np.arctan2(*(self.points[1] - self.points[0])[::-1]))
        drawn = np.zeros(self.rgb.shape[:2], np.uint8)
        centre = (round(middle[0]), round(middle[1]))
        cv2.ellipse(drawn, centre, (round(across), round(down)), float(turn), 0, 360, 1, -1)
        return drawn > 0


def marked(name: str, path: Path) -> list[Face]:
    """Return the faces marked in a photograph; none where it is not one of the marked ones."""
    points = _MARKED.get(name, ())
    return [Face(read(path), np.array(one, np.float64).reshape(3, 2)) for one in points] if points else []


def framed(face: Face, share: float, beside: Sequence[Rgb]) -> Face:
    """Return the face in a picture of which its ellipse is about ``share``.

    A larger photograph is cut around the face; one too small for the share gets others beside it, as a page of news
    has, so that the face is a smaller part of the whole.
    """
    area, (height, width) = float(face.mask.sum()), face.rgb.shape[:2]
    wanted = area / share
    made, points = face.rgb, face.points.copy()
    for number in count():
        if made.shape[0] * made.shape[1] >= wanted * 0.97 or not beside:
            break
        other = beside[number % len(beside)]
        made = np.hstack([made, sized(other, round(other.shape[1] * height / other.shape[0]), height)])
    height, width = made.shape[:2]
    keep = min(1.0, float(np.sqrt(wanted / (height * width))))
    rows, columns = round(height * keep), round(width * keep)
    middle = points.mean(axis=0)
    left = int(np.clip(middle[0] - columns * 0.5, 0, width - columns))
    top = int(np.clip(middle[1] - rows * 0.45, 0, height - rows))
    cut = np.ascontiguousarray(made[top : top + rows, left : left + columns])
    factor = min(1.0, _SIDE_PX / max(cut.shape[:2]))
    return Face(fitted(cut, _SIDE_PX), (points - (left, top)) * factor)


def swapped(target: Face, donor: Face) -> tuple[Rgb, Mask]:
    """Return the target's picture with the donor's face in it, and where."""
    mask, (height, width) = target.mask, target.rgb.shape[:2]
    move = cv2.getAffineTransform(donor.points.astype(np.float32), target.points.astype(np.float32))
    laid = np.asarray(cv2.warpAffine(donor.rgb, move, (width, height), flags=cv2.INTER_CUBIC), np.uint8)
    new = cv2.cvtColor(laid, cv2.COLOR_RGB2LAB).astype(np.float32)
    old = cv2.cvtColor(target.rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    here, there = old[..., 0][mask], new[..., 0][mask]
    new[..., 0] = (new[..., 0] - there.mean()) * (here.std() / (there.std() + 1)) + here.mean()
    reach = max(2.0, float(np.sqrt(mask.sum())) / 12)
    new[..., 1:] = cv2.GaussianBlur(old[..., 1:], (0, 0), reach)
    face = np.asarray(cv2.cvtColor(np.clip(new, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB), np.uint8)
    return blended(target.rgb, face, mask), mask


def blended(ground: Rgb, patch: Rgb, mask: Mask) -> Rgb:
    """Return ``ground`` with the masked part of ``patch`` (same size) blended in by Poisson's equation."""
    inner = mask.copy()
    inner[:2] = inner[-2:] = inner[:, :2] = inner[:, -2:] = False
    rows, columns = np.flatnonzero(inner.any(axis=1)), np.flatnonzero(inner.any(axis=0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    centre = (int((columns[0] + columns[-1] + 1) // 2), int((rows[0] + rows[-1] + 1) // 2))
    part = np.ascontiguousarray(patch[box])
    hole = inner[box].astype(np.uint8) * 255
    return np.asarray(cv2.seamlessClone(part, ground, hole, centre, cv2.NORMAL_CLONE), np.uint8)


def warped(rgb: Rgb, mask: Mask, rng: Rng) -> Rgb:
    """Return ``rgb`` with the masked part pulled and swelled smoothly, by up to a tenth of its width."""
    rows, columns = np.nonzero(mask)
    middle = np.array([columns.mean(), rows.mean()])
    reach = float(np.sqrt(mask.sum() / np.pi)) * 1.1
    y, x = np.mgrid[: rgb.shape[0], : rgb.shape[1]].astype(np.float32)
    away = np.hypot(x - middle[0], y - middle[1]) / reach
    fall = np.clip(1 - away, 0, 1) ** 2
    swell = 0.35 if rng.random() < 0.5 else -0.35
    pull = rng.normal(0, 1, 2)
    pull *= 0.2 * reach / np.linalg.norm(pull)
    to_x = x + fall * ((x - middle[0]) * swell + pull[0])
    to_y = y + fall * ((y - middle[1]) * swell + pull[1])
    moved = cv2.remap(
        rgb, to_x.astype(np.float32), to_y.astype(np.float32), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(moved, np.uint8)
