"""Patches of libraries, each with the condition for its removal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

LARGEST_BYTES = 32 * 1024 * 1024  # Size up to which ai-edge-quantizer rounds a kernel at once.


@contextmanager
def large_kernels_in_slices() -> Iterator[None]:
    """Round kernels above 32 MiB a few output channels at a time, with the same result in less memory.

    Patches ai-edge-quantizer 0.10.0: it splits such a kernel (a 3 x 3 convolution from 1024 to 1024 channels) but not
    its scales, and then rejects the shapes.
    Ends with a version that splits the scales too: tests/formats/tflite/test_patches.py fails then.
    """
    from ai_edge_quantizer.algorithms.uniform_quantize import uniform_quantize_tensor as module

    original = module.uniform_quantize

    def rounded(tensor_data: Any, quantization_params: Any, is_blockwise_quant: bool = False) -> Any:
        values = tensor_data
        if is_blockwise_quant or values.ndim <= 2 or values.nbytes <= LARGEST_BYTES:
            return original(tensor_data, quantization_params, is_blockwise_quant)
        whole = module.fix_quantization_params_rank(values, quantization_params)
        slices = np.array_split(np.arange(len(values)), -(-values.nbytes // LARGEST_BYTES))
        return np.concatenate([original(values[some], _slice(whole, some)) for some in slices])

    module.uniform_quantize = rounded
    try:
        yield
    finally:
        module.uniform_quantize = original


@contextmanager
def constants_on_grids_of_another_rank() -> Iterator[None]:
    """Round a constant to a single scale that has more or fewer axes than the constant.

    Patches ai-edge-quantizer 0.10.0: the constant of a concatenation (the class token of a vision transformer) or of a
    select gets the scale of the output, whose axes may come from another operator, and is then rejected.
    Ends with a version that reshapes the scale: tests/formats/tflite/test_patches.py fails then.
    """
    from ai_edge_quantizer.algorithms.uniform_quantize import uniform_quantize_tensor as module

    original = module.uniform_quantize

    def rounded(tensor_data: Any, quantization_params: Any, is_blockwise_quant: bool = False) -> Any:
        given, rank = quantization_params, np.ndim(tensor_data)
        if given.scale.size == given.zero_point.size == 1 and given.scale.ndim != rank:
            shape = (1,) * rank
            given = replace(given, scale=given.scale.reshape(shape), zero_point=given.zero_point.reshape(shape))
        return original(tensor_data, given, is_blockwise_quant)

    module.uniform_quantize = rounded
    try:
        yield
    finally:
        module.uniform_quantize = original


def _slice(parameters: Any, some: Any) -> Any:
    """Return the quantization of a part of the first axis; a per-tensor quantization stays unchanged."""
    scale, zero_point = (
        values[some] if len(values) > 1 else values for values in (parameters.scale, parameters.zero_point)
    )
    return replace(parameters, scale=scale, zero_point=zero_point)


@contextmanager
def without_restoring_variables() -> Iterator[None]:
    """Let TensorFlow's converter look into a SavedModel without reading the weights.

    Patches tensorflow 2.21.0: `TFLiteSavedModelConverterV2.convert` loads the model for its debug information; the
    compiler then reads the weights from the folder by itself. The process keeps the memory of those it dropped.
    Ends with a version that loads no weights for that: tests/formats/tflite/test_patches.py fails then.
    """
    from tensorflow.lite.python import lite
    from tensorflow.python.saved_model.load_options import LoadOptions

    original = lite._load

    def load(folder: str, tags: Any) -> Any:
        return original(folder, tags, options=LoadOptions(experimental_skip_checkpoint=True))

    lite._load = load
    try:
        yield
    finally:
        lite._load = original
