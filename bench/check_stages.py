"""CPU time of the whole check of a picture, stage by stage: ``OMP_NUM_THREADS=1 python -m bench.check_stages``.

The product's own functions run in this process over a small registry (six photographs and eight smooth
look-alikes) and are timed where they are called; a stage that is part of another one stands indented under it.
Passing messages between processes is not in it, nor are credentials, the database and HTTP: ``bench.load`` has them.
"""

from __future__ import annotations

import argparse
import os
import pkgutil
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final
from unittest.mock import patch

import cv2

from bench import copies
from bench.pictures.product import Card, Gallery, Product, card_of
from bench.pictures.raster import File

#: Stages in the order of a check: depth, name for readers, and the function as its caller names it.
STAGES: Final = (
    (0, "examine", "bench.pictures.product.examine"),
    (1, "decode", "provenance.media.decode.read_picture"),
    (1, "codes", "provenance.fingerprint.views.codes"),
    (1, "panels", "provenance.fingerprint.panels.gutter_panels"),
    (0, "look up codes", "provenance.match.pictures.PictureBook.by_code"),
    (0, "look up features", "provenance.match.pictures.PictureBook.by_features"),
    (0, "align with candidates", "provenance.picture_tasks.aligned"),
    (1, "refine", "provenance.match.align.refined"),
    (0, "compare", "provenance.picture_tasks.compared"),
    (1, "tone and light", "provenance.match.residual.toned"),
    (1, "settle", "provenance.match.residual.settled"),
    (1, "residual, all of it", "provenance.match.compare.residual"),
    (1, "find faces", "provenance.media.faces.find_faces"),
    (0, "shared part", "provenance.picture_tasks.shared_part"),
    (0, "lay down the picture of the answer", "provenance.report.draw.sketch"),
    (0, "local features, anywhere", "provenance.fingerprint.local.features"),
)


class Clock:
    """CPU seconds by stage."""

    def __init__(self) -> None:
        self.cpu_s: defaultdict[str, float] = defaultdict(float)

    def timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``work`` that counts its CPU time under ``name``."""

        def wrapped(*args: Any, **named: Any) -> Any:
            began = time.process_time()
            try:
                return work(*args, **named)
            finally:
                self.cpu_s[name] += time.process_time() - began

        return wrapped


def gallery() -> Gallery:
    """Return the registry."""
    pictures = [*copies.originals(), *(copies.blob(seed, 92) for seed in range(copies.BLOBS))]
    made = [card_of(f"picture {n}", File(one, "JPEG")) for n, one in enumerate(pictures)]
    return Gallery([card for card in made if isinstance(card, Card)])


def kinds(count: int) -> dict[str, list[bytes]]:
    """Return ``count`` copies of each kind."""
    named = [copies.PHOTOGRAPHS[n % len(copies.PHOTOGRAPHS)] for n in range(count)]
    return {
        "look-alikes": copies.blob_copies(count),
        **{way.__name__: [way(name, n) for n, name in enumerate(named)] for way in copies.WAYS},
        "altered": [copies.altered(name, n) for n, name in enumerate(named)],
        "unregistered": [copies.blob(100 + n, 85) for n in range(count)],
    }


def measured(product: Product, files: list[bytes]) -> dict[str, float]:
    """Return CPU milliseconds a file by stage, and of all."""
    clock = Clock()
    product.ask(File(files[0], "JPEG"))
    with ExitStack() as stack:
        for _, name, target in STAGES:
            stack.enter_context(patch(target, clock.timed(name, pkgutil.resolve_name(target))))
        began = time.process_time()
        for one in files:
            product.ask(File(one, "JPEG"))
        whole = time.process_time() - began
    return {name: 1e3 * spent / len(files) for name, spent in {**clock.cpu_s, "all": whole}.items()}


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--copies", type=int, default=12, help="of each kind")
    given = options.parse_args()
    cv2.setNumThreads(1)
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; ms of CPU a check, means of {given.copies}")
    product, files = Product(gallery()), kinds(given.copies)
    columns = {name: measured(product, each) for name, each in files.items()}
    print(f"{'':28}" + "".join(f"{name:>14}" for name in columns))
    for depth, name, _ in (*STAGES, (0, "all", "")):
        values = "".join(f"{column.get(name, 0.0):14.1f}" for column in columns.values())
        print(f"{'  ' * depth + name:28}{values}")


if __name__ == "__main__":
    main()
