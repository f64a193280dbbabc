"""Build a network whose weights are assigned afterwards, without computing random values for them first.

Random values that are overwritten at once cost seconds, and memory that TensorFlow does not give back: twice that of
the weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def weights() -> Iterator[None]:
    """Let layers that are built inside start with zeros where they would start with random values.

    The only place where the zoo patches Keras (3.15.1): its layers create every variable by calling an initializer, and
    offer no way to skip that. Once Keras can create variables without values, as torch.nn.utils.skip_init does, this
    function becomes that call.
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
