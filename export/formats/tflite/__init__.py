"""The .tflite format and its runtime LiteRT, for Android, Raspberry Pi, browsers and microcontrollers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.errors import ConversionError
from export.formats.dissection import Dissector
from export.formats.enclosure import Enclosure
from export.formats.footprint import Footprint, NamedOperator
from export.formats.opened import OpenedFile
from export.formats.requirements import Requirements
from export.formats.session import (
    IsolatedOperators,
    NumberTypes,
    OpCount,
    RangeReport,
    Session,
    StorageReport,
    StructureReport,
    Watcher,
)
from export.scheme import Scheme

if TYPE_CHECKING:
    import keras

    from calibration.samples import Samples
    from export.formats.format import BoundedMasks, QuantizationPlan, Weights
    from export.model.description import Description
    from zoo.language.decoder import Decoder


class TfliteFormat:
    """Writes, runs and watches .tflite files."""

    name = "tflite"
    suffix = ".tflite"
    runtime = "ai-edge-litert"
    has_data_files = False
    operator_sets = range(0)

    def convert(
        self,
        model: keras.Model,
        entries: Mapping[str, keras.Model] | None = None,
        *,
        select_ops: bool = False,
        decoder: Decoder | None = None,
        data: Path | None = None,
    ) -> bytes:
        """Return the float32 file of `model` and its entry points; see `export.formats.format.Format`."""
        from export.formats.tflite.convert import convert

        return convert(model, entries or {}, select_ops=select_ops, decoder=decoder)

    def quantize(self, float_file: bytes, plan: QuantizationPlan, siblings: Mapping[str, bytes]) -> bytes:
        """Return the quantized file; no sibling is needed."""
        from export.formats.tflite.quantize import quantize

        return quantize(float_file, plan)

    def quantize_alone(self, path: Path, samples: Samples, scheme: Scheme) -> bytes:
        """Refuse: a .tflite is always derived from its own float file."""
        raise ConversionError("no other way to quantize a .tflite is known")

    def data_files(self, path: Path) -> tuple[str, ...]:
        """Return no places: a .tflite holds all of its weights."""
        return ()

    def select_ops(self, content: bytes) -> tuple[str, ...]:
        """Return the operators of TensorFlow that a file needs on the device, such as FlexMaxPool3D."""
        from export.formats.tflite.census import select_ops

        return select_ops(content)

    def with_graph_options(self, content: bytes, operator_set: int | None, open_batch: bool) -> bytes:
        """Return the file itself: its operators have versions of their own, and LiteRT resizes a batch."""
        return content

    def describe(self, content: bytes | mmap, description: Description) -> Enclosure:
        """Return the metadata that MediaPipe and Android Studio read, around the bytes of a file."""
        from export.formats.tflite.metadata import describe

        return describe(content, description)

    def metadata(self, path: Path) -> Mapping[str, Any]:
        """Return what the TFLite metadata of a file say."""
        from export.formats.tflite.stated import stated

        return stated(path)

    def needs(self, scheme: Scheme) -> tuple[str, ...]:
        """Return no formats: every precision is derived from the float file."""
        return ()

    def storage(self, float_file: bytes, content: bytes, siblings: Mapping[str, bytes]) -> StorageReport | None:
        """Return the distance of the stored weights and biases from the float file's."""
        from export.formats.tflite.storage import compare

        return compare(float_file, content)

    def open(self, path: Path, threads: int = 1) -> Session:
        """Load a file in LiteRT, on the CPU."""
        from export.formats.tflite.session import open_session

        return open_session(path, threads)

    def watch(self, path: Path, threads: int = 1) -> Watcher:
        """Load a float file in LiteRT with access to every activation."""
        from export.formats.tflite.watching import TfliteWatcher

        return TfliteWatcher(path, threads)

    def reweigh(self, float_file: bytes, before: Weights, after: Weights) -> bytes | None:
        """Return the float file with the weights `before` replaced by `after`; None if they cannot be located."""
        from export.formats.tflite.reweigh import reweighed

        return reweighed(float_file, before, after)

    def with_bounded_masks(self, float_file: bytes, ranges: Mapping[str, tuple[float, float]]) -> BoundedMasks | None:
        """Return the float file with smaller masks, given its observed ranges; None if it has none to replace."""
        from export.formats.tflite.masks import bounded

        return bounded(float_file, ranges)

    def structure(self, float_file: bytes, content: bytes) -> StructureReport:
        """Return the differences between the graphs of a quantized file and of its float file."""
        from export.formats.tflite.structure import compare

        return compare(float_file, content)

    def in_order(self, content: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
        """Return a file whose operators have an order that only its graph, inputs and outputs determine."""
        from export.formats.tflite.in_order import in_order

        return in_order(content, inputs, outputs)

    def isolate(self, path: Path, float_file: Path) -> IsolatedOperators:
        """Load an integer file in LiteRT together with its float file, operator by operator."""
        from export.formats.tflite.isolated import Isolated

        return Isolated(path.read_bytes(), float_file.read_bytes())

    def isolate_beside(self, path: Path, sibling: Path) -> IsolatedOperators:
        """Raise ConversionError: a .tflite is quantized from a float .tflite."""
        raise ConversionError(f"{path.name} was not derived from {sibling.name}")

    def ranges(self, float_file: bytes, content: bytes, plan: QuantizationPlan) -> RangeReport:
        """Return how far the stored ranges fall short of the planned ranges."""
        from export.formats.tflite.ranges import compare

        return compare(float_file, content, plan)

    def dissect(self, path: Path, float_file: Path) -> Dissector:
        """Load a quantized file in LiteRT together with a float .tflite, with access to every activation."""
        from export.formats.tflite.dissect import TfliteDissector

        return TfliteDissector(path.read_bytes(), float_file.read_bytes())

    def requirements(self, path: Path) -> Requirements:
        """Return which releases of LiteRT load a file, and what its GPU delegate does not take."""
        from export.formats.tflite.requirements import requirements

        return requirements(path.read_bytes())

    def footprint(self, content: bytes) -> Footprint:
        """Return the memory, work and operators that TensorFlow Lite Micro needs for a file."""
        from export.formats.tflite.micro.footprint import footprint

        return footprint(content)

    def operators(self, content: bytes) -> tuple[NamedOperator, ...]:
        """Return the operators of a file one by one."""
        from export.formats.tflite.micro.operators import operators

        return operators(content)

    def edges(self, content: bytes) -> tuple[tuple[Any, ...], ...]:
        """Return shape, type and grid of every input and output of a file, also of one that no runtime here runs."""
        from export.formats.tflite.micro.operators import edges

        return edges(content)

    def open_plain(self, path: Path) -> Session:
        """Load a file in LiteRT with the plain kernels of its reference, which microcontrollers share."""
        from export.formats.tflite.session import TfliteSession

        return TfliteSession(path, plain_kernels=True)

    def number_types(self, content: bytes) -> NumberTypes:
        """Return the types of the constants and of the quantized tensors."""
        from export.formats.tflite.number_types import number_types

        return number_types(content)

    def zero_share(self, content: bytes) -> float:
        """Return the share of zero weights in the layers."""
        from export.formats.tflite.sparsity import zero_share

        return zero_share(content)

    def opened(self, content: bytes) -> OpenedFile:
        """Return a file that any tool may have made, parsed."""
        from export.formats.tflite.opened import OpenedTflite

        return OpenedTflite(content)

    def with_batch_of_one(self, path: Path) -> bytes:
        """Return the file itself: LiteRT takes 1 for an open batch."""
        return path.read_bytes()

    def with_plain_grids(self, content: bytes) -> bytes:
        """Return the file itself: it has no other grids."""
        return content

    def census(self, path: Path) -> list[OpCount]:
        """Return the operators of the file, which LiteRT executes without fusions."""
        from export.formats.tflite.census import census

        return census(path)


TFLITE = TfliteFormat()
