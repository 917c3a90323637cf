"""The demo: sign real media, make the copies a person would meet, verify each, show every answer.

Exit 1 if any case differs from what it should be.
"""

from __future__ import annotations

import html
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.table import Table

from provenance import files
from provenance.errors import InputError
from provenance.evidence import SourceType, VerdictCode
from provenance.publish import PublishJob
from provenance.report.html import report_html
from provenance.report.report import Report
from provenance.selftest import self_test
from provenance.setup import Installation, initialise
from provenance.signing.claims import SigningRequest
from provenance_cli import demo_films as films
from provenance_cli import demo_media as media

_MARKER = ".provenance-demo"
# Bytes before the end of the portrait, where its picture data does not depend on the signature: a flip there
# changes single grey levels, which no comparison can see; only the broken binding tells.
_FLIP_FROM_END = 20_000
# The face of the portrait: x, y, w, h as fractions.
_FACE = (0.36, 0.14, 0.17, 0.19)
Maker = Callable[[str, VerdictCode, str, Callable[[Path], None]], "Case"]


@dataclass(frozen=True, slots=True)
class Case:
    """One circulating copy.

    Attributes:
        name: What happened to the copy, for the table.
        path: The copy.
        expected: What the verdict should be.
    """

    name: str
    path: Path
    expected: VerdictCode


def run(folder: Path) -> int:
    """Run the whole demo in ``folder``, which is made anew, and return the exit code.

    Raises:
        InputError: ``folder`` holds something that is not a demo.
    """
    out = Console() if sys.stdout.isatty() else Console(width=140)
    started = perf_counter()
    _clear(folder)
    settings = initialise(folder, "TEST News")
    with Installation.open(settings) as installation:
        out.print("[bold]1[/] made TEST keys and a registry: " + str(folder / "provenance.toml"))
        for line in self_test(installation):
            out.print(f"  ✓ {line}")
        _sign(installation, folder / "published")
        out.print(f"[bold]2[/] signed and registered {installation.store.head().size} assets")
        cases = list(_cases(folder / "published", folder / "copies", folder / "stranger"))
        out.print(f"[bold]3[/] made {len(cases)} copies; verifying each")
        answers = [(case, *_timed(installation, case)) for case in cases]
    out.print(_table(answers))
    page = _write_page(folder, answers)
    wrong = sum(report.verdict.code is not case.expected for case, report, _ in answers)
    out.print(f"page with pictures and timelines: {page}")
    out.print(
        f"{len(answers) - wrong} of {len(answers)} as expected, {perf_counter() - started:.0f} s in all"
    )
    return 1 if wrong else 0


def _clear(folder: Path) -> None:
    if folder.exists():
        if any(folder.iterdir()) and not (folder / _MARKER).exists():
            raise InputError(
                f"{folder} holds files that are not a demo's", hint="name another folder with --folder"
            )
        shutil.rmtree(folder)
    for part in ("published", "copies", "stranger", "answers"):
        (folder / part).mkdir(parents=True)
    (folder / _MARKER).touch()


def _sign(installation: Installation, folder: Path) -> None:
    film, speech = (
        media.sample("iscc-samples", "video/demo.mp4"),
        media.sample("iscc-samples", "audio/demo.wav"),
    )
    media.photograph("astronaut.png", folder / "portrait.source.jpg")
    media.photograph("coffee.png", folder / "coffee.source.jpg")
    media.generated_picture(folder / "generated.source.png")
    shutil.copyfile(film, folder / "film.source.mp4")
    films.portrait_film(folder / "address.source.mp4")
    shutil.copyfile(speech, folder / "recording.source.wav")
    captured = SourceType.DIGITAL_CAPTURE
    requests = {
        "portrait.source.jpg": SigningRequest(title="Portrait of an astronaut", source_type=captured),
        "coffee.source.jpg": SigningRequest(title="A cup of coffee", source_type=captured),
        "generated.source.png": SigningRequest(
            title="Waves", source_type=SourceType.TRAINED_ALGORITHMIC, model="wave-painter 1.0"
        ),
        "film.source.mp4": SigningRequest(title="Film with sound", source_type=captured),
        "address.source.mp4": SigningRequest(title="Film of an astronaut", source_type=captured),
        "recording.source.wav": SigningRequest(title="Recording", source_type=captured),
    }
    jobs = [
        PublishJob(folder / name, folder / name.replace(".source", ""), request)
        for name, request in requests.items()
    ]
    installation.publisher.publish(jobs)


