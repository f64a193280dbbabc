"""Inline functions of a traced graph that Keras compiles with XLA, such as grouped convolutions.

TensorFlow inlines called functions, except those that XLA must compile, and tf2onnx does not support calls. Keras
compiles grouped convolutions because TensorFlow has no CPU kernels for them; the graph is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
SEAL = "_XlaMustCompile"


def has_sealed_calls(graph: Any) -> bool:
    """Return whether a traced graph calls a function that is not inlined."""
    return any(
        operation.type in CALLS and SEAL in operation.node_def.attr and operation.get_attr(SEAL)
        for operation in graph.get_operations()
    )


def unsealed(trace: Callable[..., Any]) -> Callable[..., Any]:
    """Return `trace` with calls replaced by the bodies of the called functions during tracing."""

    def inlined(*values: Any) -> Any:
        import tensorflow as tf

        before = tf.config.functions_run_eagerly()
        tf.config.run_functions_eagerly(True)  # During tracing, "eagerly" means: inline in the traced graph.
        try:
            return trace(*values)
        finally:
            tf.config.run_functions_eagerly(before)

    return inlined
