"""Clips with the truth about them: which stretch of which original each part is, and what was done where."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from bench import clip_film, clip_packages, clip_sound
from bench.clip_material import Original, spoken, write_film
from bench.clip_waves import RATE, Wave, filtered, joined, loudness, read_wave, write_wave


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a clip that is a stretch of an original; times in seconds."""

    start_s: float
    end_s: float
    name: str
    asset_s: float
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Query:
    """A clip to be made: what is done, to how many seconds of which original, and the seed of all chance."""

    group: str
    attack: str
    length_s: float
    source: Original
    other: Original
    seed: int

    @property
    def name(self) -> str:
        """A file name without suffix."""
        words = f"{self.group}-{self.attack}-{self.length_s:g}-{self.seed}"
        return "".join(c if c.isalnum() else "-" for c in words)


@dataclass(frozen=True, slots=True)
class Clip:
    """A made clip: its file, the truth about its parts, and the stretch that was altered or the cut point."""

    path: Path
    pieces: tuple[Piece, ...]
    altered: tuple[float, float] | None = None


#: Film changed in time only: speed of the copy in original seconds a second, by name.
FILM_SPEEDS: Final[Mapping[str, float]] = {"speed 1.25": 1.25, "speed 0.8": 0.8, "speed 1.05": 1.05}
TIMES: Final = (*FILM_SPEEDS, "6 frames/s", "reversed", "freeze")
EDITS: Final = ("cut", "reordered", "repeated", "two films")
TRACKS: Final = ("dubbed", "voice cloned", "other picture", "sound shifted")
WORDS: Final = ("word replaced", "word cut", "word inserted", "music added", "untouched")
#: Share of the track clips that each way of changing a track has.
TRACK_SHARES: Final[Mapping[str, float]] = {"other picture": 0.4, "sound shifted": 0.6}
#: How many recordings with untouched words there are for each of another kind, 30 s each: false alarms are rare.
UNTOUCHED: Final = 4
#: Mild copying under which words are altered, as nobody passes on a master.
MILD: Final = ("mp3 32k", "aac 32k", "opus 16k", "noise 20 dB", "EQ treble")


def make(query: Query, cache: Path, folder: Path) -> Clip:
    """Make a clip in ``folder``; the same query gives the same clip."""
    rng = np.random.default_rng(query.seed)
    makers: Mapping[str, Callable[[Query, np.random.Generator, Path, Path], Clip]] = {
        "picture": _picture,
        "time": _time,
        "still": _still,
        "edit": _edit,
        "tracks": _tracks,
        "region": _region,
        "sound": _sound,
        "words": _words,
        "stranger": _stranger,
    }
    return makers[query.group](query, rng, cache, folder)


def _start(query: Query, rng: np.random.Generator, length_s: float) -> float:
    """Return where a clip begins, on the frame grid of twelve a second; short originals are taken from 0."""
    room = query.source.duration_s - length_s - 0.5
    return round(float(rng.uniform(0.25, room)) * 12) / 12 if room > 0.25 else 0.0


def _taken(
    original: Original, start_s: float, length_s: float
) -> tuple[list[clip_film.Rgb], Fraction, Wave | None]:
    frames, rate = clip_film.read_film(original.path, start_s, length_s)
    sound = read_wave(original.path, start_s, length_s) if original.voice else None
    return frames, rate, sound


def _written(
    query: Query, folder: Path, frames: Sequence[clip_film.Rgb], rate: Fraction, sound: Wave | None
) -> Path:
    path = folder / f"{query.name}.mp4"
    write_film(path, iter(frames), rate, sound, crf=32 if query.attack == "re-encode" else 28, kbps=48)
    return path


def _picture(query: Query, rng: np.random.Generator, _: Path, folder: Path) -> Clip:
    """A clip without sound, so that only its picture can find it."""
    at = _start(query, rng, query.length_s)
    frames, rate, _sound_too = _taken(query.source, at, query.length_s)
    others: list[clip_film.Rgb] = []
    if query.attack == "picture in picture":
        others = clip_film.read_film(query.other.path, 1.0, min(query.length_s, query.other.duration_s - 1))[
            0
        ]
    y, x = rng.uniform(0, 1, 2).tolist()
    scene = clip_film.Scene((y, x), others)
    shown = list(clip_film.painted(frames, clip_film.PICTURE[query.attack], scene))
    path = _written(query, folder, shown, rate, None)
    return Clip(path, (Piece(0.0, len(frames) / float(rate), query.source.name, at),))


