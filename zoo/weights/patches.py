"""The patches of libraries in this package, each with what makes it unnecessary."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def blank_weights() -> Iterator[None]:
    """Let layers that are built inside start with zeros where they would start with random values.

    For a network whose weights are assigned afterwards: random values that are overwritten at once cost seconds, and
    memory that TensorFlow does not give back, twice that of the weights.

    Patches keras 3.15.1: a layer creates every variable by calling an initializer, and nothing skips that.
    Ends with a Keras that creates variables without values, as torch.nn.utils.skip_init does.
    """
    from keras import ops
    from keras.initializers import RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling

    def zeros(_: Any, shape: Any, dtype: Any = None, **__: Any) -> Any:
        return ops.zeros(shape, dtype)

    initializers: tuple[Any, ...] = (RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling)
    originals = [initializer.__call__ for initializer in initializers]
    for initializer in initializers:
        initializer.__call__ = zeros
    try:
        yield
    finally:
        for initializer, original in zip(initializers, originals, strict=True):
            initializer.__call__ = original
