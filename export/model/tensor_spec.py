"""Name, shape, type and quantization of one input or output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from calibration.samples import Array


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """One input or output of a file.

    Attributes:
        name: name in the Keras model.
        shape: static shape with the batch axis first.
        dtype: numpy name of the stored type.
        scale: real = scale * (stored - zero_point); None if the tensor is not quantized.
        zero_point: see `scale`. None together with a scale: the tensor stores real numbers, which are multiples of it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the spec whose fields are in `record`, read from JSON."""
        return cls(**{**record, "shape": tuple(int(size) for size in record["shape"])})

    def quantize(self, real: Array) -> Array:
        """Return `real` in this tensor's stored form: rounded half to even and clipped if quantized, otherwise cast."""
        if self.scale is None or self.zero_point is None:
            cast: Array = real.astype(self.dtype)
            return cast
        limits = np.iinfo(self.dtype)
        steps = np.rint(real.astype(np.float64) / self.scale) + self.zero_point
        stored: Array = np.clip(steps, limits.min, limits.max).astype(self.dtype)
        return stored

    def dequantize(self, stored: Array) -> NDArray[np.float64]:
        """Return the real numbers that `stored` represents."""
        if self.scale is None or self.zero_point is None:
            return stored.astype(np.float64)
        return (stored.astype(np.float64) - self.zero_point) * self.scale
