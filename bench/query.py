"""CPU time of one picture query against a large registry, step by step, and the memory it takes.

Run: ``python -m bench.query [--sizes 1000 10000 100000] [--pictures 5]``. Registered are the photographs of
scikit-image and, up to the size asked for, synthetic pictures: the features of a photograph with 60 of 256
bits flipped in each and a random code. Queries are 1920 x 1080 JPEGs (quality 85): a crop of a registered
photograph, one with a caption, and an unregistered photograph. All work of the media workers is done in this
process, so that its CPU time counts; passing messages between processes is not in it.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.descriptors import flipped, resident_mb
from provenance import tasks
from provenance.examination import FEATURE_REFERENCE, Examination
from provenance.fingerprint.local import Features
from provenance.match.picture_finder import PictureFinder
from provenance.media.asset import MediaType
from provenance.media.sandbox import Job
from provenance.plain import from_plain
from provenance.settings import Limits

Rgb = NDArray[np.uint8]
NAMES = (
    "astronaut.png",
    "coffee.png",
    "chelsea.png",
    "rocket.jpg",
    "motorcycle_left.png",
    "hubble_deep_field.jpg",
)


class InProcess:
    """Stands in for the worker pool: runs tasks here and counts their CPU time by name."""

    def __init__(self) -> None:
        self.cpu_s: defaultdict[str, float] = defaultdict(float)

    def run(self, name: str, paths: Sequence[Path], params: Mapping[str, object], **_more: float) -> object:
        """Return what the task answers."""
        started = time.process_time()
        with ExitStack() as opened:
            files_here = tuple(opened.enter_context(path.open("rb")) for path in paths)
            answer = tasks.TASKS[name](cast("Job", _HereJob(files_here, params, Limits())))
        self.cpu_s[name] += time.process_time() - started
        return answer


@dataclass(frozen=True)
class _HereJob:
    files: tuple[Any, ...]
    params: Mapping[str, object]
    limits: Limits


@dataclass(frozen=True)
class _Stored:
    blob: bytes
    time_s: float | None = None


@dataclass(frozen=True)
class _Record:
    asset_id: str
    width: int
    height: int


class Registry:
    """Registered pictures, real ones and made ones that share their references."""

    def __init__(self, real: Sequence[Examination], size: int) -> None:
        self._real, self._size = real, size
        self._rng = np.random.default_rng(1)
        self._features = [Features.from_bytes(one.picture.features or b"") for one in real if one.picture]
        self._codes = self._rng.integers(0, 256, (size, 32), np.uint8)
        for place, one in enumerate(real):
            assert one.picture is not None
            self._codes[place] = np.frombuffer(one.picture.codes[0].value, np.uint8)

    def redacted_between(self, _start: int, _stop: int) -> bool:
        """Nothing is ever redacted here."""
        return False

    def codes_after(self, _algorithm: str, _index: int) -> Iterator[tuple[str, int, float | None, bytes]]:
        """Yield the codes of all."""
        for place in range(self._size):
            yield str(place), place, None, self._codes[place].tobytes()

    def references(self, asset_id: str, kind: str) -> list[_Stored]:
        """Return features or picture of an asset."""
        place = int(asset_id)
        own = self._real[place % len(self._real)].picture
        assert own is not None
        if kind != FEATURE_REFERENCE:
            return [_Stored(own.reference or b"")]
        if place < len(self._real):
            return [_Stored(own.features or b"")]
        found = self._features[place % len(self._real)]
        made = flipped(found.descriptors, np.full(len(found), 60), self._rng)
        return [_Stored(Features(found.points, found.angle, found.octave, made).to_bytes())]

    def record(self, asset_id: str) -> _Record:
        """Return an asset."""
        own = self._real[int(asset_id) % len(self._real)]
        return _Record(asset_id, own.width or 1, own.height or 1)


def hd(name: str) -> Rgb:
    """Return a photograph of scikit-image at 1920 x 1080, cut to the format."""
    [path] = [
        Path(str(one.locate()))
        for one in files("scikit-image") or ()
        if one.as_posix().endswith(f"data/{name}")
    ]
    with Image.open(path) as picture:
        rgb = picture.convert("RGB")
        scale = max(1920 / rgb.width, 1080 / rgb.height)
        rgb = rgb.resize((round(rgb.width * scale), round(rgb.height * scale)))
        return np.asarray(rgb.crop((0, 0, 1920, 1080)))


def jpeg(rgb: Rgb) -> bytes:
    """Return ``rgb`` as JPEG of quality 85."""
    made = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(made, "JPEG", quality=85)
    return made.getvalue()


def queries(registered: Rgb, other: Rgb) -> Iterator[tuple[str, bytes]]:
    """Yield the queries by name."""
    part = cv2.resize(np.ascontiguousarray(registered[100:900, 250:1672]), (1920, 1080))
    captioned = registered.copy()
    cv2.putText(captioned, "BREAKING NEWS", (200, 950), cv2.FONT_HERSHEY_DUPLEX, 5, (255, 255, 255), 14)
    yield "crop to 55 %", jpeg(np.asarray(part, np.uint8))
    yield "caption", jpeg(captioned)
    yield "unregistered", jpeg(other)


def examined(pool: InProcess, path: Path, *, register: bool) -> Examination:
    """Return what is taken out of a JPEG."""
    params = {"media_type": MediaType.JPEG.value, "register": register}
    return from_plain(Examination, pool.run("examine", [path], params, timeout_s=60))


def main() -> None:
    """Print one line for each size and query."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    options.add_argument("--repeat", type=int, default=3)
    given = options.parse_args()
    cv2.setNumThreads(1)
    pool = InProcess()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture.jpg")
        real = []
        for name in NAMES[:-1]:
            path.write_bytes(jpeg(hd(name)))
            real.append(examined(pool, path, register=True))
        for size in given.sizes:
            before, started = resident_mb(), time.process_time()
            finder = PictureFinder(pool, Registry(real, size), Limits())  # type: ignore[arg-type]
            finder.take_in(-1)
            memory, built = resident_mb() - before, time.process_time() - started
            print(
                f"{size:>9,} registered: {1e3 * memory / size:.1f} kB each, taken in within {built:.0f} s CPU"
            )
            for name, content in queries(hd(NAMES[0]), hd(NAMES[-1])):
                path.write_bytes(content)
                print(f"{'':>9} {name:<14} {measured(pool, finder, path, given.repeat)}", flush=True)


def measured(pool: InProcess, finder: PictureFinder, path: Path, repeat: int) -> str:
    """Return the median CPU time of a query and its steps."""
    every, steps, found = [], [], []
    for _ in range(repeat):
        pool.cpu_s.clear()
        started = time.process_time()
        exam = examined(pool, path, register=False).picture
        found = finder.find(exam) if exam is not None else []
        every.append(time.process_time() - started)
        look_up = every[-1] - sum(pool.cpu_s.values())
        steps.append({**pool.cpu_s, "look-up and the rest": look_up})
    chosen = steps[int(np.argsort(every)[len(every) // 2])]
    parts = ", ".join(f"{name} {1e3 * spent:.0f}" for name, spent in chosen.items())
    confirmed = sum(match.confirmed for match in found)
    return f"{1e3 * float(np.median(every)):6.0f} ms CPU ({parts}); {confirmed} confirmed of {len(found)}"


if __name__ == "__main__":
    main()
