"""A model small enough for tests: its score is the mean brightness, its embedding the mean of each channel."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from provenance.detect.card import Bucket, Domain, ModelCard
from provenance.digest import Digest


def graph(weight: float = 1.0) -> bytes:
    nodes = [
        helper.make_node("ReduceMean", ["pixel_values"], ["embedding"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["embedding", "weight"], ["score"]),
    ]
    made = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("score", "embedding")],
        [numpy_helper.from_array(np.full((3, 1), weight / 3, np.float32), "weight")],
    )
    return helper.make_model(
        made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    ).SerializeToString()


def bucket(name: str, auc_low: float = 0.9) -> Bucket:
    return Bucket(name, ((0.0, -1.0), (0.5, 0.0), (1.0, 1.0)), 0.5, 0.02, 0.4, 0.95, auc_low, 100)


def card(content: bytes, **changes: object) -> ModelCard:
    stated: dict[str, object] = {
        "name": "brightness",
        "version": "1",
        "weights_sha256": Digest.of(content).value.hex(),
        "licence": "Apache-2.0",
        "trained_on": ("nothing",),
        "side_px": 32,
        "mean": (0.0, 0.0, 0.0),
        "std": (1.0, 1.0, 1.0),
        "least_px": 40,
        "operating_range": "flat pictures",
        "untested": ("everything else",),
        "buckets": (bucket("fine"), bucket("coarse", 0.6)),
        "domain": Domain((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 1.1),
    }
    return ModelCard(**(stated | changes))