def _time(query: Query, rng: np.random.Generator, _: Path, folder: Path) -> Clip:
    """A clip changed in time, without sound."""
    speed = FILM_SPEEDS.get(query.attack, 1.0)
    at = _start(query, rng, query.length_s * speed)
    frames, rate, _sound_too = _taken(query.source, at, query.length_s * speed)
    length_s = len(frames) / float(rate) / speed
    pieces: tuple[Piece, ...] = (Piece(0.0, length_s, query.source.name, at, speed),)
    if speed != 1.0:
        rate = Fraction(float(rate) * speed).limit_denominator(1000)
    elif query.attack == "6 frames/s":
        step = max(1, round(float(rate) / 6))
        frames, rate = frames[::step], rate / step
    elif query.attack == "reversed":
        frames, pieces = frames[::-1], (Piece(0.0, length_s, query.source.name, at, -1.0),)
    else:  # half of the clip, then its last frame
        half = len(frames) // 2
        frames = [*frames[:half], *[frames[half - 1]] * (len(frames) - half)]
        seam_s = half / float(rate)
        shown_s = at + (half - 1) / float(rate)
        pieces = (
            Piece(0.0, seam_s, query.source.name, at),
            Piece(seam_s, len(frames) / float(rate), query.source.name, shown_s, 0.0),
        )
    return Clip(_written(query, folder, frames, rate, None), pieces)


def _still(query: Query, rng: np.random.Generator, _: Path, folder: Path) -> Clip:
    at = _start(query, rng, 1.0)
    frames, _rate, _wave = _taken(query.source, at, 0.5)
    path = folder / f"{query.name}.jpg"
    cv2.imwrite(str(path), frames[0][:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 75])
    return Clip(path, (Piece(0.0, 0.0, query.source.name, at),))


def _edit(query: Query, rng: np.random.Generator, _: Path, folder: Path) -> Clip:
    """Two halves of a clip from different places, each at least six seconds from the other's end."""
    half_s = query.length_s / 2
    room = query.source.duration_s - query.length_s - 6.5
    first = round(float(rng.uniform(0.0, max(room, 0.0))) * 12) / 12
    second = first + half_s + 6.0
    order = {
        "cut": [(query.source, first), (query.source, second)],
        "reordered": [(query.source, second), (query.source, first)],
        "repeated": [(query.source, first), (query.source, first)],
        "two films": [(query.source, first), (query.other, 2.0)],
    }[query.attack]
    frames: list[clip_film.Rgb] = []
    waves: list[Wave] = []
    pieces = []
    rate = Fraction(12)
    for original, at in order:
        shown, own_rate, sound = _taken(original, at, half_s)
        rate = own_rate if not frames else rate
        size = frames[0].shape[1::-1] if frames else shown[0].shape[1::-1]
        if own_rate != rate:  # or the second film would run at another speed
            count = round(len(shown) * float(rate / own_rate))
            shown = [shown[min(int(n * own_rate / rate), len(shown) - 1)] for n in range(count)]
        started_s = len(frames) / float(rate)
        frames += [clip_film.sized(one, *size) if one.shape[1::-1] != size else one for one in shown]
        waves.append(sound if sound is not None else np.zeros(round(half_s * RATE), np.float32))
        pieces.append(Piece(started_s, len(frames) / float(rate), original.name, at))
    cut_s = pieces[1].start_s
    return Clip(_written(query, folder, frames, rate, joined(waves)), tuple(pieces), (cut_s, cut_s))


def _tracks(query: Query, rng: np.random.Generator, cache: Path, folder: Path) -> Clip:
    length_s = query.length_s
    at = _start(query, rng, length_s + 2)
    if query.attack == "voice cloned":  # where it is known what is said
        at = min(at, max(0.0, query.source.parts[-1].end_s - length_s))
    frames, rate, sound = _taken(query.source, at, length_s)
    if sound is None:
        raise ValueError(f"{query.source.name} has no sound to be changed")
    if query.attack == "dubbed":
        other = read_wave(query.other.path, 3.0, length_s)
        sound = np.resize(other, len(sound))
    elif query.attack == "voice cloned":
        sound = _cloned(query, cache, at, length_s, rng)
    elif query.attack == "other picture":
        frames, rate = clip_film.read_film(query.other.path, 1.0, length_s)
    else:
        shift_s = float(rng.uniform(0.7, 1.6))
        sound = read_wave(query.source.path, at + shift_s, length_s)
    path = _written(query, folder, frames, rate, sound)
    return Clip(path, (Piece(0.0, length_s, query.source.name, at),))


