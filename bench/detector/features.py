"""What the models look at: outputs of blocks of the CLIP encoder, once per picture and form, kept in a cache."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from bench.detector.pictures import Labelled, opened
from provenance.detect.score import centred

SIDE_PX: Final = 224
#: Per channel of values 0..1. Source: the encoder's published preprocessing.
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
_BATCH: Final = 4

Table = NDArray[np.float32]


class Encoder:
    """An encoder and the vector it gives of a picture.

    Args:
        name: Name of the model, part of the cache's key.
        graph: Graph from ``pixel_values`` to ``output``.
        output: :data:`provenance.detect.clip.EMBEDDING`, brought to unit length, or the name of a block's output,
            averaged over the patches.
    """

    def __init__(self, name: str, graph: bytes, output: str) -> None:
        self.name, self.graph, self._output = name, graph, output
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(graph, options)

    def run(self, pixels: Table) -> Table:
        """Return the vectors of prepared pictures, float32, shape (n, d)."""
        [made] = self._session.run([self._output], {"pixel_values": pixels})
        if made.ndim == 3:
            return np.asarray(made[:, 1:].mean(axis=1), np.float32)
        return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


def prepared(picture: NDArray[np.uint8]) -> Table:
    """Return the middle square as the encoder takes it, float32, shape (3, 224, 224)."""
    square = centred(picture, SIDE_PX) / 255
    return np.asarray((square - np.array(MEAN)) / np.array(STD), np.float32).transpose(2, 0, 1)


def features(encoder: Encoder, pictures: Sequence[Labelled], form: str, cache: Path) -> Table:
    """Return the vectors of all pictures in one form, float32, shape (n, d), from the cache where it has them.

    The cache keeps each source by itself, so that a further source leaves the others as they are.
    """
    sources = [one.source for one in pictures]
    rows: dict[int, Table] = {}
    for source in dict.fromkeys(sources):
        places = [place for place, name in enumerate(sources) if name == source]
        found = _of_source(encoder, [pictures[place] for place in places], form, cache)
        rows.update(zip(places, found, strict=True))
    return np.stack([rows[place] for place in range(len(pictures))])


def _of_source(encoder: Encoder, pictures: Sequence[Labelled], form: str, cache: Path) -> Table:
    source = pictures[0].source
    names = "\n".join(one.path.name for one in pictures)
    key = hashlib.sha256(f"{form}\n{source}\n{names}\n".encode() + encoder.graph).hexdigest()[:16]
    stored = cache / f"{encoder.name}-{form}-{source}-{key}.npy"
    if stored.exists():
        return np.asarray(np.load(stored), np.float32)
    print(f"{encoder.name}, {form}: {len(pictures)} pictures of {source}", flush=True)
    parts = []
    for start in range(0, len(pictures), _BATCH):
        batch = pictures[start : start + _BATCH]
        parts.append(encoder.run(np.stack([prepared(opened(one, form)) for one in batch])))
    made = np.concatenate(parts)
    cache.mkdir(parents=True, exist_ok=True)
    np.save(stored, made)
    return made
