"""The patches of libraries in this package, each with what makes it unnecessary."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

LARGEST_BYTES = 32 * 1024 * 1024  # of what it rounds in one go


@contextmanager
def large_kernels_in_slices() -> Iterator[None]:
    """Let kernels above 32 MiB be rounded a few output channels at a time: the same numbers, in less memory.

    Patches ai-edge-quantizer 0.10.0: it goes through such a kernel (a 3 x 3 convolution of 1024 channels to 1024) in
    pieces, for which it slices the kernel but not its scales, and then refuses the shapes.
    Ends with a version that slices the scales too: tests/formats/tflite/test_patches.py fails then.
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


def _slice(parameters: Any, some: Any) -> Any:
    """Return the quantization of `some` of the first axis; one that all of it shares stays."""
    scale, zero_point = (
        values[some] if len(values) > 1 else values for values in (parameters.scale, parameters.zero_point)
    )
    return replace(parameters, scale=scale, zero_point=zero_point)
