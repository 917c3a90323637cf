"""What happens to circulating sound: codecs, noise, tone, speed and pitch, telephones; words replaced, cut, inserted.

Each copying change takes samples and returns samples; each alteration also says when, in the copy, it lies.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from bench.clip_waves import RATE, Wave, filtered, joined, loudness, read_wave, write_wave

Change = Callable[[Wave, np.random.Generator], Wave]
# Frames of a tenth of a second louder than this share of the whole are speech rather than pause.
_SPEECH = 0.3


def coded(wave: Wave, _: np.random.Generator, *, codec: str, suffix: str, bit_rate: int) -> Wave:
    """Return the sound after a lossy codec."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / f"a{suffix}"
        write_wave(path, wave, codec, bit_rate)
        return read_wave(path)


def noisy(wave: Wave, rng: np.random.Generator, *, db: float) -> Wave:
    """Return the sound with noise ``db`` below its level, falling with frequency as that of a room does."""
    spectrum = np.fft.rfft(rng.standard_normal(len(wave)))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), len(spectrum) / 60))
    noise = np.fft.irfft(spectrum, len(wave)).astype(np.float32)
    return (wave + noise * (loudness(wave) * 10 ** (-db / 20) / loudness(noise))).astype(np.float32)


def passed(wave: Wave, _: np.random.Generator, *, steps: tuple[tuple[str, str], ...]) -> Wave:
    """Return the sound after filters of FFmpeg."""
    return filtered(wave, *steps)


def resampled(wave: Wave, _: np.random.Generator, *, speed: float, tempo: float = 1.0) -> Wave:
    """Return the sound played ``speed`` times as fast, pitch and all, then ``tempo`` times at the same pitch."""
    steps = [("asetrate", str(round(RATE * speed))), ("aresample", str(RATE))] if speed != 1.0 else []
    return filtered(wave, *steps, *([("atempo", f"{tempo:.6f}")] if tempo != 1.0 else []))


def telephone(wave: Wave, rng: np.random.Generator) -> Wave:
    """Return the sound of a telephone call: 300 to 3,400 Hz, 8 kHz, mu-law."""
    band = filtered(wave, *(("highpass", "f=300"),) * 2, *(("lowpass", "f=3400"),) * 2)
    return coded(band, rng, codec="pcm_mulaw", suffix=".wav", bit_rate=64_000)


#: Copying that must not hide the original, by name. ``speed`` moves pitch and tempo together.
COPYING: Final[Mapping[str, Change]] = {
    "mp3 32k": partial(coded, codec="libmp3lame", suffix=".mp3", bit_rate=32_000),
    "opus 16k": partial(coded, codec="libopus", suffix=".ogg", bit_rate=16_000),
    "aac 32k": partial(coded, codec="aac", suffix=".m4a", bit_rate=32_000),
    "noise 20 dB": partial(noisy, db=20.0),
    "noise 10 dB": partial(noisy, db=10.0),
    "EQ bass": partial(passed, steps=(("bass", "g=9"), ("treble", "g=-9"))),
    "EQ treble": partial(passed, steps=(("bass", "g=-9"), ("treble", "g=9"))),
    "echo": partial(passed, steps=(("aecho", "0.8:0.9:70|130:0.4|0.25"),)),
    "speed +3 %": partial(resampled, speed=1.03),
    "speed -3 %": partial(resampled, speed=0.97),
    "tempo +3 %": partial(resampled, speed=1.0, tempo=1.03),
    "tempo -3 %": partial(resampled, speed=1.0, tempo=0.97),
    "pitch +3 %": partial(resampled, speed=1.03, tempo=1 / 1.03),
    "pitch -3 %": partial(resampled, speed=0.97, tempo=1 / 0.97),
    "telephone": telephone,
}
#: Copy seconds of original time per second, by change; the others keep the time.
SPEEDS: Final = {"speed +3 %": 1.03, "speed -3 %": 0.97, "tempo +3 %": 1.03, "tempo -3 %": 0.97}


@dataclass(frozen=True, slots=True)
class Altered:
    """Samples with the stretch, in seconds of the copy, that was altered; equal ends are a cut point."""

    wave: Wave
    start_s: float
    end_s: float


def speech_at(wave: Wave, length_s: float, rng: np.random.Generator) -> float:
    """Return a time at which ``length_s`` seconds are mostly spoken, not pause, a second off both ends."""
    hop = RATE // 10
    level = np.sqrt(np.mean(np.square(wave[: len(wave) // hop * hop].reshape(-1, hop)), axis=1))
    count = max(1, round(length_s * 10))
    loud = np.convolve(level > _SPEECH * loudness(wave), np.ones(count) / count, "valid")
    inner = np.arange(10, max(11, len(loud) - 10))
    inner = inner[inner < len(loud)]
    good = inner[loud[inner] >= 0.8] if len(inner) else inner
    if not len(good):
        good = np.array([int(loud.argmax())])
    return float(rng.choice(good)) / 10


def replaced(wave: Wave, other: Wave, length_s: float, rng: np.random.Generator) -> Altered:
    """Return the sound with a stretch of speech replaced by speech of ``other``, at the level that was there."""
    at = speech_at(wave, length_s, rng)
    start, end = round(at * RATE), round((at + length_s) * RATE)
    there = round(speech_at(other, length_s, rng) * RATE)
    word = other[there : there + end - start]
    word = word * (loudness(wave[start:end]) / loudness(word))
    made = joined([wave[:start], word.astype(np.float32), wave[end:]])
    return Altered(made, at, at + len(word) / RATE)


def removed(wave: Wave, length_s: float, rng: np.random.Generator) -> Altered:
    """Return the sound with a stretch of speech cut out."""
    at = speech_at(wave, length_s, rng)
    start, end = round(at * RATE), round((at + length_s) * RATE)
    return Altered(joined([wave[:start], wave[end:]]), at, at)


def inserted(wave: Wave, other: Wave, length_s: float, rng: np.random.Generator) -> Altered:
    """Return the sound with a stretch of speech of ``other`` put in."""
    at = speech_at(wave, 0.3, rng)
    start, there = round(at * RATE), round(speech_at(other, length_s, rng) * RATE)
    word = other[there : there + round(length_s * RATE)]
    word = (word * (loudness(wave) / loudness(word))).astype(np.float32)
    return Altered(joined([wave[:start], word, wave[start:]]), at, at + len(word) / RATE)


def overlaid(wave: Wave, under: Wave, db: float) -> Wave:
    """Return the sound with music or noise ``db`` below it, from end to end."""
    bed = np.resize(under, len(wave))
    return (wave + bed * (loudness(wave) * 10 ** (-db / 20) / loudness(bed))).astype(np.float32)
