"""TFLite, run by LiteRT: Android, Raspberry Pi, browsers, microcontrollers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from export.recipe import Precision
from export.targets.session import OpCount, Session, StorageReport

if TYPE_CHECKING:
    import keras

    from export.targets import QuantizationPlan


class _Tflite:
    name = "tflite"
    suffix = ".tflite"
    runtime = "ai-edge-litert"

    def convert(self, model: keras.Model) -> bytes:
        from export.targets.tflite.convert import convert

        return convert(model)

    def quantize(self, float_file: bytes, plan: QuantizationPlan, siblings: Mapping[str, bytes]) -> bytes:
        from export.targets.tflite.quantize import quantize

        return quantize(float_file, plan)

    def needs(self, precision: Precision) -> tuple[str, ...]:
        return ()

    def storage(self, float_file: bytes, content: bytes) -> StorageReport | None:
        from export.targets.tflite.storage import compare

        return compare(float_file, content)

    def open(self, path: Path, threads: int = 1) -> Session:
        from export.targets.tflite.session import TfliteSession

        return TfliteSession(path, threads)

    def census(self, path: Path) -> list[OpCount]:
        from export.targets.tflite.census import census

        return census(path)


TFLITE = _Tflite()
