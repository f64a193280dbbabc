"""Patches of tf2onnx are reverted after use, and still necessary."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from typing import Any

import pytest

from export.formats import FORMATS
from export.formats.onnx import tf2onnx_call
from export.formats.onnx.patches import without_rewriting_protos

ONNX = FORMATS["onnx"]


class Graph:
    """Notes what an optimizer calls."""

    outputs = ("logits",)

    def __init__(self) -> None:
        self.called: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def call(*_: Any) -> dict[str, int]:
            self.called.append(name)
            return {}

        return call


@pytest.fixture
def optimizer() -> Any:
    from tf2onnx.optimizer.optimizer_base import GraphOptimizerBase

    class Nothing(GraphOptimizerBase):
        def _optimize(self, graph: Graph) -> Graph:
            return graph

        def _print_stat_diff(self, before: object, after: object) -> None:
            pass

    return Nothing()


def test_patch_of_tf2onnx_is_still_necessary(optimizer: Any) -> None:
    graph = Graph()
    optimizer.optimize(graph, 0)
    assert "update_proto" in graph.called


def test_patch_of_tf2onnx_changes_nothing_else(optimizer: Any) -> None:
    patched, usual = Graph(), Graph()
    with without_rewriting_protos():
        optimizer.optimize(patched, 0)
    optimizer.optimize(usual, 0)
    assert patched.called == [name for name in usual.called if name != "update_proto"]


def square_of_one_pixel() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    x = keras.Input((2, 2, 3))
    y = keras.layers.Conv2D(6, 2, strides=2)(x)
    return keras.Model(x, keras.layers.LayerNormalization(epsilon=1e-6)(y))


def shapes_of_reshapes(model: Any) -> set[tuple[int, ...]]:
    """Return the stored shapes of a file's Reshapes."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load_from_string(ONNX.convert(model)).graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return {tuple(stored[node.input[1]].tolist()) for node in graph.node if node.op_type == "Reshape"}


def test_square_behind_a_convolution_keeps_the_order_of_axes() -> None:
    assert all(shape[2] == 1 for shape in shapes_of_reshapes(square_of_one_pixel()))


def test_patch_of_squares_is_still_necessary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf2onnx_call, "with_shapes_of_squares", nullcontext)
    # The optimizer's order is random.
    found = set().union(*(shapes_of_reshapes(square_of_one_pixel()) for _ in range(6)))
    assert any(shape[2] != 1 for shape in found)


def test_patch_of_clipped_activations_is_still_necessary() -> None:
    from tf2onnx.tflite_handlers import tfl_math

    class Node:
        name = "add"
        output = ("add",)

        def __init__(self) -> None:
            from onnx import helper

            self.attr = {"fused_activation_function": helper.make_attribute("f", b"RELU_N1_TO_1")}

    with pytest.raises(ValueError, match="Unsupported fused activation"):
        tfl_math.separate_fused_activation_function(None, Node())


GROWTH = """
import sys
from contextlib import nullcontext
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from export.formats.onnx.patches import without_values_of_inputs
from export.process import resident_bytes
specs = [tf.TensorSpec((1, 5000)), tf.TensorSpec((5000, 5000), name="weight")]
function = tf.function(lambda x, weight: tf.matmul(x, weight), input_signature=specs).get_concrete_function()
before = resident_bytes()
with without_values_of_inputs(["weight"]) if sys.argv[1] == "patched" else nullcontext():
    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False, aggressive_inlining=True)
(weight,) = (node for node in frozen.graph.as_graph_def().node if node.name == "weight")
assert weight.op == "Placeholder"
assert [one.size for one in weight.attr["shape"].shape.dim] == [5000, 5000]
print(resident_bytes() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the system tells the resident memory on Linux")
def test_large_inputs_get_no_values() -> None:
    grown = {
        how: int(subprocess.run([sys.executable, "-c", GROWTH, how], capture_output=True, text=True, check=True).stdout)
        for how in ("usual", "patched")
    }
    assert grown["usual"] > 90e6, "the patch is not necessary any more"
    assert grown["patched"] < 30e6
