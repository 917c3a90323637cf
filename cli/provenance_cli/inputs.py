"""Which files a command means: names, globs, folders; and where results go."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

#: Endings taken from folders; a file that is named is always tried, whatever its ending.
MEDIA_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".gif", ".avif", ".heic", ".heif"}
    | {".mp4", ".mov", ".webm", ".mkv", ".avi", ".wav", ".mp3", ".m4a", ".flac", ".ogg", ".oga"}
)
#: Stands before the ending of what ``provenance sign`` writes beside its source.
SIGNED_MARK = ".signed"
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")
#: Most alternatives one pattern may spell out; more is a slip.
_MAX_ALTERNATIVES = 256


@dataclass(frozen=True, slots=True)
class Source:
    """A file to work on.

    Attributes:
        path: Where it lies.
        relative: Where its result goes below an output folder: the name, or the path below a named folder.
    """

    path: Path
    relative: Path


def gather(names: Sequence[str], *, recursive: bool) -> list[Source]:
    """Return the files that ``names`` mean, each once, in the order given and sorted within a folder or glob.

    Args:
        names: Files, folders, or patterns with ``*``, ``?``, ``[…]``, ``**`` and ``{a,b}``.
        recursive: Whether folders are walked; they are refused otherwise.

    Raises:
        click.UsageError: A name means nothing, or a folder was named without ``--recursive``.
    """
    found: dict[Path, Source] = {}
    for name in names:
        some = False
        for one in _meant(name, recursive=recursive):
            some = True
            found.setdefault(one.path.absolute(), one)
        if not some:
            raise click.UsageError(f"no media file matches {name}")
    return list(found.values())


def _meant(name: str, *, recursive: bool) -> Iterator[Source]:
    path = Path(name)
    if path.is_dir():
        if not recursive:
            raise click.UsageError(f"{name} is a folder; add --recursive to take the media files in it")
        yield from _inside(path)
    elif path.exists():
        yield Source(path, Path(path.name))
    elif glob.has_magic(name) or _BRACES.search(name):
        for pattern in _spelled_out(name):
            for hit in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 - patterns may be absolute
                if Path(hit).is_file() and not is_signed(Path(hit)):
                    yield Source(Path(hit), Path(Path(hit).name))
    else:
        raise click.UsageError(f"{name} does not exist")


def _inside(folder: Path) -> Iterator[Source]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix.lower() in MEDIA_SUFFIXES and not path.name.startswith("."):
            yield Source(path, path.relative_to(folder))


def _spelled_out(pattern: str) -> list[str]:
    """Return ``pattern`` with its ``{a,b}`` groups spelled out."""
    done, waiting = [], [pattern]
    while waiting:
        one = waiting.pop(0)
        group = _BRACES.search(one)
        if group is None:
            done.append(one)
        else:
            waiting += [one[: group.start()] + word + one[group.end() :] for word in group[1].split(",")]
        if len(waiting) + len(done) > _MAX_ALTERNATIVES:
            raise click.UsageError(f"{pattern} spells out more than {_MAX_ALTERNATIVES} patterns")
    return done


def is_signed(path: Path) -> bool:
    """Return whether the name is one that ``provenance sign`` gives, ``NAME.signed.EXT``."""
    return Path(path.stem).suffix == SIGNED_MARK


def signed_beside(path: Path) -> Path:
    """Return where the signed file goes by default: ``photo.jpg`` gives ``photo.signed.jpg``."""
    return path.with_name(f"{path.stem}{SIGNED_MARK}{path.suffix}")


def in_output(source: Source, output: Path, name: Path, *, several: bool) -> Path:
    """Return the place of one result under ``-o OUTPUT``.

    Args:
        source: The file it is made of.
        output: A file, or a folder where it exists as one, ends in a slash, or takes several results.
        name: Its name in a folder.
        several: Whether there are several results.
    """
    if several or output.is_dir():
        return output / source.relative.parent / name
    return output