def _cloned(query: Query, cache: Path, at: float, length_s: float, rng: np.random.Generator) -> Wave:
    """Return the words of a clip spoken by another voice, each sentence as long as it was."""
    own = query.source.voice
    voices = [one for one in clip_packages.voices() if one.split()[1][:3] != own.split()[-1][:3]]
    voice = voices[int(rng.integers(len(voices)))]
    made = np.zeros(round(length_s * RATE), np.float32)
    for part in query.source.parts:
        if part.end_s <= at or part.start_s >= at + length_s:
            continue
        said = spoken(cache, voice, part.text)
        tempo = min(max(len(said) / RATE / (part.end_s - part.start_s), 0.5), 2.0)
        said = filtered(said, ("atempo", f"{tempo:.5f}"))
        said = (said * (0.08 / loudness(said))).astype(np.float32)
        first = round((part.start_s - at) * RATE)
        piece = said[max(0, -first) :][: max(0, len(made) - max(first, 0))]
        made[max(first, 0) : max(first, 0) + len(piece)] += piece
    return made


def _region(query: Query, rng: np.random.Generator, _: Path, folder: Path) -> Clip:
    """Four seconds in the middle of a clip with a region of 5 % of the area replaced, or all of a shorter clip."""
    at = _start(query, rng, query.length_s)
    frames, rate, sound = _taken(query.source, at, query.length_s)
    other = clip_film.read_film(query.other.path, 2.0, 0.5)[0][0]
    count = min(round(4 * float(rate)), len(frames))
    first = (len(frames) - count) // 2
    y, x = rng.uniform(0.1, 0.9, 2).tolist()
    changed = list(clip_film.region_replaced(frames[first : first + count], other, (y, x), 0.05))
    shown = [*frames[:first], *changed, *frames[first + count :]]
    span = (first / float(rate), (first + count) / float(rate))
    path = _written(query, folder, shown, rate, sound)
    return Clip(path, (Piece(0.0, len(frames) / float(rate), query.source.name, at),), span)


def _sound(query: Query, rng: np.random.Generator, _: Path, folder: Path) -> Clip:
    speed = clip_sound.SPEEDS.get(query.attack, 1.0)
    at = _start(query, rng, query.length_s * speed)
    wave = read_wave(query.source.path, at, query.length_s * speed)
    wave = clip_sound.COPYING[query.attack](wave, rng)
    path = folder / f"{query.name}.wav"
    write_wave(path, wave)
    return Clip(path, (Piece(0.0, len(wave) / RATE, query.source.name, at, speed),))


def _words(query: Query, rng: np.random.Generator, _: Path, folder: Path) -> Clip:
    at = _start(query, rng, query.length_s)
    wave = read_wave(query.source.path, at, query.length_s)
    other = read_wave(query.other.path, 5.0, 25.0)
    length_s = float(rng.uniform(0.6, 1.2))
    altered = {
        "word replaced": lambda: clip_sound.replaced(wave, other, length_s, rng),
        "word cut": lambda: clip_sound.removed(wave, length_s, rng),
        "word inserted": lambda: clip_sound.inserted(wave, other, length_s, rng),
        "music added": lambda: clip_sound.Altered(clip_sound.overlaid(wave, other, 6.0), 0.0, query.length_s),
        "untouched": lambda: clip_sound.Altered(wave, 0.0, 0.0),
    }[query.attack]()
    changes = tuple(clip_sound.COPYING) if query.attack == "untouched" else MILD
    change = changes[int(rng.integers(len(changes)))]
    speed = clip_sound.SPEEDS.get(change, 1.0)
    path = folder / f"{query.name}.wav"
    write_wave(path, clip_sound.COPYING[change](altered.wave, rng))
    piece = Piece(0.0, len(altered.wave) / RATE / speed, query.source.name, at, speed)
    return Clip(path, (piece,), (altered.start_s, altered.end_s))


