"""The benchmark's pictures: originals cut from photographs of free licence, and distractors from all else.

Debian packages are fetched with ``apt-get download``, Python ones with ``pip download`` or found installed. Packages
hold fewer than 400 photographs, so a large one gives up to twelve disjoint regions, each an original of its own;
all regions of a photograph are in one half.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import files
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from bench.pictures.raster import Rgb, fitted, read, save

#: Debian packages and, of each, the stems of files that are photographs; all other pictures are distractors.
#: Licences: each package's copyright file; all are in Debian's main archive.
DEBIAN: Final = {
    "mate-backgrounds": (
        *("Aqua", "Blinds", "Dune", "FreshFlower", "Garden", "GreenMeadow", "LadyBird", "RainDrops", "Storm"),
        *("TwoWings", "Wood", "YellowFlower"),
    ),
    "ukui-wallpapers": ("calla", "goldfish", "2004default"),
    "lomiri-wallpapers-16.04": (
        *(
            "Bridge_by_Sander_Klootwijk",
            "Dragonfly_by_Bolly",
            "Picture_0B_by_freespace",
            "Picture_1A_by_freespace",
        ),
        *("Wine_by_Jakkub_Mede", "aitzgorri_by_Aitzol_Berasategi", "analogpattern_by_Peter_Nerlich"),
        *("free_by_Peter_Nerlich", "friends_by_Aitzol_Berasategi", "greentock_by_Peter_Nerlich"),
        *(
            "life_by_Aitzol_Berasategi",
            "picosdeeuropa_by_Aitzol_Berasategi",
            "seeding_by_Clements_Engelhardt",
        ),
        "sunset_by_Aitzol_Berasategi",
    ),
    "lomiri-wallpapers-20.04": ("Infinite-Sea_by_Aury88", "Kleiber_by_Lukas_Baubkus"),
    "lxqt-themes": (
        *(
            "Butterfly-Kenneth-Wimer",
            "Valendas",
            "after-the-rain",
            "appleflower",
            "beam",
            "butterfly",
            "cloud",
        ),
        *("drop", "flowers", "fog", "this-is-not-windows"),
    ),
    "plasma-workspace-wallpapers": (
        *("BytheWater", "ColdRipple", "ColorfulCups", "DarkestHour", "EveningGlow", "FallenLeaf", "Grey"),
        *("OneStandsOut", "Path", "summer_1am", "Autumn", "Kite"),
    ),
    "palapeli-data": (
        *("castle-maintenon", "cincinnati-bridge", "citrus-fruits", "european-honey-bee"),
        "panther-chameleon-female",
    ),
    "opencv-doc": (
        *(
            "aloeL",
            "baboon",
            "building",
            "chicky_512",
            "fruits",
            "graf1",
            "leuvenA",
            "rubberwhale1",
            "squirrel_cls",
        ),
        *(
            "home",
            "board",
            "scenetext01",
            "scenetext02",
            "scenetext03",
            "scenetext04",
            "scenetext05",
            "scenetext06",
        ),
        *("scenetext_segmented_word01", "scenetext_segmented_word02", "scenetext_segmented_word03", "plant"),
    ),
    # Its other painting is among the distractors under other names.
    "visp-images-data": ("Solvay_conference_1927_Version2_2126x1463",),
    "gnome-backgrounds": (),
    "cimg-doc": (),
    "stellarium-data": (),
    "tuxpaint-stamps-default": (),
    "marble-data": (),
}
#: Photographs of packages on PyPI: requirement, whether its source package is meant, stems.
PYPI: Final = (
    ("scikit-learn", False, ("china", "flower")),
    ("face_recognition==1.3.0", True, ("obama", "obama2", "obama3", "biden")),
)
#: Photographs of scikit-image, which is installed.
SKIMAGE: Final = (
    *("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field", "motorcycle_left", "ihc", "camera"),
    *("coins", "moon", "brick", "grass", "gravel", "retina", "skin"),
)
#: Most regions of one photograph, and the least sides of a region in pixels.
MAX_REGIONS: Final = 12
REGION_PX: Final = (760, 480)
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif")
# Pictures that are drawn from others here, or that are a photograph's second size or view.
_SKIPPED = (
    "_dark",
    "screenshot",
    "Solvay",
    "Klimt",
    "aloe",
    "leuven",
    "rubberwhale",
    "graf3",
    "chicky",
    "html",
)


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph of the set.

    Attributes:
        name: Package and stem, the name that decides its half.
        path: Where it lies.
    """

    name: str
    path: Path

    @property
    def half(self) -> str:
        """``tune`` or ``report``, by the SHA-256 of the name."""
        return ("tune", "report")[int(hashlib.sha256(self.name.encode()).hexdigest(), 16) % 2]


