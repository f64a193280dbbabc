"""Patches of libraries, each with the condition for its removal."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def without_rewriting_protos() -> Iterator[None]:
    """Prevent the optimizers from writing every weight to protobuf again after every pass.

    Patches tf2onnx 1.17.0: `GraphOptimizerBase.optimize` calls `graph.update_proto()`. `Graph.make_graph` writes the
    weights once at the end anyway, and protobuf's arenas do not release memory (ResNet50: 1.3 GB).
    Ends with a version whose optimizers do not do this: tests/formats/onnx/test_patches.py fails then.
    """
    from tf2onnx.optimizer.optimizer_base import GraphOptimizerBase

    def optimize(self: Any, graph: Any, iteration: int) -> Any:
        before = graph.dump_node_statistics()
        self.opt_iteration = iteration
        graph = self._optimize(graph)
        graph.delete_unused_nodes(graph.outputs)
        self._print_stat_diff(before, graph.dump_node_statistics())  # This also records whether the graph changed.
        return graph

    before = GraphOptimizerBase.optimize
    GraphOptimizerBase.optimize = optimize
    try:
        yield
    finally:
        GraphOptimizerBase.optimize = before


@contextmanager
def with_shapes_of_squares() -> Iterator[None]:
    """Record the new shape when the optimizer moves a transpose behind the product of a tensor with itself.

    Patches tf2onnx 1.17.0: `TransposeOptimizer._mul_handler` keeps the old shape for `x * x`, and later replaces
    transposes of images of one pixel by a Reshape to a shape with exchanged axes: a layer normalization behind a
    convolution does not run.
    Ends with a version that sets the shape: tests/formats/onnx/test_patches.py fails then.
    """
    from tf2onnx.optimizer.transpose_optimizer import TransposeOptimizer, invert_perm

    before = TransposeOptimizer._mul_handler

    def handle(self: Any, transpose: Any, node: Any) -> Any:
        is_square = len(set(node.input)) == 1
        shape = self._g.get_shape(node.output[0])
        moved = before(self, transpose, node)
        if moved and is_square and shape:
            permutation = transpose.get_attr_value("perm")
            self._g.set_shape(node.output[0], [shape[axis] for axis in invert_perm(permutation)])
            self._g.set_shape(transpose.output[0], shape)
        return moved

    TransposeOptimizer._mul_handler = handle
    try:
        yield
    finally:
        TransposeOptimizer._mul_handler = before


@contextmanager
def with_clipped_activations() -> Iterator[None]:
    """Convert the activation between -1 and 1 that LiteRT's converter fuses into the operator before it.

    Patches tf2onnx 1.17.0: `separate_fused_activation_function` rejects RELU_N1_TO_1.
    Ends with a version that converts it: tests/formats/onnx/test_patches.py fails then.
    """
    from tf2onnx.tflite_handlers import tfl_math, tfl_nn
    from tf2onnx.utils import make_name

    before = tfl_math.separate_fused_activation_function

    def separate(graph: Any, node: Any) -> None:
        if node.get_attr_value("fused_activation_function") != b"RELU_N1_TO_1":
            before(graph, node)
            return
        del node.attr["fused_activation_function"]
        ends = [graph.make_const(make_name("end"), np.array(end, np.float32)).output[0] for end in (-1, 1)]
        graph.insert_new_node_on_output("Clip", node.output[0], inputs=[node.output[0], *ends])

    tfl_math.separate_fused_activation_function = tfl_nn.separate_fused_activation_function = separate
    try:
        yield
    finally:
        tfl_math.separate_fused_activation_function = tfl_nn.separate_fused_activation_function = before


@contextmanager
def without_values_of_inputs(names: Collection[str]) -> Iterator[None]:
    """Prevent TensorFlow's graph optimizer from making up values for the inputs `names`, which are large weights.

    Patches tensorflow 2.21.0: `OptimizeGraph` allocates a tensor of zeros for every placeholder, and oneDNN's allocator
    keeps that memory (a decoder of 774 million weights: 3.1 GB). Here it sees another operator without inputs, with the
    same shape.
    Ends with a version that makes up no values: tests/formats/onnx/test_patches.py fails then.
    """
    from tensorflow.python.grappler import tf_optimizer

    before = tf_optimizer.OptimizeGraph

    def optimize(config: Any, graph: Any, *others: Any, **options: Any) -> Any:
        _replace_operators(graph.graph_def, names, _PLACEHOLDER, _OTHER_SOURCE)
        optimized = before(config, graph, *others, **options)
        _replace_operators(optimized, names, _OTHER_SOURCE, _PLACEHOLDER)
        return optimized

    tf_optimizer.OptimizeGraph = optimize
    try:
        yield
    finally:
        tf_optimizer.OptimizeGraph = before


# Two operators without inputs and with the attributes dtype and shape.
_PLACEHOLDER, _OTHER_SOURCE = "Placeholder", "InfeedDequeue"


def _replace_operators(graph: Any, names: Collection[str], old: str, new: str) -> None:
    for node in graph.node:
        if node.name in names and node.op == old:
            node.op = new
