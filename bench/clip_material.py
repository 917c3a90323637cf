"""Originals of the clip bench: recordings and films made of what packages carry, split into two halves.

The half of an original is that of its file name (:func:`bench.clip_packages.half_of`): a prompt, a text, a piece of
music, a photograph or a film is in one half only. Made files stay in the cache, for making takes some minutes.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import lru_cache, partial
from itertools import count, islice
from pathlib import Path
from typing import Any, Final, cast

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from bench import clip_packages as packages
from bench import clip_scenes
from bench.clip_pans import SIZE, pan, registrable, shots
from bench.clip_waves import RATE, Wave, joined, loudness, mux_wave, read_wave, write_wave

#: Version of the made files; a change makes them anew.
MADE: Final = "5"
#: Frame rate of made films.
FPS: Final = 12
#: Length of one shot, of most films, and of recordings, seconds.
SHOT_S: Final = 8
FILM_S: Final = 72
RECORDING_S: Final = 180
MUSIC_S: Final = 220
#: Composed films and panned photographs of one half, and the most that is taken of a real film, seconds.
COMPOSED: Final = 8
PANNED: Final = 8
REAL_S: Final = 120
# Parts that a photograph must have to be one of those that films are composed of; graphic ones have few.
_MANY_PARTS = 6
# What a user's own folder may hold: what the product signs.
_SUFFIXES = frozenset((".mp4", ".mov", ".avi", ".wav", ".mp3", ".m4a", ".flac"))
# Level under which a piece is silence; it would be amplified to noise.
_SILENT = 1e-3

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Part:
    """A sentence or prompt of a recording: when, and its words where they are known."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Original:
    """A recording or film to be registered, or to be left unregistered.

    Attributes:
        name: The file name that decided its half.
        path: The made file.
        genre: ``recorded speech``, ``synthesised speech``, ``music``, ``film``, ``composed scenes`` or
            ``panned photograph``.
        voice: Speaker or voice; empty where nobody speaks.
        duration_s: Length, seconds.
        film: Whether it has a picture.
        parts: What is said when.
    """

    name: str
    path: Path
    genre: str
    voice: str
    duration_s: float
    film: bool
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is made of one half: films, and recordings of each genre."""

    films: int
    prompts: int
    texts: int
    music: int


#: By name of the size. Full is everything the packages carry.
AMOUNTS: Final = {
    "tiny": Amount(3, 1, 1, 0),
    "small": Amount(6, 4, 4, 3),
    "full": Amount(1000, 1000, 1000, 1000),
}


def originals(cache: Path, half: int, size: str) -> list[Original]:
    """Return the originals of one half, made now unless an earlier run made them.

    Args:
        cache: Folder of packages and made files.
        half: 0 for tuning, 1 for reporting.
        size: Name in :data:`AMOUNTS`.
    """
    folder = cache / "made" / f"{MADE}-{half}-{size}"
    folder.mkdir(parents=True, exist_ok=True)
    amount = AMOUNTS[size]
    speech = list(islice(_speech(cache, folder, half), amount.prompts * len(packages.PROMPTS)))
    texts = list(islice(_texts(cache, folder, half), amount.texts))
    music = list(islice(_music(cache, folder, half), amount.music))
    films = list(islice(_films(cache, folder, half, [*speech, *texts]), amount.films))
    spoken = {part for film in films for part in film.parts}
    # What a film speaks is no recording of its own, or a clip would have two originals.
    recordings = [one for one in (*speech, *texts, *music) if not spoken & set(one.parts)]
    return [*films, *recordings]


def _kept(folder: Path, name: str, suffix: str, make: Callable[[Path], Original]) -> Original:
    """Return an original from the cache, or make it with ``make``."""
    stem = "".join(c if c.isalnum() else "-" for c in name)
    path, facts = folder / f"{stem}{suffix}", folder / f"{stem}.json"
    if facts.exists() and path.exists():
        told = json.loads(facts.read_text())
        parts = tuple(Part(**part) for part in told.pop("parts"))
        return Original(**(told | {"path": path, "parts": parts}))
    made = make(path)
    facts.write_text(json.dumps(asdict(made) | {"path": None}))
    return made


# --- recordings ------------------------------------------------------------------------------------------


def _speech(cache: Path, folder: Path, half: int) -> Iterator[Original]:
    """Yield recordings of prompts, the voices by turns; pauses carry the faint noise of a room."""
    waiting = [_voice(cache, folder, half, package) for package in packages.PROMPTS]
    while waiting:
        for voice in list(waiting):
            made = next(voice, None)
            if made is None:
                waiting.remove(voice)
            else:
                yield made


def _voice(cache: Path, folder: Path, half: int, package: str) -> Iterator[Original]:
    rng = np.random.default_rng(7)
    own = [one for one in packages.prompts(cache, package) if packages.half_of(one[0]) == half]
    own = [own[i] for i in rng.permutation(len(own))]
    for number in count():
        chosen, length_s = [], 0.0
        while own and length_s < RECORDING_S:
            chosen.append(own.pop())
            length_s += chosen[-1][1].stat().st_size / 16_000
        if length_s < RECORDING_S / 2:
            return

        def make(path: Path, chosen: list[tuple[str, Path]] = chosen, number: int = number) -> Original:
            pieces = [(name, read_wave(file)) for name, file in chosen]
            return _spoken(path, f"{package}/{number}", "recorded speech", package, pieces)

        yield _kept(folder, f"{package}-{number}", ".wav", make)


def _texts(cache: Path, folder: Path, half: int) -> Iterator[Original]:
    """Yield texts read by synthesised voices, one voice a text."""
    every, voices = packages.sentences(), packages.voices()
    per_text = 24
    for number in range(len(every) // per_text):
        name = f"text-{number}"
        if packages.half_of(name) != half:
            continue
        voice, lines = voices[number % len(voices)], every[number * per_text : (number + 1) * per_text]

        def make(path: Path, voice: str = voice, lines: list[str] = lines, name: str = name) -> Original:
            pieces = [(line, spoken(cache, voice, line)) for line in lines]
            return _spoken(path, name, "synthesised speech", voice, pieces)

        yield _kept(folder, name, ".wav", make)


def spoken(cache: Path, voice: str, text: str) -> Wave:
    """Return ``text`` in a synthesised voice."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "a.wav"
        packages.speak(cache, voice, text, path)
        return read_wave(path)


