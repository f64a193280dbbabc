"""The largest network that the requested files can hold."""

from __future__ import annotations

import zoo
from export.quantization.requested import formats
from export.recipe import Recipe
from export.scheme import FLOAT32
from export.units import size_in_words
from zoo.errors import UsageProblemError

# A .tflite addresses its content by signed 32-bit offsets, and protobuf refuses larger messages for an .onnx.
LARGEST_BYTES = 2**31
FLOAT32_BYTES = 4


def check_name(recipe: Recipe) -> None:
    """Refuse files of a network of the zoo that cannot hold its weights, before the network is built.

    Beyond the limit, float32 files of formats that keep weights in a second file are left. Files of other precisions
    are derived from a float32 file of at most that size.

    Raises:
        UsageProblemError: the recipe requests another file.
    """
    if recipe.model not in zoo.names():
        return
    size = FLOAT32_BYTES * zoo.find(recipe.model).parameter_count
    possible = {one.name for one in formats(recipe) if one.has_data_files}
    others = [one for one in formats(recipe) if one.name not in possible]
    is_float = set(recipe.schemes) == {FLOAT32} and not recipe.budget.is_asked
    if size <= LARGEST_BYTES or (is_float and not others):
        return
    raise UsageProblemError(_sentence(recipe.model, size, is_float=is_float))


def _sentence(model: str, size: int, *, is_float: bool) -> str:
    from export.formats import FORMATS

    whole, split = ([one.name for one in FORMATS.values() if one.has_data_files is has] for has in (False, True))
    large = f"{model} has {size_in_words(size)} of weights in float32"
    most = f"at most {size_in_words(LARGEST_BYTES)}"
    options = f"--format {','.join(split)}"
    if is_float:
        return f"{large}, but a .{' or a .'.join(whole)} holds {most}: type {options}"
    reason = f"files of other precisions are derived from float32 files of {most}"
    return f"{large}; {reason}: type {options} --precision {FLOAT32}"
