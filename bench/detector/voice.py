"""Experiment: is a voice recorded or synthesised? ``python -m bench.detector.voice [--more NAME=FOLDER]``.

No part of the product: it shows what a simple model is worth on a voice it has not met. Recorded are the prompts
of five voice artists (Debian's ``asterisk-core-sounds-*``), synthesised is what flite and espeak-ng say, and what
``--more`` names: folders of recordings of other synthesisers. All of it passes a telephone's rate (8 kHz) and Opus
at 12 kbit/s, so that rate and format give nothing away; then artist and synthesiser are both held out.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from bench import clip_packages
from bench.clip_waves import Wave, read_wave, write_wave
from provenance.detect.curve import auc

#: Samples a second of a telephone; clips of one voice; seconds of a clip.
RATE: Final = 8_000
CLIPS: Final = 60
SECONDS: Final = (1.0, 8.0)
#: Synthesised voices among which the sentences are dealt out: no two say the same.
VOICES: Final = 8
_WINDOW: Final = 256
_BANDS: Final = 30
_STRENGTH: Final = 0.01


@dataclass(frozen=True, slots=True)
class Voice:
    """Clips of one voice: who speaks, what made it (``recorded`` or a synthesiser), features of its clips."""

    name: str
    maker: str
    table: NDArray[np.float64]


def features(wave: Wave) -> NDArray[np.float64]:
    """Return mean and spread of linear cepstra and of their steps, shape (4 x 20,), whatever the level."""
    voiced = wave / (np.abs(wave).max() + 1e-9)
    frames = np.lib.stride_tricks.sliding_window_view(voiced, _WINDOW)[:: _WINDOW // 2] * np.hanning(_WINDOW)
    power = np.abs(np.fft.rfft(frames, axis=1)[:, 1:]) ** 2
    loud = power[power.sum(axis=1) > np.quantile(power.sum(axis=1), 0.4)]
    edges = np.linspace(0, loud.shape[1], _BANDS + 1).astype(int)
    bands = np.log(np.stack([loud[:, a:b].mean(axis=1) for a, b in pairwise(edges)], 1) + 1e-9)
    angles = np.pi / _BANDS * (np.arange(_BANDS) + 0.5)
    cepstra = bands @ np.cos(np.outer(angles, np.arange(1, 21)))
    steps = np.diff(cepstra, axis=0)
    parts = (cepstra.mean(axis=0), cepstra.std(axis=0), steps.std(axis=0), np.abs(steps).mean(axis=0))
    return np.concatenate(parts).astype(np.float64)


def _through_codec(path: Path, scratch: Path) -> Wave | None:
    least, most = SECONDS
    wave = read_wave(path, 0.0, most)
    if len(wave) < least * 22_050:
        return None
    narrow, coded = scratch / "narrow.wav", scratch / "coded.ogg"
    write_wave(narrow, wave, "pcm_mulaw")
    write_wave(coded, read_wave(narrow), "libopus", 12_000)
    return read_wave(coded, rate=RATE)


def _voice(name: str, maker: str, paths: Sequence[Path]) -> Voice:
    rows: list[NDArray[np.float64]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for path in paths:
            wave = _through_codec(path, Path(scratch))
            if wave is not None and len(rows) < CLIPS:
                rows.append(features(wave))
    return Voice(name, maker, np.stack(rows))


def voices(cache: Path, more: dict[str, Path]) -> Iterator[Voice]:
    """Yield every voice with its clips."""
    for package in clip_packages.PROMPTS:
        found = [path for _, path in clip_packages.prompts(cache, package)]
        yield _voice(
            package.split("-")[3], "recorded", sorted(found, key=lambda one: -one.stat().st_size)[:CLIPS]
        )
    texts = [one for one in clip_packages.sentences() if len(one.split()) <= 20]
    with tempfile.TemporaryDirectory() as scratch:
        for number, voice in enumerate(clip_packages.voices()):
            paths = []
            for place, text in enumerate(texts[number::VOICES][:CLIPS]):
                paths.append(Path(scratch) / f"{number}-{place}.wav")
                clip_packages.speak(cache, voice, text, paths[-1])
            yield _voice(voice, voice.split(" ")[0], paths)
    for name, folder in more.items():
        yield _voice(name, name, sorted(folder.glob("*.wav"))[:CLIPS])


def fitted_scores(training: Sequence[Voice], tested: Voice) -> NDArray[np.float64]:
    """Return the scores of one voice by a model of the others; every voice of a label weighs the same."""
    table = np.concatenate([one.table for one in training])
    labels = np.concatenate([np.full(len(one.table), one.maker != "recorded") for one in training])
    counts = [sum((one.maker != "recorded") == (v.maker != "recorded") for v in training) for one in training]
    weights = np.concatenate(
        [
            np.full(len(one.table), 1 / count / len(one.table))
            for one, count in zip(training, counts, strict=True)
        ]
    )
    mean, spread = table.mean(axis=0), table.std(axis=0) + 1e-6
    model = LogisticRegression(C=_STRENGTH, max_iter=400)
    model.fit((table - mean) / spread, labels, sample_weight=weights * len(table))
    return np.asarray(model.decision_function((tested.table - mean) / spread), np.float64)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--more", action="append", default=[], metavar="NAME=FOLDER")
    place = os.environ.get("PROVENANCE_BENCH_CACHE", "~/.cache/content-provenance")
    parser.add_argument("--cache", type=Path, default=Path(place).expanduser())
    asked = parser.parse_args()
    more = {name: Path(folder) for name, _, folder in (one.partition("=") for one in asked.more)}
    known = list(voices(asked.cache, more))
    print(", ".join(f"{one.name} ({len(one.table)})" for one in known))
    recorded = [one for one in known if one.maker == "recorded"]
    makers = sorted({one.maker for one in known} - {"recorded"})
    print("area, synthesiser (down) and recorded artist (across) held out")
    print(f"{'':12}" + "".join(f"{one.name:>8}" for one in recorded) + "    mean  worst")
    for maker in makers:
        areas = []
        for artist in recorded:
            training = [one for one in known if one.maker != maker and one is not artist]
            made = [fitted_scores(training, one) for one in known if one.maker == maker]
            areas.append(auc(fitted_scores(training, artist), np.concatenate(made)))
        shown = "".join(f"{one:8.2f}" for one in areas)
        print(f"{maker:12}{shown}{np.mean(areas):8.2f}{min(areas):7.2f}", flush=True)


if __name__ == "__main__":
    main()