def _spoken(path: Path, name: str, genre: str, voice: str, pieces: list[tuple[str, Wave]]) -> Original:
    rng = np.random.default_rng(len(pieces))
    waves: list[Wave] = []
    parts, at = [], 0
    for text, wave in pieces:
        if loudness(wave) < _SILENT:
            continue
        level = wave * (0.08 / loudness(wave))
        pause = rng.standard_normal(round(rng.uniform(0.15, 0.4) * RATE)).astype(np.float32) * 2e-4
        parts.append(Part(at / RATE, (at + len(level)) / RATE, text))
        waves += [level.astype(np.float32), pause]
        at += len(level) + len(pause)
    write_wave(path, joined(waves, 0.005))
    return Original(name, path, genre, voice, at / RATE, film=False, parts=tuple(parts))


def _music(cache: Path, folder: Path, half: int) -> Iterator[Original]:
    """Yield the first minutes of pieces of recorded music."""
    for source in packages.unpacked(cache, "wesnoth-1.16-music", ".ogg"):
        if packages.half_of(source.name) != half:
            continue

        def make(path: Path, source: Path = source) -> Original:
            wave = read_wave(source, 0.0, MUSIC_S)
            write_wave(path, wave)
            return Original(source.name, path, "music", "", len(wave) / RATE, film=False)

        yield _kept(folder, source.stem, ".wav", make)


# --- films -----------------------------------------------------------------------------------------------


def _films(cache: Path, folder: Path, half: int, speech: list[Original]) -> Iterator[Original]:
    """Yield real films as they are, composed films, and films panned over photographs, with recorded speech.

    No photograph is in a composed and in a panned film: a clip of one would be one of the other too.
    """
    for name, source in packages.films(cache):
        if packages.half_of(name) == half:
            yield _kept(folder, f"film-{name}", ".mp4", partial(_real, name=name, source=source))
    voices = iter(speech[number] for number in np.random.default_rng(3).permutation(len(speech))[::2])
    own = [one for one in packages.photographs(cache) if packages.half_of(one[0]) == half]
    composing = tuple(path for name, path in own if packages.half_of(f"{name} composed"))
    names = islice((f"scenes-{n}" for n in count() if packages.half_of(f"scenes-{n}") == half), COMPOSED)
    for number, name in enumerate(names):
        make = partial(_composed, name=name, number=number, photographs=composing, voice=next(voices, None))
        yield _kept(folder, f"film-{name}", ".mp4", make)
    panned = ((name, path) for name, path in own if path not in composing)
    made = (
        _kept(
            folder,
            f"film-{name}",
            ".mp4",
            partial(_panned, name=name, photograph=path, voice=next(voices, None)),
        )
        for name, path in panned
    )
    yield from islice((film for film in made if film.duration_s >= 2 * SHOT_S), PANNED)


def _photograph(path: Path) -> Rgb:
    if (picture := cv2.imread(str(path), cv2.IMREAD_COLOR)) is None:
        raise SystemExit(f"bench: {path} cannot be read")
    return np.ascontiguousarray(picture[:, :, ::-1])


@lru_cache(maxsize=1)
def _grounds(photographs: tuple[Path, ...]) -> list[Rgb]:
    """Return parts of photographs, mixed, enough for all composed films, at twice the size they are shown."""
    size = (SIZE[0] * 2, SIZE[1] * 2)
    cells: list[Rgb] = []
    for path in photographs:
        parts = shots(_photograph(path))
        if len(parts) >= _MANY_PARTS:
            cells += [
                np.asarray(cv2.resize(one, size, interpolation=cv2.INTER_AREA), np.uint8) for one in parts
            ]
    order = np.random.default_rng(5).permutation(len(cells))
    return [cells[i] for i in order[: COMPOSED * clip_scenes.GROUNDS]]


