"""The .tflite format, run by LiteRT: Android, Raspberry Pi, browsers, microcontrollers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from export.formats.dissection import Dissector
from export.formats.session import OpCount, RangeReport, Session, StorageReport, Watcher
from export.scheme import Scheme

if TYPE_CHECKING:
    import keras

    from export.formats.format import QuantizationPlan, Weights


class TfliteFormat:
    """Writes, runs and watches .tflite files."""

    name = "tflite"
    suffix = ".tflite"
    runtime = "ai-edge-litert"

    def convert(self, model: keras.Model, entries: Mapping[str, keras.Model] | None = None) -> bytes:
        """Return the float32 file of `model` and its entry points; see `export.formats.format.Format`."""
        from export.formats.tflite.convert import convert

        return convert(model, entries or {})

    def quantize(self, float_file: bytes, plan: QuantizationPlan, siblings: Mapping[str, bytes]) -> bytes:
        """Return the file in `plan.precision`; no sibling is needed."""
        from export.formats.tflite.quantize import quantize

        return quantize(float_file, plan)

    def needs(self, scheme: Scheme) -> tuple[str, ...]:
        """Return nothing: every precision is made of the float file."""
        return ()

    def storage(self, float_file: bytes, content: bytes, siblings: Mapping[str, bytes]) -> StorageReport | None:
        """Return how far the stored weights and biases lie from the float file's."""
        from export.formats.tflite.storage import compare

        return compare(float_file, content)

    def open(self, path: Path, threads: int = 1) -> Session:
        """Load a file in LiteRT, on the CPU."""
        from export.formats.tflite.session import open_session

        return open_session(path, threads)

    def watch(self, path: Path, threads: int = 1) -> Watcher:
        """Load a float file in LiteRT, every activation in sight."""
        from export.formats.tflite.watching import TfliteWatcher

        return TfliteWatcher(path, threads)

    def reweigh(self, float_file: bytes, before: Weights, after: Weights) -> bytes | None:
        """Return the float file with other weights, found by those `before`; None where they cannot be told apart."""
        from export.formats.tflite.reweigh import reweighed

        return reweighed(float_file, before, after)

    def ranges(self, float_file: bytes, content: bytes, plan: QuantizationPlan) -> RangeReport:
        """Return how far the grids fall short of the plan's ranges."""
        from export.formats.tflite.ranges import compare

        return compare(float_file, content, plan)

    def dissect(self, path: Path, float_file: Path) -> Dissector:
        """Load a quantized file in LiteRT beside a float .tflite, every activation in sight."""
        from export.formats.tflite.dissect import TfliteDissector

        return TfliteDissector(path.read_bytes(), float_file.read_bytes())

    def zero_share(self, content: bytes) -> float:
        """Return the share of the layers' weights that stand for zero."""
        from export.formats.tflite.sparsity import zero_share

        return zero_share(content)

    def census(self, path: Path) -> list[OpCount]:
        """Return the operators as the file holds them, which is how LiteRT executes them."""
        from export.formats.tflite.census import census

        return census(path)


TFLITE = TfliteFormat()