def fetch(cache: Path) -> None:
    """Download and unpack the packages into ``cache``; what is there already stays."""
    fetch_debian(cache, DEBIAN)
    for requirement, source, stems in PYPI:
        _fetch_pypi(cache, requirement, stems, source=source)


def fetch_debian(cache: Path, packages: Iterable[str]) -> None:
    """Download and unpack Debian packages into ``cache``; what is there already stays."""
    debs, unpacked = cache / "debs", cache / "x"
    debs.mkdir(parents=True, exist_ok=True)
    for package in packages:
        if (unpacked / package).exists():
            continue
        if not list(debs.glob(f"{package}_*.deb")):
            subprocess.run(["apt-get", "download", "-qq", package], cwd=debs, check=True)
        [deb] = debs.glob(f"{package}_*.deb")
        (unpacked / package).mkdir(parents=True)
        subprocess.run(["dpkg-deb", "-x", str(deb), str(unpacked / package)], check=True)


def _fetch_pypi(cache: Path, requirement: str, stems: Sequence[str], *, source: bool) -> None:
    name = requirement.partition("==")[0]
    into = cache / "x" / name
    if into.exists():
        return
    scratch = cache / "pypi" / name
    scratch.mkdir(parents=True, exist_ok=True)
    which = ["--no-binary", ":all:"] if source else ["--only-binary", ":all:"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *which, requirement]
    subprocess.run(command, cwd=scratch, check=True)
    into.mkdir(parents=True)
    [archive] = scratch.iterdir()
    for member, data in _members(archive):
        if member.stem in stems and member.suffix == ".jpg":
            (into / member.name).write_bytes(data)


