"""Running a model's graph on the processor; the only user of onnxruntime. Runs in a media worker."""

from __future__ import annotations

from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as causes

from provenance.errors import FormatError

#: Name of the input every model takes: float32, shape (n, 3, side, side), channels first.
INPUT: Final = "pixel_values"
#: Names of the outputs every model gives: float32 (n,), the raw score; float32 (n, d), what domain is judged by.
SCORE, EMBEDDING = "score", "embedding"

#: What the library raises on a graph it cannot use; its errors have no class of their own in common.
_REFUSALS: Final = (
    causes.Fail,
    causes.InvalidArgument,
    causes.InvalidGraph,
    causes.InvalidProtobuf,
    causes.NoModel,
    causes.NotImplemented,
    causes.RuntimeException,
)

Pixels = NDArray[np.float32]


class Network:
    """A loaded graph.

    Args:
        content: ONNX model with the names above.

    Raises:
        FormatError: It is no such model.
    """

    def __init__(self, content: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # workers are the parallelism
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except _REFUSALS as cause:
            raise FormatError(
                f"expected an ONNX model, found one that cannot be loaded: {str(cause)[:200]}",
                hint="export it with an opset that onnxruntime reads",
            ) from cause
        taken = {one.name for one in self._session.get_inputs()}
        given = {one.name for one in self._session.get_outputs()}
        if taken != {INPUT} or not {SCORE, EMBEDDING} <= given:
            raise FormatError(
                f"expected a model from {INPUT} to {SCORE} and {EMBEDDING}, found {sorted(taken)} to "
                f"{sorted(given)}"[:300],
                hint="rename the graph's input and outputs; see docs/detector.md",
            )

    def run(self, pixels: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return scores (n,) and embeddings (n, d) of ``pixels``, float32, shape (n, 3, side, side)."""
        score, embedding = self._session.run([SCORE, EMBEDDING], {INPUT: pixels})
        return np.asarray(score, np.float32).reshape(-1), np.asarray(embedding, np.float32)
