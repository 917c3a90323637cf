"""Looks at moments of films: copies of them, other films, mirrored ones (:mod:`provenance.match.looks`).

Run: ``python -m bench.looks [--folder DIR] [--seconds 20]``. Films come from packages (:mod:`bench.clip_packages`),
both halves, or from a folder of your own. One stored frame a second is held against copies of its film (small at crf
35, darkened, at eight frames a second), against the mirrored copy, and against the films beside it in the list.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np

from bench import clip_film, clip_material, clip_packages
from bench.clip_material import from_folder, originals
from provenance.evidence import Box, Geometry
from provenance.fingerprint.image import Rgb
from provenance.look_tasks import SIDE_PX
from provenance.match import looks, reference
from provenance.match.looks import Look
from provenance.media import decode

_AS_IT_IS: Final = Geometry((1, 0, 0, 0, 1, 0, 0, 0, 1), False, Box(0, 0, 1, 1), 0.0, 1.0, 0)
_TRIED_S: Final = tuple(step * 0.04 for step in range(-7, 8))
_EIGHT: Final = Fraction(8)


def main() -> None:
    """Print what the moments of each kind were taken for, and the likeness of clean ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    halves = [
        originals(clip_packages.cache_folder(), half, "tiny")
        if given.folder is None
        else from_folder(given.folder, half)
        for half in (0, 1)
    ]
    films = [one for half in halves for one in half if one.film]
    stored = [dict(_stored(one.path, min(given.seconds, one.duration_s))) for one in films]
    told: dict[str, Counter[Look]] = {kind: Counter() for kind in ("copy", "mirrored", "another film")}
    likeness: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        for number, one in enumerate(films):
            other = list(stored[(number + 1) % len(films)].values())
            for path in _copies(one.path, given.seconds, Path(scratch)):
                shown = _frames(path, list(stored[number]))
                for at, (time_s, known) in enumerate(stored[number].items()):
                    frames = shown[time_s]
                    seen = looks.look_at(time_s, frames, [known], _AS_IT_IS)
                    likeness.append(seen.likeness)
                    if seen.look is Look.OTHER:
                        print(f"  taken for another picture: {one.name} {path.stem} {time_s:.1f} s")
                    turned = [np.ascontiguousarray(rgb[:, ::-1]) for rgb in frames]
                    told["copy"][seen.look] += 1
                    told["mirrored"][looks.look_at(time_s, turned, [known], _AS_IT_IS).look] += 1
                    foreign = looks.look_at(time_s, frames, [other[at % len(other)]], _AS_IT_IS)
                    told["another film"][foreign.look] += 1
    print(f"{len(films)} films: {', '.join(one.name for one in films)}")
    for kind, counts in told.items():
        print(f"{kind}: " + ", ".join(f"{look.value} {count}" for look, count in counts.most_common()))
    print(f"likeness of copies: mean {np.mean(likeness):.3f}, standard deviation {np.std(likeness):.3f}")


def _stored(path: Path, seconds: float) -> Iterator[tuple[float, Rgb]]:
    with path.open("rb") as file:
        for time_s, rgb in decode.read_frames(file, 1.0, 512, end_s=seconds):
            yield time_s, reference.open_reference(reference.make_frame_reference(rgb))


def _copies(path: Path, seconds: float, scratch: Path) -> Iterator[Path]:
    """Yield copies of the beginning of a film."""
    frames, rate = clip_film.read_film(path, 0.0, seconds)
    small = [clip_film.sized(rgb, 360, round(360 * rgb.shape[0] / rgb.shape[1])) for rgb in frames]
    dark = [np.asarray(rgb * 0.5, np.uint8) for rgb in small]
    step = float(rate / _EIGHT)
    slow = [small[int(at)] for at in np.arange(0, len(small), step)]
    for name, shown, fast, crf in (
        ("crf35", small, rate, 35),
        ("dark", dark, rate, 30),
        ("eight", slow, _EIGHT, 28),
    ):
        clip_material.write_film(scratch / f"{name}.mp4", iter(shown), fast, None, crf=crf, kbps=48)
        yield scratch / f"{name}.mp4"


def _frames(path: Path, times: Sequence[float]) -> dict[float, list[Rgb]]:
    found: dict[float, list[Rgb]] = {}
    with path.open("rb") as file:
        for time_s in times:
            wanted = sorted({max(time_s + step, 0.0) for step in _TRIED_S})
            found[time_s] = [rgb for _, rgb in decode.read_moments(file, wanted, SIDE_PX, within_s=0.09)]
    return found


if __name__ == "__main__":
    main()
