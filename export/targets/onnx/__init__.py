"""The .onnx format: Keras to float file, float file to every other precision, ONNX Runtime to run it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from export.targets.session import OpCount, Session

if TYPE_CHECKING:
    import keras

    from export.targets import QuantizationPlan


class OnnxTarget:
    """Writes and runs .onnx files."""

    name = "onnx"
    suffix = ".onnx"

    def convert(self, model: keras.Model) -> bytes:
        """Return the float32 file of `model`: static batch 1, inputs and outputs named as in the model."""
        from export.targets.onnx.float_file import convert

        return convert(model)

    def quantize(self, float_file: bytes, plan: QuantizationPlan, siblings: Mapping[str, bytes]) -> bytes:
        """Return the file in `plan.precision`; integer ones are derived from the sibling .tflite."""
        raise NotImplementedError

    def open(self, path: Path, threads: int = 1) -> Session:
        """Load a file in ONNX Runtime, on the CPU."""
        from export.targets.onnx.session import OnnxSession

        return OnnxSession(path, threads)

    def census(self, path: Path) -> list[OpCount]:
        """Return the operators that ONNX Runtime will execute, after its own fusions."""
        raise NotImplementedError


ONNX = OnnxTarget()
