"""NNCF's post-training quantization of an .onnx file."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def quantize(float_file: Path, samples: Any, out: Path, *, preset: str, fast_bias_correction: bool) -> None:
    """Quantize with a preset, PERFORMANCE or MIXED; the bias correction that is not fast is the accurate one."""
    import nncf
    import onnx

    model = onnx.load(str(float_file))
    image = model.graph.input[0].name
    quantized = nncf.quantize(
        model,
        nncf.Dataset(samples, lambda sample: {image: sample[None]}),
        preset=nncf.QuantizationPreset[preset],
        subset_size=len(samples),
        fast_bias_correction=fast_bias_correction,
    )
    onnx.save(quantized, str(out))
