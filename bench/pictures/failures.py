"""What failures look like: originals beside the copies that were missed, or wrongly confirmed or called altered."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from bench.pictures.lettering import written
from bench.pictures.raster import Rgb, canvas, read, scaled
from bench.pictures.stages import Bench, copy_of

#: Pictures of each kind of failure that are shown, and the cell of one, pixels.
SHOWN: Final = 6
_CELL: Final = (230, 172)


def draw(bench: Bench, rows: Sequence[dict[str, Any]], target: Path) -> None:
    """Write a sheet of failures as JPEG: misses, then false alarms on clean copies, then wrong matches.

    Args:
        bench: The bench the rows come from.
        rows: Rows of attacked originals.
        target: File to write; none is written where nothing failed.
    """
    missed = [row for row in rows if not row["found"]]
    alarms = [
        row
        for row in rows
        if row["group"] != "overlaid" and row["found"] and row["verdict"] == "altered-copy"
    ]
    wrong = [row for row in rows if row["wrong"]]
    cells: list[Rgb] = []
    for name, failures in (("missed", missed), ("called altered", alarms), ("also another", wrong)):
        for row in _spread(failures):
            original, file = copy_of(bench, tuple(row["trial"]))
            cells.append(
                np.hstack(
                    [_cell(read(original.path), "original"), _cell(file.rgb, f"{name}: {row['attack']}")]
                )
            )
    if not cells:
        return
    while len(cells) % 2:
        cells.append(canvas(cells[0].shape[1], cells[0].shape[0], (255, 255, 255)))
    sheet = np.vstack([np.hstack(cells[i : i + 2]) for i in range(0, len(cells), 2)])
    buffer = BytesIO()
    Image.fromarray(sheet).save(buffer, "JPEG", quality=80)
    target.write_bytes(buffer.getvalue())


def _spread(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a few rows, of different attacks as far as there are."""
    first: dict[str, dict[str, Any]] = {}
    for row in rows:
        first.setdefault(row["attack"], row)
    return [*first.values(), *(row for row in rows if row not in first.values())][:SHOWN]


def _cell(rgb: Rgb, words: str) -> Rgb:
    width, height = _CELL
    made = canvas(width, height, (255, 255, 255))
    factor = min((width - 10) / rgb.shape[1], (height - 26) / rgb.shape[0], 1.0)
    shown = scaled(rgb, factor)
    made[22 : 22 + shown.shape[0], 5 : 5 + shown.shape[1]] = shown
    return written(made, words[:34], (0.5, 0.06), 11, (0, 0, 0))
