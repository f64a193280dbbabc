"""ONNX Runtime's quantize_static, after the preparation that its documentation recommends."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def quantize(float_file: Path, samples: Any, out: Path, *, activations: str) -> None:
    """Quantize per channel with min-max ranges; `activations` is QUInt8 or QInt8."""
    import onnxruntime
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = out.with_suffix(".prepared.onnx")
    # Its symbolic shapes are for dynamic ones, and need a package of their own.
    quant_pre_process(str(float_file), str(prepared), skip_symbolic_shape=True)
    (image,) = onnxruntime.InferenceSession(str(float_file), providers=["CPUExecutionProvider"]).get_inputs()

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._feeds = ({image.name: sample[None]} for sample in samples)

        def get_next(self) -> dict[str, Any] | None:
            return next(self._feeds, None)

    quantize_static(
        str(prepared),
        str(out),
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType[activations],
        weight_type=QuantType.QInt8,
    )
