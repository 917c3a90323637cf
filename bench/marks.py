"""False marks in real photographs: ``python -m bench.marks FOLDER [FOLDER ...]``.

Every picture is read for declared marks as the product reads them; for the pixel watermark it is looked at as
if it had been stored without loss, which is the harder case.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path

import numpy as np

from bench.detector.pictures import labelled
from provenance.detect import marks
from provenance.detect.watermark import lattice, read_watermark
from provenance.errors import InputError
from provenance.media import decode, metadata
from provenance.media.asset import Kind, open_asset
from provenance.settings import Limits


def _photographs(folder: Path) -> list[Path]:
    """Return the files of a folder; of a labelled one (labels.csv, images/) the real pictures only."""
    if (folder / "labels.csv").exists():
        return [one.path for one in labelled(folder, {}) if not one.generated]
    return sorted(one for one in folder.rglob("*") if one.is_file())


def main() -> None:
    """Count marks, watermarks and the strength of the lattice in every picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument(
        "--side", type=int, default=1024, help="longest side looked at for the watermark, pixels"
    )
    asked = parser.parse_args()
    limits, found, strengths = Limits(), Counter[str](), []
    started, seen = time.process_time(), 0
    for path in (one for folder in asked.folders for one in _photographs(folder)):
        try:
            asset = open_asset(path, limits)
            if asset.media_type.kind is not Kind.IMAGE:
                continue
            with path.open("rb") as file:
                fields = metadata.read_fields(file, asset.media_type, limits)
                rgb = decode.read_picture(file, asset.media_type, limits, max_side=asked.side).rgb
        except InputError:
            found["could not be read"] += 1
            continue
        seen += 1
        for mark in (*marks.marks_of(fields), *marks.of_watermark(read_watermark(rgb))):
            found[f"mark {mark.kind}"] += 1
            print(f"{path}: {mark.kind}: {mark.says}")
        strengths.append(lattice(rgb))
    spent = (time.process_time() - started) / max(seen, 1)
    print(f"{seen} pictures, {dict(found) or 'no mark'}, {spent * 1000:.0f} ms of CPU each")
    if strengths:
        shown = np.quantile(strengths, [0.5, 0.99, 1.0])
        print(f"lattice: median {shown[0]:.3f}, 99 % {shown[1]:.3f}, highest {shown[2]:.3f}")


if __name__ == "__main__":
    main()
