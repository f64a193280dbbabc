"""ONNX graphs of TensorFlow and LiteRT operators that tf2onnx does not know.

LiteRT's operators have the prefix TFL_ in tf2onnx. Operators that Keras models give are here; tf2onnx 1.17 has no
handler for GELU, for the two clips that the converter fuses, or for some of TensorFlow's mathematical functions.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Attributes = Mapping[str, Any]
Build = Callable[["Emit", list[str], Attributes], str]


class Emit:
    """Adds ONNX operators to a graph of tf2onnx."""

    def __init__(self, graph: Any) -> None:
        """Add to `graph`."""
        self._graph = graph

    def __call__(self, op_type: str, *inputs: str | float | np.ndarray, **attributes: Any) -> str:
        """Add an operator and return the name of its output; numbers become float32 constants."""
        names = [one if isinstance(one, str) else self._constant(one) for one in inputs]
        return str(self._graph.make_node(op_type, names, attr=attributes).output[0])

    def _constant(self, value: float | np.ndarray) -> str:
        from tf2onnx.utils import make_name

        stored = value if isinstance(value, np.ndarray) else np.array(value, np.float32)
        return str(self._graph.make_const(make_name("constant"), stored).output[0])


def _gelu(emit: Emit, inputs: list[str], attributes: Attributes) -> str:
    """Return x Phi(x), or its approximation by tanh; ONNX Runtime fuses operators in this order."""
    (x,) = inputs
    if attributes.get("approximate"):
        cubed = emit("Mul", emit("Pow", x, 3.0), 0.044715)
        gate = emit("Tanh", emit("Mul", emit("Add", x, cubed), math.sqrt(2 / math.pi)))
        return emit("Mul", x, emit("Mul", emit("Add", gate, 1.0), 0.5))
    gate = emit("Add", emit("Erf", emit("Div", x, math.sqrt(2))), 1.0)
    return emit("Mul", emit("Mul", x, gate), 0.5)


def _bucketize(emit: Emit, inputs: list[str], attributes: Attributes) -> str:
    """Return the number of boundaries that each value reaches."""
    from onnx import TensorProto

    boundaries = np.array(attributes["boundaries"], np.float32)
    given = emit("Cast", inputs[0], to=TensorProto.FLOAT)
    column = emit("Unsqueeze", given, np.array([-1], np.int64))
    reached = emit("Cast", emit("GreaterOrEqual", column, boundaries), to=TensorProto.INT32)
    return emit("ReduceSum", reached, np.array([-1], np.int64), keepdims=0)


def _xlogy(emit: Emit, inputs: list[str], _attributes: Attributes) -> str:
    """Return x log y, and zero where x is zero."""
    x, y = inputs
    return emit("Where", emit("Equal", x, 0.0), 0.0, emit("Mul", x, emit("Log", y)))


def _between(low: float, high: float) -> Build:
    return lambda emit, inputs, _attributes: emit("Clip", inputs[0], low, high)


BUILDS: dict[str, Build] = {
    "Bucketize": _bucketize,
    "Erfc": lambda emit, inputs, _attributes: emit("Sub", 1.0, emit("Erf", inputs[0])),
    "Expm1": lambda emit, inputs, _attributes: emit("Sub", emit("Exp", inputs[0]), 1.0),
    "Log1p": lambda emit, inputs, _attributes: emit("Log", emit("Add", inputs[0], 1.0)),
    "LogicalXor": lambda emit, inputs, _attributes: emit("Xor", *inputs),
    "TFL_BUCKETIZE": _bucketize,
    "TFL_EMBEDDING_LOOKUP": lambda emit, inputs, _attributes: emit("Gather", inputs[1], inputs[0]),
    "TFL_GELU": _gelu,
    "TFL_RELU_0_TO_1": _between(0.0, 1.0),
    "TFL_RELU_N1_TO_1": _between(-1.0, 1.0),
    "Xlogy": _xlogy,
}


@functools.cache
def register() -> None:
    """Register the operators with tf2onnx, unless it has a handler of its own."""
    import tf2onnx.tfonnx  # noqa: F401  # Importing it registers the handlers of tf2onnx.
    from tf2onnx.constants import ONNX_DOMAIN
    from tf2onnx.handler import tf_op

    known = {name for operators in tf_op.get_opsets()[ONNX_DOMAIN] for name in operators}
    for name, build in BUILDS.items():
        if name not in known:
            tf_op.register_handler(_handler(build), 1, [name], ONNX_DOMAIN, {})


def _handler(build: Build) -> Callable[..., None]:
    """Return a handler that replaces a node of tf2onnx by the operators of `build`."""

    def replace(graph: Any, node: Any, **_: Any) -> None:
        attributes = {name: node.get_attr_value(name) for name in node.attr}
        (result,), inputs = node.output, list(node.input)
        shape, kind = graph.get_shape(result), graph.get_dtype(result)
        graph.remove_node(node.name)
        made = build(Emit(graph), inputs, attributes)
        # The name stays, because it may be an output of the graph.
        graph.make_node("Identity", [made], outputs=[result], name=node.name, shapes=[shape], dtypes=[kind])

    return replace
