"""The .onnx format: conversion from Keras, quantization, and inference in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.errors import ConversionError
from export.formats.dissection import Dissector
from export.formats.enclosure import Enclosure
from export.formats.footprint import Footprint
from export.formats.onnx.operator_set import VERSIONS
from export.formats.opened import OpenedFile
from export.formats.requirements import Requirements
from export.formats.session import IsolatedOperators, NumberTypes, OpCount, Session, StorageReport
from export.scheme import FLOAT16, FLOAT32, Scheme

if TYPE_CHECKING:
    import keras

    from calibration.samples import Samples
    from export.formats.format import QuantizationPlan
    from export.model.description import Description
    from zoo.language.decoder import Decoder


class OnnxFormat:
    """Writes and runs .onnx files."""

    name = "onnx"
    suffix = ".onnx"
    runtime = "onnxruntime"
    has_data_files = True
    operator_sets = VERSIONS

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
        from export.formats.onnx.float_file import convert, convert_decoder

        return convert(model, entries or {}, data) if decoder is None else convert_decoder(decoder, data)

    def quantize(self, float_file: bytes, plan: QuantizationPlan, siblings: Mapping[str, bytes]) -> bytes:
        """Return the quantized file; integer files are derived from the sibling .tflite."""
        from export.formats.onnx.quantize import quantize

        return quantize(float_file, plan, siblings)

    def quantize_alone(self, path: Path, samples: Samples, scheme: Scheme) -> bytes:
        """Return the file in an integer precision, derived from the float .onnx, where no .tflite exists."""
        from export.formats.onnx.alone import quantize

        return quantize(path, samples, scheme)

    def data_files(self, path: Path) -> tuple[str, ...]:
        """Return the places of the external data of an .onnx."""
        from export.formats.onnx.external_data import locations

        return locations(path)

    def select_ops(self, content: bytes) -> tuple[str, ...]:
        """Return no operators: an .onnx has none of TensorFlow's."""
        return ()

    def with_graph_options(self, content: bytes, operator_set: int | None, open_batch: bool) -> bytes:
        """Return a file with a version of its operators, or with an open batch."""
        from export.formats.onnx import open_batch as batches
        from export.formats.onnx import operator_set as versions

        if operator_set is not None:
            content = versions.with_operator_set(content, operator_set)
        return batches.with_open_batch(content) if open_batch else content

    def describe(self, content: bytes | mmap, description: Description) -> Enclosure:
        """Return the producer, the description and the properties of a file, which are appended to its bytes."""
        from export.formats.onnx.metadata import describe

        return describe(description)

    def metadata(self, path: Path) -> Mapping[str, Any]:
        """Return the producer, the description and the properties of a file."""
        from export.formats.onnx.metadata import stated

        return stated(path)

    def needs(self, scheme: Scheme) -> tuple[str, ...]:
        """Return the sibling that a precision is derived from; float files need none."""
        return () if scheme in (FLOAT32, FLOAT16) else ("tflite",)

    def storage(self, float_file: bytes, content: bytes, siblings: Mapping[str, bytes]) -> StorageReport | None:
        """Return the distance of the weights and biases from the sibling's, or without one from the float file's.

        None if the layers of the two formats cannot be matched; then the comparison of outputs has to suffice.
        """
        from export.formats.onnx import storage

        if "tflite" in siblings:
            return storage.compare_with_sibling(siblings["tflite"], content)
        if storage.is_integer(content):
            return storage.compare_layers_with_float(float_file, content)
        return storage.compare_with_float(float_file, content)

    def open(self, path: Path, threads: int = 1) -> Session:
        """Load a file in ONNX Runtime, on the CPU."""
        from export.formats.onnx.session import open_session

        return open_session(path, threads)

    def dissect(self, path: Path, float_file: Path) -> Dissector:
        """Load a quantized file in ONNX Runtime together with a float .tflite, with access to every activation."""
        from export.formats.onnx.dissect import OnnxDissector

        return OnnxDissector(path, float_file.read_bytes())

    def isolate_beside(self, path: Path, sibling: Path) -> IsolatedOperators:
        """Load an int8 file together with the .tflite that it was derived from, operator by operator."""
        from export.formats.onnx.beside_sibling import BesideSibling

        return BesideSibling(path.read_bytes(), sibling.read_bytes())

    def requirements(self, path: Path) -> Requirements:
        """Return which releases of ONNX Runtime load a file."""
        from export.formats.onnx.requirements import requirements

        return requirements(path)

    def footprint(self, content: bytes) -> Footprint:
        """Raise ConversionError: no runtime of microcontrollers is known here that reads .onnx files."""
        raise ConversionError("TensorFlow Lite Micro reads no .onnx files")

    def number_types(self, content: bytes) -> NumberTypes:
        """Return the types of the constants and of the quantized tensors."""
        from export.formats.onnx.number_types import number_types

        return number_types(content)

    def zero_share(self, content: bytes) -> float:
        """Return the share of zero weights in the layers."""
        from export.formats.onnx.sparsity import zero_share

        return zero_share(content)

    def isolate(self, path: Path, float_file: Path) -> IsolatedOperators:
        """Load an integer file in ONNX Runtime, operator by operator; the float operators are derived from it."""
        from export.formats.onnx.isolated import OnnxIsolated

        return OnnxIsolated(path)

    def opened(self, content: bytes) -> OpenedFile:
        """Return a file that any tool may have made, parsed."""
        from export.formats.onnx.opened import OpenedOnnx

        return OpenedOnnx(content)

    def with_batch_of_one(self, path: Path) -> bytes:
        """Return the file with the batch size 1 where its inputs leave the batch open, and its data inside."""
        from export.formats.onnx.batch import with_batch_of_one

        return with_batch_of_one(path)

    def with_plain_grids(self, content: bytes) -> bytes:
        """Return the file with every scale and zero point stored, and the same outputs."""
        from export.formats.onnx.plain_grids import with_plain_grids

        return with_plain_grids(content)

    def census(self, path: Path) -> list[OpCount]:
        """Return the operators that ONNX Runtime executes after its fusions."""
        from export.formats.onnx.census import census

        return census(path)


ONNX = OnnxFormat()
