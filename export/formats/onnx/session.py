"""Run an .onnx file with ONNX Runtime on the CPU, without TensorFlow and the onnx package."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Array
from export.errors import ConversionError
from export.formats.onnx.decoder import CONTEXT_KEY, LENGTH_KEY, GrowingDecoder
from export.formats.onnx.encoder_decoder import SOURCE_KEY, GrowingEncoderDecoder
from export.formats.onnx.entries import ENTRIES_KEY, OnnxEntries
from export.formats.onnx.open_batch import BATCH
from export.model.tensor_spec import TensorSpec

METADATA_KEY = "zoo.quantization"  # JSON: {name: {"scale": float, "zero_point": int}} of inputs and outputs.
SILENT = 4  # Severity "fatal"; errors are raised as exceptions.
_DTYPES = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16"}


def load_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that ONNX Runtime raises for a bad file; they have no common base class."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile", "NotImplemented")
    return (*(getattr(state, name) for name in names), state.RuntimeException, state.EPFail, RuntimeError)


LARGE_BYTES = 100_000_000  # of a file whose weights should not be copied without need
_LARGE_TENSOR_BYTES = 1_000_000


def save_optimized(source: Path, target: Path, level: str, *, weights_name: str = "") -> None:
    """Write the file `source`, optimized by ONNX Runtime at `level` (ORT_ENABLE_...), to `target`.

    Args:
        source: the file.
        target: where the optimized file is written.
        level: of the optimization.
        weights_name: of a file beside `target` for the large weights; empty leaves them in it.

    Raises:
        one of `load_errors()`: the runtime rejects the file.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.intra_op_num_threads = 1
    options.log_severity_level = SILENT
    options.optimized_model_filepath = str(target)
    if weights_name:
        smallest, key = str(_LARGE_TENSOR_BYTES), "session.optimized_model_external_initializers"
        options.add_session_config_entry(f"{key}_file_name", weights_name)
        options.add_session_config_entry(f"{key}_min_size_in_bytes", smallest)
    onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])


class OnnxSession:
    """A loaded .onnx file: stored inputs in, stored outputs out.

    Attributes:
        inputs: name, static shape, stored type and recorded quantization of each input.
        outputs: name, static shape, stored type and recorded quantization of each output.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._session = _load(path, threads)
        self._has_open_batch = any(value.shape[:1] == [BATCH] for value in self._session.get_inputs())
        stored = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY, "{}")
        quantization = json.loads(stored)
        self.inputs = tuple(_spec(value, quantization) for value in self._session.get_inputs())
        self.outputs = tuple(_spec(value, quantization) for value in self._session.get_outputs())

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the stored outputs by name; `inputs` must have the names, shapes and types of `self.inputs`.

        Raises:
            ValueError: a name, shape or type differs; nothing is cast or broadcast.
        """
        expected = {spec.name: spec for spec in self.inputs}
        if set(inputs) != set(expected):
            raise ValueError(f"the file takes the inputs {sorted(expected)}, not {sorted(inputs)}")
        for name, spec in expected.items():
            given = inputs[name]
            first = 1 if self._has_open_batch else 0
            if given.dtype != np.dtype(spec.dtype) or given.shape[first:] != spec.shape[first:]:
                wanted, found = (spec.dtype, list(spec.shape)), (given.dtype.name, list(given.shape))
                raise ValueError(f"input {name!r} is {wanted}, not {found}")
        names = [spec.name for spec in self.outputs]
        return dict(zip(names, self._session.run(names, dict(inputs)), strict=True))


def open_session(path: Path, threads: int = 1) -> OnnxSession | OnnxEntries | GrowingDecoder | GrowingEncoderDecoder:
    """Load a file in ONNX Runtime, on the CPU.

    Raises:
        ConversionError: the runtime rejects the file.
    """
    session = _load(path, threads)
    stored = session.get_modelmeta().custom_metadata_map
    length, context = (stored.get(key, "") for key in (LENGTH_KEY, CONTEXT_KEY))
    if length.isdigit() and context.isdigit():
        source = stored.get(SOURCE_KEY, "")
        if source.isdigit():
            return GrowingEncoderDecoder(session, int(source), int(length))
        return GrowingDecoder(session, int(length), int(context))
    described = stored.get(ENTRIES_KEY)
    return OnnxEntries(session, json.loads(described)) if described else OnnxSession(path, threads)


def _load(path: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = SILENT
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except load_errors() as error:
        raise cannot_load(path, error) from error


def cannot_load(path: Path, error: Exception) -> ConversionError:
    """Return the error of a file that ONNX Runtime rejects, with its reason, and without its codes and folders."""
    reason = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", str(error).strip())
    reason = re.sub(r"^Load model from .*? failed:", "", reason)
    return ConversionError(f"ONNX Runtime cannot load {path.name}: {reason}")


def _spec(value: Any, quantization: Mapping[str, Mapping[str, Any]]) -> TensorSpec:
    parameters = quantization.get(value.name, {})
    kind = _DTYPES.get(value.type) or value.type.removeprefix("tensor(").removesuffix(")")
    return TensorSpec(
        name=value.name,
        shape=tuple(1 if size == BATCH else size for size in value.shape),
        dtype=kind,
        scale=parameters.get("scale"),
        zero_point=parameters.get("zero_point"),
    )
