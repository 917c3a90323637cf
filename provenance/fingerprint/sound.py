"""Sound codes and the finer spectrum stored beside them, computed from a stream of samples.

The codes are those of Chromaprint, algorithm TEST2: 32 bits about eight times a second, each bit pair a
quantised contrast in a 16-frame picture of twelve pitch classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.fft import rfft
from numpy.typing import NDArray

from provenance.errors import FormatError, UnmatchableError

#: Samples a second of everything here, mono. Source: Chromaprint.
RATE_HZ: Final = 11_025
#: Samples of one analysed frame, and from one frame to the next. Source: Chromaprint, TEST2.
FRAME: Final = 4096
STEP: Final = FRAME // 3
#: Seconds from one code to the next, 0.1238.
STEP_S: Final = STEP / RATE_HZ
#: Pitch classes; octaves fold onto each other.
_CLASSES = 12
_LOW_HZ, _HIGH_HZ, _TUNING_HZ = 28, 3520, 440.0
_SMOOTHING: Final = np.array([0.25, 0.75, 1.0, 0.75, 0.25])
# Below this norm a frame has no pitch at all and counts as silence. Source: Chromaprint.
_NORM_FLOOR = 0.01
_WIDTH = 16
#: Frames one code depends on: 16 smoothed ones, each of 5.
CODE_FRAMES: Final = _WIDTH + len(_SMOOTHING) - 1
#: Samples one code depends on, and so the shortest sound that has one (2.72 s).
CODE_SAMPLES: Final = FRAME + (CODE_FRAMES - 1) * STEP
#: Level, dB against a full-scale square wave, under which a frame counts as silent. Source: 16-bit sound at
#: -72 dB is 8 quantisation steps; below it codes are those of the dither, not of the content.
SILENCE_DB: Final = -72.0
#: Codes with sound in them that are the least to be matched by: three seconds of codes.
MIN_LOUD: Final = 8

#: By how many semitones a copy may be higher than the original: forms of a query beside the plain one. Codes bear
#: a third of a semitone (2 %), so these reach 8 %, past the 4 % of film shown at 25 frames a second.
#: Source: docs/measurements.md, clips.
PITCHES: Final = (0.5, -0.5, 1.0, -1.0)

#: Frames a second and bands of the spectrum. Source: docs/measurements.md, clips: two readings of one phrase by one
#: speaker agree less at twenty frames a second of 93 ms than at ten of 186 ms, genuine copies more.
MEL_RATE: Final = 20
MEL_BANDS: Final = 32
_MEL_FRAME = 1024
_MEL_LOW_HZ, _MEL_HIGH_HZ = 60.0, 5400.0
#: A stored level v means v / MEL_STEPS_PER_DB - 100 dB; 255 is 0 dB, a full-scale sine within the band.
MEL_STEPS_PER_DB: Final = 2.55
_MEL_FLOOR_DB = -100.0

# Kind of contrast, first pitch class, pitch classes, frames; then the three thresholds of its two bits.
# Source: Chromaprint, TEST2; trained constants, their order is part of the format.
_CONTRASTS: Final = (
    (0, 4, 3, 15, 1.98215, 2.35817, 2.63523),
    (4, 4, 6, 15, -1.03809, -0.651211, -0.282167),
    (1, 0, 4, 16, -0.298702, 0.119262, 0.558497),
    (3, 8, 2, 12, -0.105439, 0.0153946, 0.135898),
    (3, 4, 4, 8, -0.142891, 0.0258736, 0.200632),
    (4, 0, 3, 5, -0.826319, -0.590612, -0.368214),
    (1, 2, 2, 9, -0.557409, -0.233035, 0.0534525),
    (2, 7, 3, 4, -0.0646826, 0.00620476, 0.0784847),
    (2, 6, 2, 16, -0.192387, -0.029699, 0.215855),
    (2, 1, 3, 2, -0.0397818, -0.00568076, 0.0292026),
    (5, 10, 1, 15, -0.53823, -0.369934, -0.190235),
    (3, 6, 2, 10, -0.124877, 0.0296483, 0.139239),
    (2, 1, 1, 14, -0.101475, 0.0225617, 0.231971),
    (3, 5, 6, 4, -0.0799915, -0.00729616, 0.063262),
    (1, 9, 2, 12, -0.272556, 0.019424, 0.302559),
    (3, 4, 2, 14, -0.164292, -0.0321188, 0.0846339),
)
# Neighbouring levels differ in one bit.
_GRAY: Final = np.array([0, 1, 3, 2], np.uint32)
# Frames analysed at a time: 2 MB of spectrum, and the arrays are long enough for NumPy to be quick.
_BLOCK = 64

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """What is kept of a recording.

    Attributes:
        codes: uint32, shape (n,): code i speaks of the samples ``i * STEP`` to ``i * STEP + CODE_SAMPLES``.
        loud: bool, shape (n,): whether at least half of the frames of a code are above the silence level;
            codes of silence are all the same and match any silence.
        mel: uint8, shape (m, 32): levels in 32 bands of the mel scale, row j around second ``j / MEL_RATE``;
            v means ``v / MEL_STEPS_PER_DB - 100`` dB.
        duration_s: Length, seconds.
        pitched: Codes of a query taken as that many semitones too high, in the order of :data:`PITCHES`; none for
            registration.
    """

    codes: NDArray[np.uint32]
    loud: NDArray[np.bool_]
    mel: NDArray[np.uint8]
    duration_s: float
    pitched: tuple[NDArray[np.uint32], ...] = ()

    def __len__(self) -> int:
        return len(self.codes)


class SoundCollector:
    """Computes codes and spectrum of samples fed in pieces; holds under 3 MB beside its results.

    Args:
        pitches: Semitones by which the sound may be too high, :data:`PITCHES` for a query.
    """

    def __init__(self, pitches: tuple[float, ...] = ()) -> None:
        self._total = 0
        self._codes = _CodeStream((0.0, *pitches))
        self._mel = _MelStream()

    def add(self, samples: Samples) -> None:
        """Take in the next samples.

        Args:
            samples: float32, shape (n,), mono at 11,025 Hz, full scale -1..1.

        Raises:
            FormatError: Another shape or type, or a sample is not a finite number.
        """
        if samples.ndim != 1 or samples.dtype != np.float32:
            raise FormatError(
                f"expected float32 samples of shape (n,), found {samples.dtype} {samples.shape}"
            )
        for start in range(0, len(samples), _BLOCK * STEP):
            piece = samples[start : start + _BLOCK * STEP]
            if not np.isfinite(piece).all():
                raise FormatError("expected finite samples, found an infinity or not-a-number")
            self._total += len(piece)
            self._codes.add(piece)
            self._mel.add(piece)

    def finish(self) -> Sound:
        """Return codes and spectrum of all that was taken in.

        Raises:
            UnmatchableError: Shorter than one code (2.72 s), or silent.
        """
        if self._total < CODE_SAMPLES:
            raise UnmatchableError(
                f"sound is too short to be fingerprinted: {self._total / RATE_HZ:.2f} s, "
                f"at least {CODE_SAMPLES / RATE_HZ:.2f} s needed",
                hint="exact digests still find it",
            )
        (codes, *pitched), loud = self._codes.finish()
        if int(loud.sum()) < min(MIN_LOUD, len(loud)):
            raise UnmatchableError(
                f"sound is too quiet to be fingerprinted: {int(loud.sum())} of {len(loud)} codes are above "
                f"{SILENCE_DB:.0f} dB, at least {min(MIN_LOUD, len(loud))} needed",
                hint="exact digests still find it",
            )
        return Sound(codes, loud, self._mel.finish(), self._total / RATE_HZ, tuple(pitched))


def sound(samples: Samples, pitches: tuple[float, ...] = ()) -> Sound:
    """Return codes and spectrum of a whole recording; arguments and errors as :class:`SoundCollector`."""
    collector = SoundCollector(pitches)
    collector.add(samples)
    return collector.finish()


def log_mel(samples: Samples) -> NDArray[np.uint8]:
    """Return the spectrum alone, for a recording of any length and level.

    Args:
        samples: float32, shape (n,), mono at 11,025 Hz.

    Returns:
        uint8, shape (m, 32), as :attr:`Sound.mel`; m is the duration in twentieths of a second, rounded up.
    """
    stream = _MelStream()
    for start in range(0, len(samples), _BLOCK * STEP):
        stream.add(samples[start : start + _BLOCK * STEP])
    return stream.finish()


class _CodeStream:
    """Frames -> power in pitch classes -> smoothed, normalised rows -> contrasts -> codes, for several pitches."""

    def __init__(self, pitches: tuple[float, ...]) -> None:
        self._fold = np.concatenate([_fold(one) for one in pitches], axis=1)
        self._samples = np.zeros(0, np.float32)
        self._chroma = np.zeros((0, len(pitches), _CLASSES))
        self._rows = np.zeros((0, len(pitches), _CLASSES))
        self._levels: list[NDArray[np.bool_]] = []
        self._codes: list[list[NDArray[np.uint32]]] = [[np.zeros(0, np.uint32)] for _ in pitches]

    def add(self, samples: Samples) -> None:
        held = np.concatenate([self._samples, samples])
        count = max(0, (len(held) - FRAME) // STEP + 1)
        if not count:
            self._samples = held
            return
        frames = np.lib.stride_tricks.sliding_window_view(held, FRAME)[: count * STEP : STEP]
        self._samples = held[count * STEP :].copy()
        self._levels.append(np.mean(np.square(frames, dtype=np.float64), axis=1) > 10 ** (SILENCE_DB / 10))
        spectrum = rfft(frames * _HAMMING, axis=1)[:, _BINS]
        power = spectrum.real**2 + spectrum.imag**2
        folded = (power @ self._fold).reshape(count, -1, _CLASSES)
        self._chroma = np.concatenate([self._chroma, folded])
        self._smooth()

    def _smooth(self) -> None:
        count = len(self._chroma) - len(_SMOOTHING) + 1
        if count <= 0:
            return
        rows = sum(weight * self._chroma[i : i + count] for i, weight in enumerate(_SMOOTHING))
        self._chroma = self._chroma[count:]
        norm = np.sqrt(np.square(rows).sum(axis=2, keepdims=True))
        rows = np.divide(rows, norm, out=np.zeros_like(rows), where=norm >= _NORM_FLOOR)
        self._rows = np.concatenate([self._rows, rows])
        count = len(self._rows) - _WIDTH + 1
        if count > 0:
            for number, found in enumerate(self._codes):
                found.append(_codes(self._rows[:, number], count))
            self._rows = self._rows[count:]

    def finish(self) -> tuple[list[NDArray[np.uint32]], NDArray[np.bool_]]:
        codes = [np.concatenate(found) for found in self._codes]
        levels = np.concatenate([np.zeros(0, np.bool_), *self._levels]).astype(np.int64)
        sums = np.concatenate([[0], np.cumsum(levels)])
        loud = (sums[CODE_FRAMES:] - sums[:-CODE_FRAMES]) * 2 >= CODE_FRAMES
        return codes, loud


def _codes(rows: NDArray[np.float64], count: int) -> NDArray[np.uint32]:
    """Return the codes of the ``count`` windows of 16 rows."""
    table = np.zeros((len(rows) + 1, _CLASSES + 1))
    table[1:, 1:] = rows.cumsum(axis=0).cumsum(axis=1)

    def area(x0: int, x1: int, y0: int, y1: int) -> NDArray[np.float64]:
        ahead, behind = table[x1 : x1 + count], table[x0 : x0 + count]
        return ahead[:, y1] - ahead[:, y0] - behind[:, y1] + behind[:, y0]

    codes = np.zeros(count, np.uint32)
    for kind, y, h, w, *thresholds in _CONTRASTS:
        whole = area(0, w, y, y + h)
        bright = sum((area(*part) for part in _bright(kind, y, h, w)), np.zeros(count))
        dark = whole - bright if kind else np.zeros(count)
        level = np.searchsorted(thresholds, np.log((1 + bright) / (1 + dark)), side="right")
        codes = (codes << np.uint32(2)) | _GRAY[level]
    return codes


def _bright(kind: int, y: int, h: int, w: int) -> list[tuple[int, int, int, int]]:
    """Return the parts (frames from, to, classes from, to) set against the rest of the rectangle."""
    h2, w2, h3, w3 = h // 2, w // 2, h // 3, w // 3
    return {
        0: [(0, w, y, y + h)],
        1: [(0, w, y + h2, y + h)],
        2: [(w2, w, y, y + h)],
        3: [(0, w2, y + h2, y + h), (w2, w, y, y + h2)],
        4: [(0, w, y + h3, y + 2 * h3)],
        5: [(w3, 2 * w3, y, y + h)],
    }[kind]


def _bins() -> slice:
    """Return the bins from the lowest to the highest note."""
    low, high = (round(FRAME * hz / RATE_HZ) for hz in (_LOW_HZ, _HIGH_HZ))
    return slice(max(1, low), min(FRAME // 2, high))


def _fold(semitones: float) -> NDArray[np.float64]:
    """Return a matrix that folds the bins into classes, of sound that is ``semitones`` too high."""
    tuning_hz = _TUNING_HZ * 2 ** (semitones / 12)
    octave = np.log2(np.arange(_BINS.start, _BINS.stop) * RATE_HZ / FRAME / (tuning_hz / 16))
    classes = np.floor(_CLASSES * (octave - np.floor(octave))).astype(np.int64)
    folded: NDArray[np.float64] = np.eye(_CLASSES)[classes]
    return folded


class _MelStream:
    """Levels in mel bands, twenty times a second, each of 1,024 samples around its time."""

    def __init__(self) -> None:
        # Half a frame of silence stands before the first sample, so that row 0 is around second 0.
        self._samples = np.zeros(_MEL_FRAME // 2, np.float32)
        self._start = -(_MEL_FRAME // 2)
        self._next = 0
        self._total = 0
        self._rows: list[NDArray[np.uint8]] = []

    def add(self, samples: Samples) -> None:
        self._total += len(samples)
        self._samples = np.concatenate([self._samples, samples])
        self._take(self._start + len(self._samples) - _MEL_FRAME // 2)

    def finish(self) -> NDArray[np.uint8]:
        self._samples = np.concatenate([self._samples, np.zeros(_MEL_FRAME, np.float32)])
        self._take(self._total - 1)
        return np.concatenate([np.zeros((0, MEL_BANDS), np.uint8), *self._rows])

    def _take(self, last: int) -> None:
        """Analyse the frames centred on samples up to ``last``, which must be complete."""
        centres = []
        # The rate does not divide 11,025; centres are rounded so that no drift builds up.
        while (centre := round(self._next * RATE_HZ / MEL_RATE)) <= last:
            centres.append(centre - self._start - _MEL_FRAME // 2)
            self._next += 1
        if not centres:
            return
        windows = np.lib.stride_tricks.sliding_window_view(self._samples, _MEL_FRAME)[centres]
        spectrum = rfft(windows * _HANN, axis=1)
        power = (spectrum.real**2 + spectrum.imag**2) @ _MEL
        db = 10 * np.log10(np.maximum(power, 10 ** (_MEL_FLOOR_DB / 10)))
        self._rows.append(np.clip(np.rint((db - _MEL_FLOOR_DB) * MEL_STEPS_PER_DB), 0, 255).astype(np.uint8))
        keep = max(0, centres[-1])
        self._samples = self._samples[keep:].copy()
        self._start += keep


def _edges() -> NDArray[np.float64]:
    """Return the 34 edges of the bands, Hz: band i begins at edge i, peaks at i + 1 and ends at i + 2.

    Source: mel scale of O'Shaughnessy, 2595 log10(1 + f / 700); edges evenly spaced on it.
    """
    ends = 2595 * np.log10(1 + np.array([_MEL_LOW_HZ, _MEL_HIGH_HZ]) / 700)
    return np.asarray(700 * (10 ** (np.linspace(ends[0], ends[1], MEL_BANDS + 2) / 2595) - 1), np.float64)


def _mel() -> NDArray[np.float64]:
    """Return a matrix (bins, 32) of triangular bands; a full-scale sine gives 1 in all bands together."""
    edges = _edges()
    hz = np.arange(_MEL_FRAME // 2 + 1)[:, None] * RATE_HZ / _MEL_FRAME
    rise = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
    bands = np.clip(np.minimum(rise, fall), 0, None)
    # Parseval: the one-sided power of a sine of amplitude 1 through a window is frame * sum(window**2) / 4.
    scaled: NDArray[np.float64] = bands * 4 / (_MEL_FRAME * np.square(_HANN).sum())
    return scaled


# 32768/32767: the reference scales 16-bit samples by their largest positive value.
_HAMMING: Final = np.hamming(FRAME) * (32768 / 32767)
_HANN: Final = np.hanning(_MEL_FRAME)
_BINS: Final = _bins()
_MEL: Final = _mel()
#: Frequency at which each band peaks, Hz, shape (32,).
MEL_HZ: Final = _edges()[1:-1]
