"""Dialogues with the command line: each ``*.txt`` beside this file is run and compared, line by line.

A transcript is read by people and by this runner::

    @ photo.jpg             a file that is made before the first command (see MEDIA)
    $ provenance verify x   a command, run in a fresh folder that the transcript's commands share
    expected output         stdout and stderr; … stands for anything within a line, a line of … for any lines
    ? 3                     the exit code; without such a line it is 0

Lines before the first ``@`` or ``$`` are prose.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw

from provenance_cli.main import main

skimage_data = pytest.importorskip("skimage.data", reason="the photographs come from scikit-image")
HERE = Path(__file__).parent


def photograph() -> Image.Image:
    folder = Path(skimage_data.__file__).parent
    return Image.open(folder / "astronaut.png").convert("RGB")


def photo(path: Path) -> None:
    photograph().save(path, quality=92)


def crop(path: Path) -> None:
    photograph().crop((30, 20, 490, 480)).resize((640, 640)).save(path, quality=75)


def pasted(path: Path) -> None:
    """The photograph with another face region: what a reader would call altered."""
    picture = photograph()
    face = picture.crop((180, 70, 270, 190)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    picture.paste(face, (180, 70))
    picture.save(path, quality=85)


def other(path: Path) -> None:
    rng = np.random.default_rng(5)
    picture = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)).resize((480, 360))
    ImageDraw.Draw(picture).ellipse((90, 60, 300, 260), outline="white", width=9)
    picture.save(path)


def text(path: Path) -> None:
    path.write_text("this is no picture\n", "utf-8")


MEDIA = {"photo.jpg": photo, "crop.jpg": crop, "pasted.jpg": pasted, "other.png": other, "notes.jpg": text}


def exchanges(transcript: str):
    """Yield (kind, text, expected lines, exit code) for every file and command."""
    current = None
    for line in transcript.splitlines():
        if line.startswith(("@ ", "$ ")):
            if current is not None:
                yield current
            current = [line[0], line[2:].strip(), [], 0]
        elif current is not None and line.startswith("? "):
            current[3] = int(line[2:])
        elif current is not None and (line or current[2]):
            current[2].append(line)
    if current is not None:
        yield current


def pattern(lines: list[str]) -> re.Pattern[str]:
    while lines and not lines[-1]:
        lines = lines[:-1]
    parts = [
        r"(?:[^\n]*\n)*?" if line == "…" else ".*?".join(map(re.escape, line.split("…"))) + r"\n"
        for line in lines
    ]
    return re.compile("".join(parts))


@pytest.mark.parametrize("path", sorted(HERE.glob("*.txt")), ids=lambda path: path.stem)
def test_transcript(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind, given, expected, code in exchanges(path.read_text("utf-8")):
        if kind == "@":
            MEDIA[given](Path(given))
            continue
        program, *arguments = shlex.split(given)
        assert program == "provenance"
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == code, f"$ {given}\n{result.output}"
        if pattern(expected).fullmatch(result.output) is None:
            pytest.fail(f"$ {given}\nexpected:\n" + "\n".join(expected) + f"\nfound:\n{result.output}")


def test_there_are_transcripts_and_their_lines_are_compared():
    assert len(list(HERE.glob("*.txt"))) >= 4
    assert pattern(["a … c", "…", "z"]).fullmatch("a b c\n1\n2\nz\n")
    assert not pattern(["a … c"]).fullmatch("a b d\n")
    assert not pattern(["a"]).fullmatch("a\nb\n")