def _cases(published: Path, copies: Path, stranger: Path) -> Iterator[Case]:
    """Make the copies one by one and yield them with what should be found."""
    portrait, generated, verdict = published / "portrait.jpg", published / "generated.png", VerdictCode

    def copy(name: str, expected: VerdictCode, file: str, make: Callable[[Path], None]) -> Case:
        make(copies / file)
        return Case(name, copies / file, expected)

    yield Case("untouched", portrait, verdict.INTACT)
    yield from _of_the_portrait(portrait, copy, copies / "cat.jpg")
    swap = films.face_replaced(copies / "cat.jpg", start_s=5.0, end_s=9.0)
    swapped = partial(films.copied, published / "address.mp4", parts=[(0.0, 14.0)], change=swap)
    yield copy("a face replaced for four seconds", verdict.ALTERED_COPY, "face.mp4", swapped)
    yield from _of_film_and_sound(published / "film.mp4", published / "recording.wav", copy)
    stranger_file = _by_a_stranger(stranger)
    yield Case("signed by an unknown authority", stranger_file, verdict.INTACT_UNRECOGNIZED_ISSUER)
    flipped = partial(media.flipped, stranger_file, position=stranger_file.stat().st_size // 2)
    yield copy(
        "one byte flipped, original not registered", verdict.CREDENTIALS_INVALID, "unbound.jpg", flipped
    )
    yield Case("generated, disclosed", generated, verdict.DISCLOSED_SYNTHETIC)
    strip = partial(media.recompressed, generated)
    yield copy("the same, disclosure stripped", verdict.DISCLOSURE_REMOVED, "undisclosed.jpg", strip)
    unrelated = partial(media.photograph, "rocket.jpg")
    yield copy("an unrelated picture", verdict.NO_EVIDENCE, "unrelated.jpg", unrelated)


def _of_the_portrait(portrait: Path, copy: Maker, foreign: Path) -> Iterator[Case]:
    verdict, inside = VerdictCode, portrait.stat().st_size - _FLIP_FROM_END
    media.photograph("chelsea.png", foreign)
    platform = partial(media.recompressed, portrait)
    yield copy("stripped, recompressed to q70", verdict.DERIVED_COPY, "platform.jpg", platform)
    captioned = partial(media.cropped_and_captioned, portrait)
    yield copy("cropped and captioned", verdict.DERIVED_COPY, "captioned.jpg", captioned)
    pasted = partial(media.pasted_over, portrait, foreign, box=(0.30, 0.08, 0.28, 0.34))
    yield copy("a region pasted over", verdict.ALTERED_COPY, "pasted.jpg", pasted)
    swapped = partial(media.face_swapped, portrait, box=_FACE)
    yield copy("the face swapped, blended in", verdict.ALTERED_COPY, "swapped.jpg", swapped)
    flipped = partial(media.flipped, portrait, position=inside)
    yield copy("one byte flipped, original registered", verdict.DERIVED_COPY, "flipped.jpg", flipped)
    forged = partial(media.flipped, portrait, position=_inside_claim(portrait))
    yield copy("one byte of the credentials flipped", verdict.CREDENTIALS_INVALID, "claim.jpg", forged)


def _of_film_and_sound(film: Path, sound: Path, copy: Maker) -> Iterator[Case]:
    verdict, other_sound = VerdictCode, media.sample("iscc-samples", "audio/demo.wav")
    excerpt = partial(media.clip, film, start_s=25.0, length_s=10.0)
    yield copy("10 s clip from the middle at 360p", verdict.DERIVED_COPY, "clip.mp4", excerpt)
    dubbed = partial(excerpt, sound=other_sound)
    yield copy("the same clip with another sound", verdict.RE_EDITED_COPY, "dubbed.mp4", dubbed)
    parts = [(32.0, 44.0), (12.0, 22.0)]
    reordered = partial(films.copied, film, parts=parts)
    yield copy("cut and put in another order", verdict.RE_EDITED_COPY, "reordered.mp4", reordered)
    cropped = partial(films.copied, film, parts=[(30.0, 42.0)], change=films.upright_crop)
    yield copy("12 s cropped to 9:16", verdict.DERIVED_COPY, "upright.mp4", cropped)
    smaller = partial(media.recording, sound, codec="libmp3lame", bit_rate=64_000)
    yield copy("recording at 64 kbit/s", verdict.DERIVED_COPY, "recording.mp3", smaller)
    spliced = partial(media.spliced, sound, film, at_s=6.0, length_s=1.0)
    yield copy("a second of the recording replaced", verdict.ALTERED_COPY, "spliced.mp3", spliced)


def _inside_claim(signed: Path) -> int:
    """Return a position inside the title that the claim protects."""
    return signed.read_bytes().index(b"dc:title") + len(b"dc:title") + 3


def _by_a_stranger(folder: Path) -> Path:
    """Return a picture signed and registered elsewhere, under an authority nobody here knows."""
    with Installation.open(initialise(folder, "TEST Stranger")) as elsewhere:
        source, signed = folder / "moon.source.jpg", folder / "moon.jpg"
        media.photograph("chelsea.png", source)
        request = SigningRequest(title="A cat", source_type=SourceType.DIGITAL_CAPTURE)
        elsewhere.publisher.publish([PublishJob(source, signed, request)])
    return signed


def _timed(installation: Installation, case: Case) -> tuple[Report, float]:
    started = perf_counter()
    report = installation.verifier.verify(case.path)
    return report, perf_counter() - started


def _table(answers: list[tuple[Case, Report, float]]) -> Table:
    table = Table(title="what happened to the copy, and what was found")
    for column in ("case", "verdict", "why", "time"):
        table.add_column(column, overflow="fold", ratio=3 if column == "why" else None)
    for case, report, took_s in answers:
        right = report.verdict.code is case.expected
        found = (
            report.verdict.code.value if right else f"{report.verdict.code.value} ✗ not {case.expected.value}"
        )
        table.add_row(case.name, found, report.verdict.summary, f"{took_s:.2f} s")
    return table


def _write_page(folder: Path, answers: list[tuple[Case, Report, float]]) -> Path:
    rows = []
    for number, (case, report, took_s) in enumerate(answers, 1):
        page, picture = f"answers/{number:02d}.html", f"{number:02d}.png"
        drawn = report.map_png
        if drawn is not None:
            files.write_whole(folder / "answers" / picture, drawn, replace=True)
        href = picture if drawn is not None else None
        text = report_html(report, map_href=href, standalone=True)
        files.write_whole(folder / page, text.encode(), replace=True)
        shown = f'<img src="answers/{picture}" alt="copy beside the original">' if href else ""
        rows.append(
            f"<tr><td>{html.escape(case.name)}</td><td><a href='{page}'>{report.verdict.code.value}</a></td>"
            f"<td>{html.escape(report.verdict.summary)}{shown}</td><td>{took_s:.2f} s</td></tr>"
        )
    page_path = folder / "index.html"
    files.write_whole(page_path, _PAGE.replace("ROWS", "\n".join(rows)).encode(), replace=True)
    return page_path


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Content provenance: demo</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #1b2530 }
table { border-collapse: collapse; width: 100% } th { text-align: left }
td, th { border-bottom: 1px solid #cfd6de; padding: .6rem; vertical-align: top }
img { display: block; max-width: 100%; margin-top: .6rem; border: 1px solid #cfd6de } a { color: #1a4f8b }
</style>
<h1>What happened to the copy, and what was found</h1>
<table><thead><tr><th>case<th>verdict<th>why<th>time</tr></thead><tbody>
ROWS
</tbody></table>
</html>
"""
