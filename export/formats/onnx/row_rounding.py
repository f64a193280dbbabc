"""Round the rows of a layer's input to 8 bits in an .onnx as the file runs, and recognize such rounding.

A row x between its ends low <= 0 <= high has scale = (high - low) / 255, zero = -round(low / scale) and the integers
clip(round(x / scale) + zero, 0, 255). QuantizeLinear does the last in one operator, in a third of the time of five; it
has one scale for each row of a matrix only, so that a tensor of more axes is a matrix in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from export.formats.onnx.constants import Constants
from export.formats.onnx.protos import NodeProto

LEVELS = 255.0  # steps between the ends of a row
SMALLEST_SCALE = 1e-30  # of a row of zeros

Store = Callable[[str, Any], str]  # stores a constant and returns its name


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """The rounding of one tensor (..., width), whose results have names of their own.

    Attributes:
        name: of the tensor.
        width: its last axis.
        may_have_no_rows: whether it may be (0, width).
    """

    name: str
    width: int
    may_have_no_rows: bool = False

    @property
    def integers(self) -> str:
        """Name of the integers, of the tensor's shape."""
        return f"{self.name}/row_integers"

    @property
    def scale(self) -> str:
        """Name of the scale of each row (..., 1)."""
        return f"{self.name}/row_scale"

    @property
    def zero(self) -> str:
        """Name of the zero point of each row (..., 1), a float."""
        return f"{self.name}/row_zero"

    def nodes(self, store: Store) -> Iterator[Any]:
        """Yield the nodes that compute the three."""
        from onnx import helper

        name, nothing, smallest = self.name, store("rows/nothing", np.float32(0)), np.float32(SMALLEST_SCALE)
        yield from self._extreme("ReduceMax", f"{name}/row_high", store)
        yield from self._extreme("ReduceMin", f"{name}/row_low", store)
        yield helper.make_node("Max", [f"{name}/row_high", nothing], [f"{name}/row_above"])
        yield helper.make_node("Min", [f"{name}/row_low", nothing], [f"{name}/row_below"])
        yield helper.make_node("Sub", [f"{name}/row_above", f"{name}/row_below"], [f"{name}/row_width"])
        step = store("rows/step", np.float32(1 / LEVELS))
        yield helper.make_node("Mul", [f"{name}/row_width", step], [f"{name}/row_step"])
        yield helper.make_node("Max", [f"{name}/row_step", store("rows/smallest", smallest)], [self.scale])
        yield helper.make_node("Div", [f"{name}/row_below", self.scale], [f"{name}/row_below_steps"])
        yield helper.make_node("Round", [f"{name}/row_below_steps"], [f"{name}/row_whole_steps"])
        yield helper.make_node("Neg", [f"{name}/row_whole_steps"], [self.zero])
        yield from self._integers(store)

    def _extreme(self, kind: str, output: str, store: Store) -> Iterator[Any]:
        """Yield the nodes that find the largest or smallest number of each row.

        Of (0, width), ONNX Runtime 1.31 returns (0, width) and not (0, 1), hence the Reshape.
        """
        from onnx import helper

        found = f"{output}/found" if self.may_have_no_rows else output
        yield helper.make_node(kind, [self.name, store("rows/axes", np.array([-1]))], [found], keepdims=1)
        if self.may_have_no_rows:
            yield helper.make_node("Reshape", [found, store("rows/column", np.array([-1, 1]))], [output])

    def _integers(self, store: Store) -> Iterator[Any]:
        from onnx import TensorProto, helper

        name, flat = self.name, store("rows/flat", np.array([-1]))
        matrix = store(f"rows/matrix/{self.width}", np.array([-1, self.width]))
        yield helper.make_node("Reshape", [self.scale, flat], [f"{name}/row_scales"])
        yield helper.make_node("Reshape", [self.zero, flat], [f"{name}/row_zeros/float"])
        yield helper.make_node("Cast", [f"{name}/row_zeros/float"], [f"{name}/row_zeros"], to=TensorProto.UINT8)
        yield helper.make_node("Reshape", [name, matrix], [f"{name}/rows"])
        given = [f"{name}/rows", f"{name}/row_scales", f"{name}/row_zeros"]
        yield helper.make_node("QuantizeLinear", given, [f"{name}/rows/integers"], axis=0)
        yield helper.make_node("Shape", [name], [f"{name}/shape"])
        yield helper.make_node("Reshape", [f"{name}/rows/integers", f"{name}/shape"], [self.integers])


def rounds_right(constants: Constants, product: NodeProto) -> bool:
    """Return whether the input of a product is rounded to all 255 steps between the ends of each row."""
    from onnx import TensorProto

    node = _maker(constants, product.input[0], "Reshape", "QuantizeLinear")
    if node is None or len(node.input) != 3 or _integer(node, "axis") != 0:
        return False
    zero = _maker(constants, node.input[2], "Cast", "Reshape", "Neg", "Round", "Div")
    scale = _maker(constants, node.input[1], "Reshape", "Max")
    if zero is None or scale is None or zero.input[1] != scale.output[0]:
        return False
    kind = _maker(constants, node.input[2], "Cast")
    step = _maker(constants, scale.input[0], "Mul")
    factor = None if step is None else constants.real(step.input[1])
    is_byte = kind is not None and _integer(kind, "to") == TensorProto.UINT8
    return is_byte and factor is not None and float(factor) == float(np.float32(1 / LEVELS))


def _maker(constants: Constants, name: str, *kinds: str) -> NodeProto | None:
    """Return the last of the nodes of these kinds, each of which makes the first input of the one before; or None."""
    node = None
    for kind in kinds:
        node = constants.maker(name)
        if node is None or node.op_type != kind:
            return None
        name = node.input[0]
    return node


def _integer(node: NodeProto, name: str) -> int | None:
    return next((one.i for one in node.attribute if one.name == name), None)
