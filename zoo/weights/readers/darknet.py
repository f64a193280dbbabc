"""Values of a Darknet .weights file: a short header, then float32 values without names or shapes.

The order is in load_convolutional_weights of https://github.com/AlexeyAB/darknet/blob/master/src/parser.c.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.weights.readers.damage import refused

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMBERS = "numbers"
_NEWEST = (0, 2)  # from which on the count of images is of 64 bits
_BATCH_NORM = ("beta", "gamma", "moving_mean", "moving_variance")


@refused
def read(files: Sequence[Path]) -> dict[str, NDArray[Any]]:
    """Return all values in one array, `numbers`; `convolutions` splits it.

    Header: major, minor and revision of the format, 32 bits each, and the number of training images.

    Raises:
        ValueError: not a .weights file of version 0.1 or 0.2, or one that ends within a number.
    """
    import numpy as np

    (path,) = files
    content = path.read_bytes()
    version = tuple(int(number) for number in np.frombuffer(content[:12], "<i4")) if len(content) >= 12 else ()
    if version[:2] not in ((0, 1), _NEWEST):
        raise ValueError(f"{path.name} is no Darknet .weights file of version 0.1 or 0.2")
    start = 20 if version[:2] == _NEWEST else 16
    if len(content) < start or (len(content) - start) % 4:
        raise ValueError(f"{path.name} is cut off: {len(content)} bytes do not end with a whole number")
    return {NUMBERS: np.frombuffer(content, "<f4", offset=start)}


def convolutions(
    arrays: Mapping[str, NDArray[Any]], kernels: Mapping[str, tuple[int, ...]], biased: Collection[str]
) -> dict[str, dict[str, NDArray[Any]]]:
    """Split the values of a file into convolutions; return their parts, as Keras names and shapes them.

    Args:
        arrays: from `read`.
        kernels: shape of every kernel (height, width, inputs, outputs), by name, in the order of the file.
        biased: names of the convolutions with biases; the others have batch norm.

    Raises:
        ValueError: the file holds more or fewer numbers than these convolutions.
    """
    numbers = arrays[NUMBERS]
    lengths = {name: _lengths(shape, biased=name in biased) for name, shape in kernels.items()}
    wanted = sum(sum(parts.values()) for parts in lengths.values())
    if len(numbers) != wanted:
        raise ValueError(f"the .weights file holds {len(numbers)} numbers, the network {wanted}")
    found: dict[str, dict[str, NDArray[Any]]] = {}
    start = 0
    for name, parts in lengths.items():
        found[name] = {}
        for kind, length in parts.items():
            found[name][kind] = numbers[start : start + length]
            start += length
        height, width, inputs, outputs = kernels[name]
        stored = found[name]["kernel"].reshape(outputs, inputs, height, width)
        found[name]["kernel"] = stored.transpose(2, 3, 1, 0)
    return found


def _lengths(kernel: tuple[int, ...], *, biased: bool) -> dict[str, int]:
    """Return the length of each part of a convolution, in the order of the file."""
    height, width, inputs, outputs = kernel
    before = ("bias",) if biased else _BATCH_NORM
    return {**dict.fromkeys(before, outputs), "kernel": height * width * inputs * outputs}
