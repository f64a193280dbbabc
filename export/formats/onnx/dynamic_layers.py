"""The layers of an .onnx that multiply integers and round their inputs as they run, as `dynamic` writes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from export.formats.onnx.constants import Constants, Numbers
from export.formats.onnx.protos import NodeProto
from export.formats.onnx.row_rounding import rounds_right


@dataclass(frozen=True, kw_only=True)
class IntegerProduct:
    """One layer without its bias.

    Attributes:
        name: name of the node.
        weights: stored integers (inputs, outputs), zero point taken off.
        scale: of each output.
        columns: stored sums of the columns of the weights, by which the zero points of rows are taken off.
        last: the node that gives the product.
        names: of the stored scale and sums of columns.
        rounds_right: whether its input is rounded to all 255 steps between its ends.
    """

    name: str
    weights: Numbers
    scale: Numbers
    columns: Numbers
    last: NodeProto
    names: tuple[str, str]
    rounds_right: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """(outputs, inputs)."""
        return self.weights.shape[1], self.weights.shape[0]

    def read(self) -> Numbers:
        """Return the real weights (outputs, inputs); not finite where sums of columns or the rounding are wrong."""
        real: Numbers = (self.weights * self.scale.astype(np.float64)).T
        is_right = (self.columns.reshape(-1) == self.weights.sum(axis=0, dtype=np.int64)) & self.rounds_right
        real[~is_right] = np.inf
        return real


def integer_products(constants: Constants) -> Iterator[IntegerProduct]:
    """Yield the layers, in the order of the file; products that are followed by something else are left out."""
    for node in constants.nodes:
        if node.op_type == "MatMulInteger":
            found = _product(constants, node)
            if found is not None:
                yield found


def _product(constants: Constants, node: NodeProto) -> IntegerProduct | None:
    """Return the layer of a MatMulInteger: Cast, Sub (zero points), Mul (scale of columns), Mul (scale of rows)."""
    chain = [node]
    for kind in ("Cast", "Sub", "Mul", "Mul"):
        reader = constants.reader(chain[-1].output[0])
        if reader is None or reader.op_type != kind:
            return None
        chain.append(reader)
    stored, zero = (constants.real(node.input[place]) for place in (1, 3))
    offset = constants.maker(chain[2].input[1])
    columns = constants.real(offset.input[1]) if offset is not None and offset.op_type == "Mul" else None
    scale = constants.real(chain[3].input[1])
    if offset is None or stored is None or zero is None or columns is None or scale is None or stored.ndim != 2:
        return None
    return IntegerProduct(
        name=node.name,
        weights=stored.astype(np.int16) - np.int16(int(zero)),  # in 64 bits, a table of words takes gigabytes
        scale=scale,
        columns=columns,
        last=chain[-1],
        names=(chain[3].input[1], offset.input[1]),
        rounds_right=_starts_at_zero(constants, node) and rounds_right(constants, node),
    )


def _starts_at_zero(constants: Constants, node: NodeProto) -> bool:
    """Return whether a product takes its input as it is rounded; the zero points of rows are taken off behind it."""
    zero = constants.real(node.input[2]) if node.input[2] else None
    return zero is None or not zero.any()
