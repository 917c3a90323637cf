"""Samples in and out of files for the clip bench: mono float32, one rate everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, cast

import av
import numpy as np
from numpy.typing import NDArray

#: Samples a second of all sound the bench makes: above twice the highest band the product looks at.
RATE: Final = 22_050
Wave = NDArray[np.float32]


def read_wave(
    path: Path | str, start_s: float = 0.0, length_s: float | None = None, *, rate: int = RATE
) -> Wave:
    """Return the sound of a file, float32, mono, at ``rate``."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
    parts: list[Wave] = []
    count, end = 0, None if length_s is None else round((start_s + length_s) * rate)
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            for piece in resampler.resample(frame):
                parts.append(piece.to_ndarray()[0])
                count += len(parts[-1])
            if end is not None and count >= end:
                break
        else:
            parts += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
    joined = np.concatenate([np.zeros(0, np.float32), *parts])
    return joined[round(start_s * rate) : end]


def write_wave(path: Path, wave: Wave, codec: str = "pcm_s16le", bit_rate: int | None = None) -> None:
    """Write samples as a recording; the container follows from the name."""
    rates = {"libopus": 24_000, "amr_nb": 8_000, "pcm_mulaw": 8_000}
    with av.open(str(path), "w") as out:
        stream = cast("Any", out.add_stream(codec, rate=rates.get(codec, RATE)))
        stream.layout = "mono"
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        mux_wave(out, stream, wave)


def mux_wave(out: Any, stream: Any, wave: Wave) -> None:
    """Encode samples into a stream of an open container, to the end of both."""
    context = stream.codec_context
    resampler = av.AudioResampler(format=context.format, layout="mono", rate=stream.rate)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave[None, :], np.float32), "fltp", "mono")
    frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
    fifo, at, size = av.AudioFifo(), 0, context.frame_size or 1024
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        piece.pts = None
        fifo.write(piece)
    while (block := fifo.read(size, partial=True)) is not None:
        block.pts, block.time_base = at, Fraction(1, stream.rate)
        at += block.samples
        out.mux(stream.encode(block))
    out.mux(stream.encode(None))


def filtered(wave: Wave, *steps: tuple[str, str]) -> Wave:
    """Return samples after FFmpeg filters, each a name and its arguments."""
    graph = av.filter.Graph()
    last = graph.add_abuffer(sample_rate=RATE, format="flt", layout="mono", time_base=Fraction(1, RATE))
    end = f"sample_rates={RATE}:sample_fmts=flt:channel_layouts=mono"
    for name, arguments in (*steps, ("aformat", end), ("abuffersink", "")):
        node = graph.add(name, arguments or None)
        last.link_to(node)
        last = node
    graph.configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave[None, :], np.float32), "flt", "mono")
    frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
    graph.push(frame)
    graph.push(None)
    parts = [np.zeros(0, np.float32)]
    while True:
        try:
            parts.append(cast("Any", graph.pull()).to_ndarray()[0])
        except (av.error.EOFError, av.error.BlockingIOError):
            return np.concatenate(parts)


def loudness(wave: Wave) -> float:
    """Return the root mean square of samples, at least 1e-6."""
    return max(float(np.sqrt(np.mean(np.square(wave)))), 1e-6) if len(wave) else 1e-6


def joined(pieces: Sequence[Wave], fade_s: float = 0.01) -> Wave:
    """Return pieces one after another, each faded in and out so that no seam clicks."""
    out = []
    for piece in pieces:
        count = min(round(fade_s * RATE), len(piece) // 2)
        shaped = piece.copy()
        if count:
            ramp = np.linspace(0, 1, count, dtype=np.float32)
            shaped[:count] *= ramp
            shaped[-count:] *= ramp[::-1]
        out.append(shaped)
    return np.concatenate([np.zeros(0, np.float32), *out])
