"""Films and recordings made for the tests: every frame and sample is known."""

import io
from fractions import Fraction

import av
import numpy as np


def gray_film(
    levels,
    *,
    container="mp4",
    codec="mpeg4",
    rate=10,
    size=(64, 48),
    times=None,
    tone_s=0.0,
):
    """A film whose frame n has the gray level ``levels[n]``, shown at ``times[n]`` (default n / rate) seconds."""
    sink = io.BytesIO()
    with av.open(sink, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.bit_rate = 2_000_000
        stream.codec_context.time_base = Fraction(1, 1000)
        sound = output.add_stream("aac", rate=44100, layout="mono") if tone_s else None
        for number, level in enumerate(levels):
            frame = av.VideoFrame.from_ndarray(
                np.full((size[1], size[0], 3), level, np.uint8), format="rgb24"
            )
            time_s = number / rate if times is None else times[number]
            frame.pts, frame.time_base = round(time_s * 1000), Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
        if sound is not None:
            _tone(output, sound, tone_s)
    return sink.getvalue()


def _tone(output, stream, seconds, rate=44100, hz=441.0):
    wave = (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)
    for at in range(0, len(wave), 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, at : at + 1024], format="fltp", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), at
        output.mux(stream.encode(frame))
    output.mux(stream.encode())


def wav(seconds, *, rate=8000, channels=1, hz=441.0):
    """A 16-bit WAV file of a tone at half of full scale."""
    wave = np.round(16384 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype("<i2")
    content = np.repeat(wave, channels).tobytes()
    block = 2 * channels
    head = b"WAVEfmt \x10\0\0\0\x01\0" + channels.to_bytes(2, "little") + rate.to_bytes(4, "little")
    head += (rate * block).to_bytes(4, "little") + block.to_bytes(2, "little") + b"\x10\0data"
    head += len(content).to_bytes(4, "little")
    return b"RIFF" + (len(head) + len(content)).to_bytes(4, "little") + head + content


def turned(film, matrix):
    """The MP4 ``film`` with the first four numbers of its track's display matrix replaced (16.16 fixed point)."""
    at = film.index(b"tkhd") + 4 + 40  # version 0: 40 bytes before the matrix (ISO/IEC 14496-12, 8.3.2)
    made = bytearray(film)
    for place, value in zip((0, 4, 12, 16), matrix, strict=True):
        made[at + place : at + place + 4] = int(value * 65536).to_bytes(4, "big", signed=True)
    return bytes(made)
