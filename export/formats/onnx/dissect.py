"""Dissect a quantized .onnx in ONNX Runtime, compared with the float .tflite of the same model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Array
from export.errors import ConversionError
from export.formats.dissection import Activation, Floats, Point, Show, Tail, check_points, ends, points
from export.formats.onnx import split
from export.formats.onnx.session import SILENT, OnnxSession, load_errors
from export.formats.onnx.tensor_match import Counterpart, counterparts
from export.formats.tflite.dissect import PASSING_ON, FloatSide


class OnnxDissector:
    """See `export.formats.dissection.Dissector`."""

    def __init__(self, path: Path, float_file: bytes) -> None:
        """Load both files.

        Raises:
            UsageProblemError: the file is not quantized.
        """
        import onnx

        session = OnnxSession(path)
        self.inputs, self.outputs = session.inputs, session.outputs
        proto: Any = onnx.load(str(path))
        self._seams = split.seams(proto)
        if not any(seam.reads for seam in self._seams):
            check_points((), (), holds_integers=False)
        self._float = FloatSide(float_file)
        self._shown = loaded(split.shown(proto, self._seams), is_optimized=True)
        self._proto = proto
        self._cut: Any = None
        self._counterparts: Mapping[str, Counterpart] = {}
        self.points: tuple[Point, ...] = ()
        self.missing: tuple[str, ...] = ()
        self.ends: tuple[str, ...] = ()

    def align(self, real: Mapping[str, Array], stored: Mapping[str, Array]) -> None:
        """Find the activations of the float file on one sample."""
        self._float.run(real)
        references = {name: np.array(values) for name, values in self._float.activations().items()}
        found = self._found(stored)
        self._counterparts = counterparts(self._seams, found, self._float.steps, references)
        self._seams = [seam for seam in self._seams if seam.name in self._counterparts]
        grids = {self._counterparts[seam.name].tensor: seam.stored for seam in self._seams}
        self.points = points(self._float.steps, grids, PASSING_ON)
        self.missing = tuple(step.tensor for step in self._float.steps if step.tensor not in grids)
        self.ends = ends(self._float.outputs, self._float.steps, grids)
        check_points(self.points, self._float.steps, holds_integers=True)
        self._cut = loaded(split.cut(self._proto, self._seams), is_optimized=False)

    def tail(self, tensor: str) -> Tail:
        """Return the function from values of one activation to the outputs."""
        return self._float.tail(tensor)

    def dissect(self, real: Mapping[str, Array], stored: Mapping[str, Array], show: Show) -> None:
        """Run one sample and show every point."""
        self._float.run(real)
        references = self._float.activations()
        found, computed = self._found(stored), self._computed(references, real)
        by_tensor = {self._counterparts[seam.name].tensor: seam for seam in self._seams}
        for position, point in enumerate(self.points):
            seam, reference = by_tensor[point.tensor], references[point.tensor]
            counterpart = self._counterparts[seam.name]
            own = reference
            if seam.reads in computed:
                own = self._float.activated(
                    point.tensor, counterpart.as_reference(computed[seam.reads], reference.shape)
                )
            real_found = counterpart.as_reference(found[seam.name], reference.shape)
            show(position, Activation(reference=reference, found=real_found, computed=own))

    def _found(self, stored: Mapping[str, Array]) -> dict[str, Floats]:
        """Return the real activations of the file by the names of the seams."""
        names = [value.name for value in self._shown.get_outputs()]
        given = {**stored, **dict(zip(names, self._shown.run(names, dict(stored)), strict=True))}
        return {seam.name: seam.stored.dequantize(given[seam.name]).astype(np.float32) for seam in self._seams}

    def _computed(self, references: Mapping[str, Floats], real: Mapping[str, Array]) -> dict[str, Floats]:
        """Return the output of each operator for the float file's activations, by the name before quantization."""
        known = {split.PREFIX + name: counterpart for name, counterpart in self._counterparts.items()}
        fed = {
            value.name: known[value.name].as_onnx(references[known[value.name].tensor])
            if value.name in known
            else real[value.name]
            for value in self._cut.get_inputs()
        }
        names = [value.name for value in self._cut.get_outputs()]
        return dict(zip(names, self._cut.run(names, fed), strict=True))


def loaded(content: bytes, *, is_optimized: bool) -> Any:
    """Load a file that is given as bytes.

    Raises:
        ConversionError: ONNX Runtime rejects it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = SILENT
    if not is_optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except load_errors() as error:
        raise ConversionError(f"ONNX Runtime cannot load the dissected file: {error}") from error