def _stranger(query: Query, rng: np.random.Generator, _: Path, folder: Path) -> Clip:
    """A clip of an original that is not registered, lightly copied."""
    at = _start(query, rng, query.length_s)
    if query.source.film:
        frames, rate, sound = _taken(query.source, at, query.length_s)
        small = [clip_film.sized(one, one.shape[1] * 2 // 3, one.shape[0] * 2 // 3) for one in frames]
        return Clip(_written(query, folder, small, rate, sound), ())
    path = folder / f"{query.name}.wav"
    write_wave(path, read_wave(query.source.path, at, query.length_s))
    return Clip(path, ())


# --- plan ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counts:
    """Clips of each attack and length: of pictures, tracks, sound, words, and of unregistered material."""

    picture: int
    tracks: int
    sound: int
    words: int
    strangers: int


def plan(registered: Sequence[Original], strangers: Sequence[Original], counts: Counts) -> Iterator[Query]:
    """Yield the queries of a run, sources by turns, in an order that mixes cheap and costly ones."""
    made = [*_film_plan(registered, strangers, counts), *_sound_plan(registered, strangers, counts)]
    own = [one for one in strangers if one.duration_s > 8]
    films, recordings = [one for one in own if one.film], [one for one in own if not one.film]
    for number in range(counts.strangers):
        # A film costs some twenty times a recording.
        kind = films if films and number % 32 == 0 else recordings
        length_s = (5.0, 10.0, 5.0, 10.0, 5.0, 10.0, 5.0, 30.0)[number // 32 % 8]
        source = kind[number // 32 % len(kind)] if kind is films else kind[number * 3 % len(kind)]
        made.append(
            Query("stranger", "film" if source.film else source.genre, length_s, source, source, number)
        )
    order = np.random.default_rng(1).permutation(len(made))
    return (made[i] for i in order)


def _film_plan(
    registered: Sequence[Original], strangers: Sequence[Original], counts: Counts
) -> Iterator[Query]:
    films = _mixed([one for one in registered if one.film])
    voiced = [one for one in films if one.voice and one.duration_s > 16]
    cloneable = [one for one in voiced if one.parts and one.voice.startswith(("flite", "espeak"))]
    other_films = [one for one in strangers if one.film and one.duration_s > 13]
    speech = [one for one in strangers if not one.film and one.genre.endswith("speech")]
    seed = 0
    for attack in clip_film.PICTURE:
        for length_s, share in ((3.0, 0.25), (5.0, 1.0), (10.0, 1.0), (30.0, 0.25)):
            for _ in range(round(counts.picture * share)):
                seed += 1
                fitting = [one for one in films if one.duration_s > length_s + 1]
                yield Query(
                    "picture",
                    attack,
                    length_s,
                    fitting[seed % len(fitting)],
                    other_films[seed % len(other_films)],
                    seed,
                )
    long = [one for one in films if one.duration_s > 24]
    for group, attacks, length_s, sources, others in (
        ("time", TIMES, 10.0, long, long),
        ("still", ("still picture",), 0.0, films, films),
        ("edit", EDITS, 12.0, long, long),
        ("tracks", TRACKS, 8.0, voiced, speech),
        ("region", ("region replaced",), 10.0, long, other_films),
    ):
        for attack in attacks:
            share = TRACK_SHARES.get(attack, 1.0)
            count = round(counts.tracks * share) if group == "tracks" else counts.picture
            for _ in range(count * (2 if group == "region" else 1)):
                seed += 1
                chosen = cloneable if attack == "voice cloned" else sources
                pool = other_films if attack == "other picture" else others
                if chosen and pool:
                    source = chosen[seed % len(chosen)]
                    rest = [one for one in pool if one.name != source.name] or pool
                    yield Query(group, attack, length_s, source, rest[seed * 5 % len(rest)], seed)


def _mixed(films: Sequence[Original]) -> list[Original]:
    """Return films so that taking them by turns gives one panned photograph in four: those cannot be placed."""
    panned = [one for one in films if one.genre == "panned photograph"]
    moving = [one for one in films if one.genre != "panned photograph"]
    if not panned or not moving:
        return list(films)
    turns = [moving[number % len(moving)] for number in range(max(len(moving), 3 * len(panned)))]
    return [
        one
        for n, each in enumerate(turns)
        for one in ([each, panned[n // 3 % len(panned)]] if n % 3 == 2 else [each])
    ]


def _sound_plan(
    registered: Sequence[Original], strangers: Sequence[Original], counts: Counts
) -> Iterator[Query]:
    recordings = [one for one in registered if not one.film and one.duration_s > 35]
    speech = [one for one in recordings if one.genre.endswith("speech")]
    music = [one for one in strangers if one.genre == "music"] or recordings
    seed = 100_000
    for attack in clip_sound.COPYING:
        for length_s, share in ((5.0, 1.0), (10.0, 0.6), (30.0, 0.2)):
            for _ in range(round(counts.sound * share)):
                seed += 1
                source = recordings[seed * 7 % len(recordings)]
                yield Query("sound", attack, length_s, source, source, seed)
    for attack in WORDS:
        for _ in range(counts.words * (UNTOUCHED if attack == "untouched" else 1)):
            seed += 1
            source = speech[seed % len(speech)]
            same = [one for one in speech if one.voice == source.voice and one.name != source.name] or [
                source
            ]
            other = music[seed % len(music)] if attack == "music added" else same[seed % len(same)]
            length_s = 30.0 if attack == "untouched" else 15.0
            yield Query("words", attack, length_s, source, other, seed)