def _composed(
    path: Path, name: str, number: int, photographs: tuple[Path, ...], voice: Original | None
) -> Original:
    """Write a film of moving things in front of moving grounds, its own parts of the photographs."""
    cells = _grounds(photographs)[number::COMPOSED]
    sound = read_wave(voice.path, 0.0, FILM_S) if voice is not None else None
    frames = clip_scenes.film(cells, FILM_S, FPS, SIZE, np.random.default_rng([number, 11]))
    write_film(path, frames, Fraction(FPS), sound, crf=20)
    made = Original(name, path, "composed scenes", "", float(FILM_S), film=True)
    return made if voice is None else _spoken_by(made, voice)


def _spoken_by(film: Original, voice: Original) -> Original:
    parts = tuple(part for part in voice.parts if part.end_s <= film.duration_s)
    return replace(film, voice=voice.voice, parts=parts)


def _real(path: Path, name: str, source: Path) -> Original:
    """Write the first minutes of a real film as MP4, with its own sound where it has any."""
    with av.open(str(source)) as film:
        shown = film.streams.video[0]
        rate = Fraction(shown.average_rate or shown.guessed_rate or 25).limit_denominator(1001)
        has_sound = bool(film.streams.audio)
        frames = islice(_steady(film.decode(video=0), rate), round(REAL_S * rate))
        sound = read_wave(source, 0.0, REAL_S) if has_sound else None
        length_s = write_film(path, frames, rate, sound, crf=20)
    return Original(name, path, "film", "film" if has_sound else "", length_s, film=True)


def _steady(decoded: Iterator[av.VideoFrame], rate: Fraction) -> Iterator[Rgb]:
    """Yield the frame shown at each tick: tree.avi repeats frames by leaving them out."""
    number, began_s = 0, None
    for frame in decoded:
        time_s = float(frame.time or 0.0)
        began_s = time_s if began_s is None else began_s
        rgb = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
        while number <= (time_s - began_s) * float(rate) + 1e-3:
            yield rgb
            number += 1


def _panned(path: Path, name: str, photograph: Path, voice: Original | None) -> Original:
    # Gradients are refused at registration, with the reason: nothing of them could be found.
    cells = [cell for cell in shots(_photograph(photograph)) if registrable(cell)][: FILM_S // SHOT_S]
    rng = np.random.default_rng(len(name))
    frames = [frame for cell in cells for frame in pan(cell, SHOT_S * FPS, rng)]
    length_s = len(frames) / FPS
    sound = read_wave(voice.path, 0.0, length_s) if voice is not None and length_s else None
    if frames:
        write_film(path, iter(frames), Fraction(FPS), sound, crf=20)
    else:
        path.touch()
    made = Original(name, path, "panned photograph", "", length_s, film=True)
    return made if voice is None else _spoken_by(made, voice)


def write_film(
    path: Path, frames: Iterator[Rgb], rate: Fraction, sound: Wave | None, *, crf: int = 28, kbps: int = 64
) -> float:
    """Write frames, uint8 (h, w, 3), and sound as an MP4 of H.264 and AAC; return the seconds of picture.

    Sides are cut to even numbers.
    """
    with av.open(str(path), "w") as out:
        first = next(frames)
        video = cast("Any", out.add_stream("libx264", rate=rate))
        video.width, video.height, video.pix_fmt = first.shape[1] // 2 * 2, first.shape[0] // 2 * 2, "yuv420p"
        video.options = {"crf": str(crf), "preset": "veryfast", "threads": "1"}
        audio = None
        if sound is not None:
            audio = cast("Any", out.add_stream("aac", rate=RATE))
            audio.layout, audio.bit_rate = "mono", kbps * 1000
        number = 0
        for number, rgb in enumerate(each for part in ((first,), frames) for each in part):
            whole = np.ascontiguousarray(rgb[: video.height, : video.width])
            frame = av.VideoFrame.from_ndarray(whole, format="rgb24")
            frame.pts, frame.time_base = number, 1 / rate
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if audio is not None and sound is not None:
            mux_wave(out, audio, sound)
    return (number + 1) / float(rate)


def from_folder(folder: Path, half: int) -> list[Original]:
    """Return the films and recordings of one half of a user's own folder, as they are; sound counts as speech."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in _SUFFIXES or packages.half_of(path.name) != half:
            continue
        with av.open(str(path)) as medium:
            film, duration_s = bool(medium.streams.video), float(medium.duration or 0) / av.time_base
            voice = path.stem if medium.streams.audio else ""
        found.append(
            Original(path.name, path, "film" if film else "recorded speech", voice, duration_s, film)
        )
    return found
