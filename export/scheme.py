"""Quantization schemes: how a file stores and computes numbers. `--precision` takes their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """One scheme.

    Attributes:
        name: as typed after `--precision`.
        weight_bits: 32 and 16 are floating point, 8 are integers with one scale for each output channel, and 4 are
            integers with one scale for each block of 32 inputs of an output (export/formats/blocks.py).
        activation_bits: 32 is floating point, fewer are integers with one scale for each tensor.
        is_dynamic: whether the inputs of layers are rounded to 8 bits while the file runs, each row (the vector of a
            token) with a scale and a zero point of its own; activations are floating point everywhere else.
    """

    name: str
    weight_bits: int
    activation_bits: int
    is_dynamic: bool = False

    def __str__(self) -> str:
        return self.name

    @property
    def needs_calibration(self) -> bool:
        """Whether ranges of the activations must be observed."""
        return self.activation_bits < 32

    @property
    def has_integer_weights(self) -> bool:
        """Whether weights are stored as integers."""
        return self.weight_bits < 16

    def can_be_judged(self, *, trained: bool, real: bool) -> bool:
        """Whether thresholds apply: with random weights or random samples they apply to float32 only."""
        return self == FLOAT32 or (trained and real)


FLOAT32 = Scheme(name="float32", weight_bits=32, activation_bits=32)
FLOAT16 = Scheme(name="float16", weight_bits=16, activation_bits=32)  # computed in float32
INT8 = Scheme(name="int8", weight_bits=8, activation_bits=8)  # integers only
W8A16 = Scheme(name="w8a16", weight_bits=8, activation_bits=16)
W8A32 = Scheme(name="w8a32", weight_bits=8, activation_bits=32)  # computed in float32
INT8_DYNAMIC = Scheme(name="int8_dynamic", weight_bits=8, activation_bits=32, is_dynamic=True)
# Like int8_dynamic, with most matrices of dense layers in 4 bits.
INT4 = Scheme(name="int4", weight_bits=4, activation_bits=32, is_dynamic=True)

# The default of what runs a file: usually the fastest on a device.
PREFERRED = (INT8, INT8_DYNAMIC, INT4)

# By name, in the order of tables.
SCHEMES: Mapping[str, Scheme] = {one.name: one for one in (FLOAT32, FLOAT16, INT8, W8A16, W8A32, INT8_DYNAMIC, INT4)}
