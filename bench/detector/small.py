"""The encoder's first blocks in 4 bits a weight: what makes the core model small enough to bundle.

Products become ``MatMulNBits`` (a contributed operator that onnxruntime carries), groups of 128 weights share a
scale; the two tables that are no product (patches, positions) are stored in 8 bits. The heads are trained on
the outputs of this form, so its rounding is part of what they learn.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from provenance.detect import clip

#: Weights that share one scale.
GROUP: Final = 128
#: Ratios of the largest weight tried as the end of the scale; the one with the least squared error is kept.
_RATIOS: Final = (1.0, 0.9, 0.8, 0.7, 0.6)
#: Tables of more values than this that are no product are stored in 8 bits.
_LARGE: Final = 50_000


def shrunk(content: bytes, output: str) -> bytes:
    """Return the packaged graph up to ``output``, repaired, in 4 bits a weight."""
    model = onnx.load_from_string(clip.repaired(content, (output,)))
    weights = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    exact = {node.output[0]: node for node in model.graph.node if node.op_type == "DequantizeLinear"}
    nodes: list[Any] = []
    made: dict[str, NDArray[Any]] = {}
    for node in model.graph.node:
        if node.op_type == "MatMul" and node.input[1] in exact:
            stored, scale, zero = (weights[name] for name in exact[node.input[1]].input)
            dense = (stored.astype(np.float32) - zero) * scale
            nodes.append(_product(node, dense, made))
        elif node.op_type != "DequantizeLinear":
            nodes.append(node)
    used = {name for node in nodes for name in node.input}
    kept = {name: value for name, value in weights.items() if name in used}
    first = []
    for name, value in kept.items():
        if value.dtype == np.float32 and value.size > _LARGE:
            first.append(_in_eight_bits(name, value, made))
        else:
            made[name] = value
    graph = helper.make_graph(
        [*first, *nodes],
        "clip-small",
        list(model.graph.input),
        list(model.graph.output),
        [numpy_helper.from_array(value, name) for name, value in made.items()],
    )
    opsets = [*model.opset_import, helper.make_opsetid("com.microsoft", 1)]
    made_model = helper.make_model(graph, opset_imports=opsets, ir_version=model.ir_version)
    return bytes(made_model.SerializeToString())


def _product(node: Any, dense: NDArray[np.float32], made: dict[str, NDArray[Any]]) -> Any:
    rows, columns = dense.shape
    packed, scales = packed_weights(dense)
    name = f"{node.output[0]}_w4"
    made[name], made[f"{name}_scales"] = packed, scales
    return helper.make_node(
        "MatMulNBits",
        [node.input[0], name, f"{name}_scales"],
        list(node.output),
        domain="com.microsoft",
        K=rows,
        N=columns,
        bits=4,
        block_size=GROUP,
        accuracy_level=1,
    )


def packed_weights(dense: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return weights (k, n) as 4-bit values, two a byte, shape (n, k / 128, 64), and scales (n * k / 128,).

    A value v stands for (v - 8) times the scale of its group; ``k`` is a multiple of 128.
    """
    rows, columns = dense.shape
    groups = dense.T.reshape(columns, rows // GROUP, GROUP)
    largest = np.abs(groups).max(axis=2, keepdims=True) + 1e-12
    best, chosen = np.full(largest.shape, np.inf), largest / 7
    for ratio in _RATIOS:
        scale = largest * ratio / 7
        error = ((np.clip(np.rint(groups / scale), -8, 7) * scale - groups) ** 2).sum(axis=2, keepdims=True)
        chosen = np.where(error < best, scale, chosen)
        best = np.minimum(error, best)
    values = (np.clip(np.rint(groups / chosen), -8, 7) + 8).astype(np.uint8)
    return values[..., ::2] | (values[..., 1::2] << 4), chosen.astype(np.float32).reshape(-1)


def _in_eight_bits(name: str, value: NDArray[np.float32], made: dict[str, NDArray[Any]]) -> Any:
    rows = value.reshape(len(value), -1)
    scale = (np.abs(rows).max(axis=1) / 127 + 1e-12).astype(np.float32)
    stored = np.rint(rows / scale[:, None]).astype(np.int8).reshape(value.shape)
    made[f"{name}_8"], made[f"{name}_scale"] = stored, scale
    made[f"{name}_zero"] = np.zeros(len(value), np.int8)
    inputs = [f"{name}_8", f"{name}_scale", f"{name}_zero"]
    return helper.make_node("DequantizeLinear", inputs, [name], axis=0)
