"""Building a network whose weights will be given: nothing is drawn for them.

To draw what is overwritten at once takes seconds, and memory that TensorFlow does not give back: twice the weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def weights() -> Iterator[None]:
    """Let layers that are built inside begin with zeros where they would draw from a distribution."""
    from keras import ops
    from keras.initializers import RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling

    def zeros(_: Any, shape: Any, dtype: Any = None, **__: Any) -> Any:
        return ops.zeros(shape, dtype)

    kinds: tuple[Any, ...] = (RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling)
    before = [kind.__call__ for kind in kinds]
    for kind in kinds:
        kind.__call__ = zeros
    try:
        yield
    finally:
        for kind, draws in zip(kinds, before, strict=True):
            kind.__call__ = draws
