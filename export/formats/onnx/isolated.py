"""Run every operator of an integer .onnx by itself in float, on the integers that the file itself computes.

What the integer operator then adds is the rounding of its output and of its own arithmetic, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats.onnx import split
from export.formats.onnx.dissect import loaded
from export.formats.onnx.expanded import expand
from export.formats.onnx.session import OnnxSession
from export.formats.session import OperatorErrors

NUMBERS_OF_A_LAYER = 20_000  # An .onnx does not say how large its activations are.


class OnnxIsolated:
    """See `export.formats.session.IsolatedOperators`."""

    def __init__(self, path: Path) -> None:
        """Load a file whose integers are behind DequantizeLinear, or in integer operators."""
        import onnx

        self.inputs = OnnxSession(path).inputs
        proto: Any = onnx.load(str(path))
        spelled_out = type(proto).FromString(proto.SerializeToString())
        expand(spelled_out)
        self._seams = split.seams(spelled_out)
        self._shown = loaded(split.shown(proto, self._seams), is_optimized=True)
        self._cut = loaded(split.cut(spelled_out, self._seams), is_optimized=False)
        makers = {name: node.op_type for node in spelled_out.graph.node for name in node.output}
        self._ops = {seam.name: makers.get(seam.reads, "") for seam in self._seams}
        self.has_indices = False
        self.size = max(1, NUMBERS_OF_A_LAYER * len(self._seams))

    def align(self, samples: Sequence[Mapping[str, Array]]) -> None:
        """Do nothing: the float operators are those of the file."""

    def errors(self, stored: Mapping[str, Array]) -> Iterator[OperatorErrors]:
        """Run one sample, and yield the errors of every operator whose output has a grid."""
        names = [value.name for value in self._shown.get_outputs()]
        given = {**stored, **dict(zip(names, self._shown.run(names, dict(stored)), strict=True))}
        real = {
            split.PREFIX + seam.name: seam.stored.dequantize(given[seam.name]).astype(np.float32)
            for seam in self._seams
        }
        fed = {value.name: real.get(value.name, stored.get(value.name)) for value in self._cut.get_inputs()}
        reads = [value.name for value in self._cut.get_outputs()]
        computed = dict(zip(reads, self._cut.run(reads, fed), strict=True))
        for seam in self._seams:
            spec = seam.stored
            if seam.reads not in computed or spec.scale is None or spec.zero_point is None:
                continue
            limits = np.iinfo(spec.dtype)
            exact = computed[seam.reads].astype(np.float64) / spec.scale + spec.zero_point
            steps = np.abs(given[seam.name].astype(np.float64) - np.clip(exact, limits.min, limits.max))
            yield OperatorErrors(op=self._ops[seam.name], tensor=seam.reads, dtype=spec.dtype, steps=steps)

    def is_defined(self, stored: Mapping[str, Array]) -> bool:
        """Return True: what is not finite shows as an infinite or undefined error."""
        return True

    def activations(self, stored: Mapping[str, Array]) -> dict[str, Array]:
        """Return nothing: an .onnx may store its channels in another order."""
        return {}
