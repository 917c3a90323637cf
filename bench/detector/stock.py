"""A further source of real pictures, made where it is needed: ``python -m bench.detector.stock FOLDER``.

Photographs of free licence are taken from Debian's wallpaper packages (``apt-get download``; nothing is
installed). A large photograph gives up to four regions that do not overlap, so that no photograph weighs much
more than another. The same packages give the same files.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np

from bench.pictures import material
from bench.pictures.raster import fitted, read, save

#: Packages with photographs. Licences: each package's copyright file; all are in Debian's main archive.
PACKAGES: Final = (
    "lomiri-wallpapers-16.04",
    "lomiri-wallpapers-20.04",
    "lxqt-themes",
    "mate-backgrounds",
    "palapeli-data",
    "plasma-workspace-wallpapers",
    "ukui-wallpapers",
)
#: Most regions of one photograph.
MOST: Final = 4


def make(cache: Path) -> Path:
    """Write the regions into ``cache/stock`` and return that folder; what is there already stays."""
    material.fetch_debian(cache, PACKAGES)
    target = cache / "stock"
    target.mkdir(exist_ok=True)
    chosen, _ = material.photographs(cache, None)
    for photograph in chosen:
        package, _, stem = photograph.name.partition("/")
        if package not in PACKAGES or list(target.glob(f"{package}_{stem}@*.jpg")):
            continue
        found = material.regions(read(photograph.path))
        places = np.unique(np.linspace(0, len(found) - 1, MOST).round().astype(int))
        for place in places:
            data = save(fitted(found[place], 1600), 92).data
            (target / f"{package}_{stem}@{place:02d}.jpg").write_bytes(data)
    return target


def main() -> None:
    """Make the source."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    target = make(parser.parse_args().folder)
    print(f"{len(list(target.iterdir()))} pictures in {target}")


if __name__ == "__main__":
    main()
