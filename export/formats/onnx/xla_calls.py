"""Functions inside of a traced graph that nobody may look into: what Keras compiles, as a convolution with groups.

TensorFlow inlines a function's graph where it is called, but not that of one that XLA must compile, and tf2onnx knows
no calls. Keras compiles grouped convolutions because TensorFlow's own kernels on CPUs have none; the graph is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
SEAL = "_XlaMustCompile"


def has_sealed_calls(graph: Any) -> bool:
    """Whether a traced graph calls a function that is not inlined."""
    return any(
        operation.type in CALLS and SEAL in operation.node_def.attr and operation.get_attr(SEAL)
        for operation in graph.get_operations()
    )


def unsealed(trace: Callable[..., Any]) -> Callable[..., Any]:
    """Return `trace`, to be traced, with the bodies of inner functions in place of calls."""

    def inlined(*values: Any) -> Any:
        import tensorflow as tf

        before = tf.config.functions_run_eagerly()
        tf.config.run_functions_eagerly(True)  # in a graph that is traced "eagerly" means: in that graph
        try:
            return trace(*values)
        finally:
            tf.config.run_functions_eagerly(before)

    return inlined