def _members(archive: Path) -> Iterator[tuple[Path, bytes]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for name in wheel.namelist():
                yield Path(name), wheel.read(name)
        return
    with tarfile.open(archive) as ball:
        for member in ball:
            content = ball.extractfile(member)
            if content is not None:
                yield Path(member.name), content.read()


def photographs(cache: Path, folder: Path | None) -> tuple[list[Photograph], list[Path]]:
    """Return the photographs, by name, and the other pictures of the packages.

    Args:
        cache: Where :func:`fetch` put the packages.
        folder: Further photographs of the user's, or None.
    """
    found: dict[str, Photograph] = {}
    others = []
    unpacked = [path for path in (cache / "x").rglob("*") if path.is_file()]
    for path in sorted(unpacked, key=lambda p: (-p.stat().st_size, str(p))):
        if path.suffix.lower() not in _SUFFIXES or path.stat().st_size < 20_000:
            continue
        package = path.relative_to(cache / "x").parts[0]
        stem = path.parts[-4] if package == "plasma-workspace-wallpapers" else path.stem
        wanted = DEBIAN.get(package)
        if (wanted is None or stem in wanted) and "html" not in str(path):
            # The largest file of a stem comes first; its smaller versions are neither originals nor distractors.
            found.setdefault(f"{package}/{stem}", Photograph(f"{package}/{stem}", path))
        elif wanted is not None and stem not in wanted and not any(word in str(path) for word in _SKIPPED):
            others.append(path)
    for one in files("scikit-image") or ():
        if one.parent.as_posix().endswith("skimage/data") and one.stem in SKIMAGE:
            found[f"scikit-image/{one.stem}"] = Photograph(
                f"scikit-image/{one.stem}", Path(str(one.locate()))
            )
    for path in sorted(folder.rglob("*")) if folder else ():
        if path.suffix.lower() in _SUFFIXES:
            found[f"folder/{path.stem}"] = Photograph(f"folder/{path.stem}", path)
    return sorted(found.values(), key=lambda one: one.name), others


def regions(rgb: Rgb) -> list[Rgb]:
    """Return disjoint parts of a photograph, each large enough to be an original; a small one is one part."""
    height, width = rgb.shape[:2]
    long_px, short_px = REGION_PX
    least = (short_px, long_px) if width >= height else (long_px, short_px)
    rows, columns = max(1, height // least[0]), max(1, width // least[1])
    while rows * columns > MAX_REGIONS:
        rows, columns = (rows - 1, columns) if rows > columns else (rows, columns - 1)
    downs = np.linspace(0, height, rows + 1).astype(int)
    acrosses = np.linspace(0, width, columns + 1).astype(int)
    return [
        np.ascontiguousarray(rgb[top:bottom, left:right])
        for top, bottom in pairwise(downs)
        for left, right in pairwise(acrosses)
    ]


def make_originals(cache: Path, folder: Path | None) -> list[Path]:
    """Write the originals of both halves to ``cache/originals/{tune,report}``; return the other pictures."""
    chosen, others = photographs(cache, folder)
    for photograph in chosen:
        target = cache / "originals" / photograph.half
        target.mkdir(parents=True, exist_ok=True)
        stem = photograph.name.replace("/", "_")
        if list(target.glob(f"{stem}@*.jpg")):
            continue
        for number, region in enumerate(regions(read(photograph.path))):
            data = save(fitted(region, 1600), 92).data
            (target / f"{stem}@{number:02d}.jpg").write_bytes(data)
    return others


def tiles_for(count: int) -> int:
    """Return how many tiles are cut so that ``count`` can be registered: one in seventeen is too flat for a code."""
    return count * 15 // 14


def make_distractors(cache: Path, others: Sequence[Path], count: int) -> None:
    """Write ``count`` tiles of the other pictures to ``cache/distractors``, the same for the same pictures.

    A tile is a random part of at least 320 pixels, at random mirrored, turned, and toned; tiles of one picture may
    overlap, which makes them harder for one another and no easier for queries.
    """
    target = cache / "distractors"
    target.mkdir(parents=True, exist_ok=True)
    for place, path in enumerate(others):
        # Tile n is of picture n modulo their number, so that a longer list begins like a shorter one.
        numbers = [n for n in range(place, count, len(others)) if not (target / f"{n:05d}.jpg").exists()]
        if not numbers:
            continue
        whole = fitted(read(path), 3000)
        for number in numbers:
            tile = _tile(whole, np.random.default_rng([7, number]))
            (target / f"{number:05d}.jpg").write_bytes(save(tile, 88).data)


def _tile(whole: Rgb, rng: np.random.Generator) -> Rgb:
    height, width = whole.shape[:2]
    least = min(320, height, width)
    rows = int(rng.integers(least, max(least, height * 2 // 3) + 1))
    columns = int(np.clip(round(rows * rng.uniform(0.75, 1.78)), least, width))
    top, left = int(rng.integers(0, height - rows + 1)), int(rng.integers(0, width - columns + 1))
    part = np.rot90(whole[top : top + rows, left : left + columns], int(rng.integers(0, 4)))
    part = part[:, ::-1] if rng.random() < 0.5 else part
    return fitted(np.ascontiguousarray(part), 640)
