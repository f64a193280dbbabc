"""The interface of a file that any tool may have made: its constants, its grids, and the same graph in float."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np

from calibration.samples import Array
from export.model.tensor_spec import TensorSpec
from export.scheme import Scheme

# Steps of float16 below which a difference means nothing: converters raise numbers near zero to 1e-7.
SMALLEST_HALF = 2.0**-22


class Role(StrEnum):
    """What an operator does with a constant."""

    WEIGHTS = "weights"
    BIAS = "bias"
    OTHER = "constant"


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredConstant:
    """A constant of a file that stands for real numbers.

    Attributes:
        key: identifies the constant in its file.
        op: name of the operator that reads it.
        place: name of the operator's output.
        name: name of the constant.
        position: position of the operator in the file; weights and bias of one layer have the same.
        role: what the operator does with it.
        shape: shape of its real values; weights have the output channels first: (out, ...in), depthwise (out, 1, ...).
        read: returns the real values, in float64.
        scale: step of its grid: one number, or one for each output channel; None for floating-point numbers.
        kind: stored type, such as "int8".
        is_symmetric: whether the stored 0 stands for 0.
        in_pairs: whether a CPU adds its products in pairs (`export.formats.pairing`).
        shares_grid: whether the operator requires the grid of another activation.
        has_relu6: whether a relu6 is fused into the operator.
        spare_bits: how many of its bits the tools of the format leave unused on request.
    """

    key: str
    op: str
    place: str
    name: str
    position: int
    role: Role
    shape: tuple[int, ...]
    read: Callable[[], Array]
    scale: Array | None = None
    kind: str = "float32"
    is_symmetric: bool = True
    in_pairs: bool = False
    shares_grid: bool = False
    has_relu6: bool = False
    spare_bits: int = 0

    def steps(self) -> Array:
        """Return the step of every real value; the step of a floating-point number is one unit in the last place."""
        if self.scale is None:
            values = self.read().astype(self.kind)
            floor = SMALLEST_HALF if self.kind == "float16" else np.finfo(np.float64).tiny
            step: Array = np.maximum(np.spacing(np.abs(values)).astype(np.float64), floor)
            return step
        scale = self.scale.astype(np.float64).reshape(-1, *[1] * (len(self.shape) - 1) if self.shape else [])
        scale = scale if scale.size > 1 else scale.reshape(())
        return np.broadcast_to(scale, self.shape)


@dataclass(frozen=True, kw_only=True)
class StoredGrid:
    """The grid of an activation that nothing but the choice of its range determines.

    Attributes:
        tensor: name of the activation in the float form of the file.
        place: name of the output of the operator or layer that computes it.
        spec: scale, zero point and type.
        op: the operator that computes it; empty for an input.
        position: position of that operator; -1 for an input.
    """

    tensor: str
    place: str
    spec: TensorSpec
    op: str
    position: int


class OpenedFile(Protocol):
    """A parsed file of one entry point.

    Attributes:
        scheme: the scheme that its stored types amount to.
        constants: its constants, in the order of the operators.
        grids: its activations with a grid.
        unread: sentences on rounded activations whose grids cannot be judged.
        twice: sentences on activations that are rounded again, which splitting the file may not allow.
        violations: sentences on grids that the runtime's kernels do not take.
        suspects: sentences on operators that the runtime is known to compute wrongly, each with ", OP NAME" at its end.
        maker: the tool that wrote the file, as far as the file says; empty if it does not.
    """

    scheme: Scheme
    constants: tuple[StoredConstant, ...]
    grids: tuple[StoredGrid, ...]
    unread: tuple[str, ...]
    twice: tuple[str, ...]
    violations: tuple[str, ...]
    suspects: tuple[str, ...]
    maker: str

    def in_float(
        self, replaced: Mapping[str, Array] | None = None, shown: Collection[str] = (), capped: Collection[str] = ()
    ) -> bytes:
        """Return the file with the same operators, which store and compute float32.

        Args:
            replaced: real values to store in place of constants, by their key.
            shown: names of activations that become outputs, too.
            capped: names of activations whose relu6 quantization left to the ends of their grids.

        Raises:
            ConversionError: an operator has no form in float.
        """
        ...
