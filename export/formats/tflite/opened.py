"""Read a .tflite of any maker: its constants, its grids, and the same graph in float."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from calibration.samples import Array
from export.errors import ConversionError
from export.formats.opened import Role, StoredConstant, StoredGrid
from export.formats.tflite import flatbuffer, grid_rules, storage
from export.formats.tflite.dissect import stored_as
from export.formats.tflite.in_float import in_float
from export.formats.tflite.loops import KINDS
from export.formats.tflite.steps import SEAMS
from export.formats.tflite.stored_axes import LAYERS
from export.scheme import FLOAT16, FLOAT32, INT8, W8A16, W8A32, Scheme

# TFLiteConverter 2.21 declares wrong scales for biases before a sum in 16 bits, too small to change its steps.
ONE_STEP = 1.0

# Operators whose inputs and outputs have one grid: the range of one activation determines the others'.
_ONE_GRID = grid_rules.MOVES | {
    *("AVERAGE_POOL_2D", "BATCH_TO_SPACE_ND", "CONCATENATION", "DEPTH_TO_SPACE", "EXPAND_DIMS", "MAXIMUM", "MINIMUM"),
    *("MIRROR_PAD", "PACK", "PADV2", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "SPACE_TO_BATCH_ND"),
    *("SPACE_TO_DEPTH", "TILE", "UNPACK"),
}

_RELU6 = 3  # of ActivationFunctionType
_READABLE = frozenset({0, 1, 2, 3, 4, 7, 9})  # of TensorType: float32, float16, int32, uint8, int64, int16, int8

# Layers that a CPU computes as a matrix product (`saturation`).
_IN_PAIRS = frozenset({"CONV_2D", "FULLY_CONNECTED"})


class OpenedTflite:
    """See `export.formats.opened.OpenedFile`."""

    def __init__(self, content: bytes) -> None:
        """Parse a file.

        Raises:
            ConversionError: it has loops or several entry points, or numbers of a type that cannot be read.
        """
        self._content = content
        self._model = flatbuffer.read(content)
        names = {flatbuffer.op_name(self._model, one) for one in self._model.subgraphs[0].operators}
        if len(self._model.subgraphs) > 1 or names & KINDS:
            raise ConversionError("it has several graphs: loops, branches or entry points")
        flatbuffer.make_names_unique(self._model)
        self._graph = self._model.subgraphs[0]
        for tensor in self._graph.tensors:
            tensor.shape = [] if tensor.shape is None else tensor.shape
        self._check_types()
        self.grids = tuple(self._grids())
        self.constants = tuple(self._constants())
        self.scheme = self._scheme()
        self.unread = tuple(self._unread())
        self.twice: tuple[str, ...] = ()
        self.violations = tuple(grid_rules.violations(self._model, ONE_STEP)) if self.grids else ()
        self.suspects: tuple[str, ...] = ()
        description = self._model.description
        self.maker = description.decode(errors="replace") if description else ""

    def _check_types(self) -> None:
        """Check that all constants on a grid have a type that can be read.

        Raises:
            ConversionError: one has not: LiteRT has types of 2 and 4 bits, too.
        """
        for tensor in self._graph.tensors:
            data, grid = self._model.buffers[tensor.buffer].data, tensor.quantization
            if data is not None and grid is not None and grid.scale is not None and tensor.type not in _READABLE:
                raise ConversionError(f"{tensor.name.decode()} has fewer than 8 bits, which cannot be read")

    def in_float(
        self, replaced: Mapping[str, Array] | None = None, shown: Collection[str] = (), capped: Collection[str] = ()
    ) -> bytes:
        """Return the file with the same operators in float32."""
        model = flatbuffer.read(self._content)
        flatbuffer.make_names_unique(model)
        for tensor in model.subgraphs[0].tensors:
            tensor.shape = [] if tensor.shape is None else tensor.shape
        new = {int(key): self._as_stored(int(key), values) for key, values in (replaced or {}).items()}
        return in_float(model, new, shown)

    def _as_stored(self, index: int, values: Array) -> Array:
        """Return the values of a constant in the layout of the file."""
        axes = next((one for key, one in self._axes.items() if key == index), None)
        return values if axes is None else values.transpose(np.argsort(axes))

    def _constants(self) -> Iterator[StoredConstant]:
        self._axes: dict[int, tuple[int, ...]] = {}
        seen: set[int] = set()
        for position, operator in enumerate(self._graph.operators):
            name = flatbuffer.op_name(self._model, operator)
            if name in SEAMS:
                continue
            for place, index in enumerate(operator.inputs):
                index = storage.source(self._model, self._graph, int(index)) if index >= 0 else -1
                if index in seen or not self._is_real_constant(index, operator):
                    continue
                seen.add(index)
                yield self._constant(position, operator, name, place, index)

    def _is_real_constant(self, index: int, operator: Any) -> bool:
        if index < 0 or self._model.buffers[self._graph.tensors[index].buffer].data is None:
            return False
        tensor = self._graph.tensors[index]
        return flatbuffer.is_float(tensor) or self._scale(tensor, operator) is not None

    def _scale(self, tensor: Any, operator: Any) -> Array | None:
        """Return the scales of an integer constant; a bias without any has those of its products."""
        if tensor.quantization is not None and tensor.quantization.scale is not None:
            return np.asarray(tensor.quantization.scale, np.float64)
        return None

    def _constant(self, position: int, operator: Any, name: str, place: int, index: int) -> StoredConstant:
        tensor = self._graph.tensors[index]
        weights, bias, axes = LAYERS.get(name, (-1, -1, ()))
        role = {weights: Role.WEIGHTS, bias: Role.BIAS}.get(place, Role.OTHER)
        is_float = flatbuffer.is_float(tensor)
        if role is Role.WEIGHTS:
            self._axes[index] = axes
        shape = flatbuffer.constant(self._model, tensor).shape

        def read() -> Array:
            values, _ = storage.real(self._model, tensor, smallest_step=0)
            return values.transpose(axes) if role is Role.WEIGHTS else values

        zero_point = None if is_float else tensor.quantization.zeroPoint
        source = self._graph.tensors[operator.inputs[0]]
        scale = None if is_float else self._scale(tensor, operator)
        if role is Role.BIAS and scale is not None and not flatbuffer.constant(self._model, tensor).any():
            # zeros are stored with any scale; they stand for what their products round to zero
            kernel = self._scale(self._graph.tensors[operator.inputs[weights]], operator)
            step = self._scale(source, operator)
            scale = scale if kernel is None or step is None else np.minimum(scale, step * kernel)
        return StoredConstant(
            key=str(index),
            op=name,
            place=self._name(operator),
            name=tensor.name.decode(),
            position=position,
            role=role,
            shape=tuple(shape[axis] for axis in axes) if role is Role.WEIGHTS else shape,
            read=read,
            scale=scale,
            kind=flatbuffer.constant(self._model, tensor).dtype.name,
            is_symmetric=zero_point is None or not np.any(zero_point),
            shares_grid=role is Role.OTHER and self._shares_grid(operator, tensor),
            has_relu6=getattr(operator.builtinOptions, "fusedActivationFunction", 0) == _RELU6,
            in_pairs=role is Role.WEIGHTS and name in _IN_PAIRS and stored_as(source).dtype in ("int8", "uint8"),
        )

    def _shares_grid(self, operator: Any, tensor: Any) -> bool:
        """Return whether a constant has the grid of an activation that its operator requires."""
        others = [self._graph.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0]
        grids = [stored_as(one) for one in others if self._model.buffers[one.buffer].data is None]
        own, name = stored_as(tensor), flatbuffer.op_name(self._model, operator)
        is_equal = any((one.scale, one.zero_point) == (own.scale, own.zero_point) for one in grids)
        return name in _ONE_GRID | {"SELECT", "SELECT_V2"} and is_equal

    def _name(self, operator: Any) -> str:
        return str(self._graph.tensors[operator.outputs[0]].name.decode())

    def _grids(self) -> Iterator[StoredGrid]:
        """Yield the grids of activations but those that an operator shares with another activation."""
        specs = {index: stored_as(tensor) for index, tensor in enumerate(self._graph.tensors)}
        origin: dict[int, int] = {}
        makers = {int(index): (-1, "") for index in self._graph.inputs}
        near: dict[int, set[int]] = {}
        for position, operator in enumerate(self._graph.operators):
            name = flatbuffer.op_name(self._model, operator)
            sources = [int(index) for index in operator.inputs if index >= 0 and (index in makers or index in origin)]
            for index in map(int, operator.outputs):
                if name in SEAMS and sources:
                    origin[index] = origin.get(sources[0], sources[0])
                    continue
                makers[index] = (position, name)
                for source in sources if name in _ONE_GRID else ():
                    near.setdefault(index, set()).add(source)
                    near.setdefault(source, set()).add(index)
        for index, spec in specs.items():
            first = origin.get(index, index)
            if spec.scale is None or first not in makers:
                continue
            position, name = makers[first]
            grid = (spec.scale, spec.zero_point, spec.dtype)
            others = (specs[other] for other in near.get(index, ()))
            is_free = index in origin or name not in grid_rules.FIXED
            if is_free and grid not in [(one.scale, one.zero_point, one.dtype) for one in others]:
                tensor = self._graph.tensors[first].name.decode()
                yield StoredGrid(tensor=tensor, place=tensor, spec=spec, op=name, position=position)

    def _unread(self) -> Iterator[str]:
        """Yield the activations that a file rounds whose operators compute in float."""
        if self.scheme in (INT8, W8A16):
            return
        for operator in self._graph.operators:
            for index in operator.outputs:
                spec = stored_as(self._graph.tensors[index])
                if spec.scale is not None and self._model.buffers[self._graph.tensors[index].buffer].data is None:
                    words = f"the activation is rounded to {spec.dtype}, although the operators compute in float"
                    yield f"{words}: {flatbuffer.op_name(self._model, operator)} {spec.name}"

    def _scheme(self) -> Scheme:
        kinds = {
            stored_as(self._graph.tensors[index]).dtype
            for operator in self._graph.operators
            if flatbuffer.op_name(self._model, operator) not in SEAMS
            for index in operator.outputs
            if stored_as(self._graph.tensors[index]).scale is not None
        }
        if kinds:
            return W8A16 if "int16" in kinds else INT8
        stored = {constant.kind for constant in self.constants}
        if any(constant.scale is not None for constant in self.constants):
            return W8A32
        return FLOAT16 if "float16" in stored else FLOAT32
