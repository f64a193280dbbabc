"""The largest network that a file can hold."""

from __future__ import annotations

import zoo
from export.recipe import Recipe
from export.units import size_in_words
from zoo.errors import UsageProblemError

# A .tflite addresses its content by signed 32-bit offsets, and protobuf refuses larger messages for an .onnx.
LARGEST_BYTES = 2**31
FLOAT32_BYTES = 4


def check_name(recipe: Recipe) -> None:
    """Refuse a network of the zoo whose float32 weights no file can hold, before it is built.

    Raises:
        UsageProblemError: it has too many parameters.
    """
    if recipe.model not in zoo.names():
        return
    size = FLOAT32_BYTES * zoo.find(recipe.model).parameter_count
    if size > LARGEST_BYTES:
        raise UsageProblemError(
            f"{recipe.model} has {size_in_words(size)} of weights in float32; all other files are derived from the "
            f"float32 files, and these hold at most {size_in_words(LARGEST_BYTES)}: type a smaller network"
        )
