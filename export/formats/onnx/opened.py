"""Read an .onnx of any maker: its constants, its grids, and the same graph in float."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np

from calibration.samples import Array
from export.errors import ConversionError
from export.formats.onnx.constants import Constants
from export.formats.onnx.expanded import expand
from export.formats.onnx.graph import Graph
from export.formats.onnx.in_float import in_float
from export.formats.onnx.layers import OUTPUTS_FIRST
from export.formats.onnx.naming import subgraphs
from export.formats.onnx.pads import AXES
from export.formats.onnx.plain_grids import SEAMS, grid
from export.formats.onnx.protos import NodeProto
from export.formats.opened import Role, StoredConstant, StoredGrid
from export.model.tensor_spec import TensorSpec
from export.scheme import FLOAT16, FLOAT32, INT8, W8A16, W8A32, Scheme

# quantize_static(reduce_range=True) leaves one bit unused, for CPUs without VNNI.
SPARE_BITS = 1
_FLOATS = frozenset({"float16", "float32", "float64"})
# Operators whose constants are no weights: shapes, axes, sizes, limits, grids.
_SKIPPED = frozenset({"Clip", "DequantizeLinear", "Pad", "QuantizeLinear", "Resize", "Upsample"})


class OpenedOnnx:
    """See `export.formats.opened.OpenedFile`."""

    def __init__(self, content: bytes) -> None:
        """Parse a file.

        Raises:
            ConversionError: it has branches or loops.
        """
        import onnx

        self._proto: Any = onnx.load_from_string(content)
        if any(True for node in self._proto.graph.node for _ in subgraphs(node)):
            raise ConversionError("it has branches or loops")
        is_dynamic = any(node.op_type == "DynamicQuantizeLinear" for node in self._proto.graph.node)
        expand(self._proto)
        self._graph = Graph(self._proto.graph)
        self._constants = Constants(self._proto.graph)
        self._layouts: dict[str, Callable[[Array], Array]] = {}
        self.constants = tuple(self._found())
        self.grids = tuple(self._activations())
        self.unread = tuple(self._unread())
        self.twice = tuple(self._twice())
        self.scheme = self._scheme(is_dynamic)
        self.violations = (*self._biases(), *self._rescaled())
        self.suspects = tuple(self._merged_pads())
        self.maker = f"{self._proto.producer_name} {self._proto.producer_version}".strip()

    def in_float(
        self, replaced: Mapping[str, Array] | None = None, shown: Collection[str] = (), capped: Collection[str] = ()
    ) -> bytes:
        """Return the file with the same operators in float32."""
        new = {key: self._layouts.get(key, _same)(values) for key, values in (replaced or {}).items()}
        return in_float(self._proto, new, shown, capped)

    def _found(self) -> Iterator[StoredConstant]:
        seen: set[str] = set()
        for position, node in enumerate(self._constants.nodes):
            if node.op_type in _SKIPPED:
                continue
            for place, name in enumerate(node.input):
                values = self._constants.real(name) if name and name not in seen else None
                if values is None or not (values.dtype.name in _FLOATS and values.size):
                    continue
                seen.add(name)
                yield self._constant(position, node, place, name, values)

    def _constant(self, position: int, node: NodeProto, place: int, name: str, values: Array) -> StoredConstant:
        role, layer = self._role(position, node, place, values)
        turn: Callable[[Array], Array] = _same
        if role is Role.WEIGHTS:
            first = OUTPUTS_FIRST[node.op_type]
            order = first(node, np.arange(values.size).reshape(values.shape))
            back, shape = np.argsort(order.reshape(-1)), values.shape
            self._layouts[name] = lambda new: np.asarray(new.reshape(-1)[back].reshape(shape))
            turn = lambda real: np.asarray(first(node, real))  # noqa: E731  # the layout of this operator
        scale, kind, is_symmetric = self._grid(name)
        products = self._products(node) if role is Role.BIAS and scale is not None and not values.any() else None
        if products is not None:  # zeros are stored with any scale; they stand for what their products round to zero
            scale = np.minimum(np.asarray(scale), products)

        def read() -> Array:
            real = self._constants.real(name)
            assert real is not None  # it was read above
            return turn(real).astype(np.float64)

        return StoredConstant(
            key=name,
            op=node.op_type,
            place=node.output[0],
            name=name,
            position=layer,
            role=role,
            shape=tuple(turn(values).shape),
            read=read,
            scale=scale,
            kind=kind if scale is not None else values.dtype.name,
            is_symmetric=is_symmetric,
            in_pairs=role is Role.WEIGHTS and scale is not None,
            spare_bits=SPARE_BITS,
        )

    def _role(self, position: int, node: NodeProto, place: int, values: Array) -> tuple[Role, int]:
        """Return what a node does with a constant, and the position of the layer that it belongs to."""
        if node.op_type in OUTPUTS_FIRST and place in (1, 2):
            return (Role.WEIGHTS if place == 1 else Role.BIAS), position
        if node.op_type != "Add":
            return Role.OTHER, position
        before = next((name for name in node.input if self._constants.real(name) is None), "")
        maker = self._unquantized(before)
        places = {id(one): number for number, one in enumerate(self._constants.nodes)}
        if maker is not None and maker.op_type in ("MatMul", "Conv") and len(maker.input) == 2:
            return Role.BIAS, places.get(id(maker), position)
        return Role.OTHER, position

    def _unquantized(self, name: str) -> Any:
        """Return the node that computes a tensor, before QuantizeLinear and DequantizeLinear."""
        maker = self._graph.producer.get(name)
        while maker is not None and maker.op_type in ("QuantizeLinear", "DequantizeLinear", "Cast", "Identity"):
            maker = self._graph.producer.get(maker.input[0])
        return next((one for one in self._constants.nodes if maker is not None and one.output == maker.output), None)

    def _grid(self, name: str) -> tuple[Array | None, str, bool]:
        """Return the scales of a constant behind a DequantizeLinear, the stored type, and whether 0 stands for 0."""
        maker = self._graph.producer.get(name)
        scale = ""
        while maker is not None and maker.op_type in ("Cast", "Identity", "Mul", "Reshape", "Transpose"):
            first, *others = sorted(maker.input, key=lambda one: one in self._graph.stored)
            scale = others[0] if maker.op_type == "Mul" and others else scale
            stored = maker.input[0]
            if maker.op_type == "Cast" and stored in self._graph.stored and scale:  # integers, spelled out
                return (
                    self._graph.value(scale).astype(np.float64).reshape(-1),
                    self._graph.value(stored).dtype.name,
                    True,
                )
            maker = self._graph.producer.get(first)
        if maker is None or maker.op_type != "DequantizeLinear" or maker.input[0] not in self._graph.stored:
            return None, "float32", True
        stored = self._graph.value(maker.input[0])
        zero = self._graph.value(maker.input[2]) if len(maker.input) > 2 and maker.input[2] else np.zeros(1)
        return self._graph.value(maker.input[1]).astype(np.float64).reshape(-1), stored.dtype.name, not np.any(zero)

    def _activations(self) -> Iterator[StoredGrid]:
        for position, node in enumerate(self._proto.graph.node):
            if node.op_type != "QuantizeLinear" or self._is_constant(node):
                continue
            found = grid(self._graph, node)
            maker = self._graph.producer.get(node.input[0])
            op = maker.op_type if maker is not None else ""
            if found is None:
                continue
            scale, zero, kind = found
            spec = TensorSpec(name=node.output[0], shape=(), dtype=kind, scale=scale, zero_point=zero)
            yield StoredGrid(tensor=node.output[0], place=self._layer(node), spec=spec, op=op, position=position)

    def _unread(self) -> Iterator[str]:
        for node in self._proto.graph.node:
            if node.op_type in SEAMS and not self._is_constant(node) and grid(self._graph, node) is None:
                where = f"{node.op_type} {node.output[0]}"
                yield f"the scale of an activation is not one stored number, or has an unknown type: {where}"

    def _twice(self) -> Iterator[str]:
        for node in self._proto.graph.node:
            maker = self._graph.producer.get(node.input[0]) if node.op_type == "QuantizeLinear" else None
            if maker is not None and maker.op_type == "DequantizeLinear" and not self._is_constant(node):
                words = "an activation is rounded a second time, so that its operators cannot be run apart"
                yield f"{words}: {node.op_type} {node.output[0]}"

    def _is_constant(self, node: NodeProto) -> bool:
        return self._constants.real(node.input[0]) is not None

    def _layer(self, node: NodeProto) -> str:
        """Return the output of the layer whose result a node rounds, through activations."""
        name = node.input[0]
        while (maker := self._graph.producer.get(name)) is not None:
            moving = [one for one in maker.input if one and self._constants.real(one) is None]
            if maker.op_type in OUTPUTS_FIRST or len(moving) != 1:
                return str(maker.output[0])
            name = moving[0]
        return str(node.input[0])

    def _biases(self) -> Iterator[str]:
        """Yield the layers whose bias is not in steps of the input's scale times the weights' scales."""
        for node in self._constants.nodes:
            if node.op_type not in ("Conv", "Gemm") or len(node.input) < 3 or not node.input[2]:
                continue
            stored, bias, products = self._constants.real(node.input[2]), self._scale(node, 2), self._products(node)
            if stored is None or bias is None or products is None or not stored.any():
                continue  # zeros are zeros in steps of any size
            if not np.allclose(bias, products, rtol=1e-4, atol=0):
                ratio = float(np.max(bias / products))
                place = f"{node.op_type} {node.output[0]}"
                yield f"the bias has {ratio:.3g} times the scale of the products that it is added to, {place}"

    def _products(self, node: NodeProto) -> Array | None:
        """Return the scales of the products that a layer adds; None if its inputs are no integers."""
        source, weights = self._scale(node, 0), self._scale(node, 1)
        return None if source is None or weights is None or node.op_type not in ("Conv", "Gemm") else source * weights

    def _scale(self, node: NodeProto, place: int) -> Array | None:
        """Return the scales of an input that is dequantized just before; None if it is not."""
        maker = self._graph.producer.get(node.input[place])
        if maker is None or maker.op_type != "DequantizeLinear":
            return None
        scale = self._constants.real(maker.input[1])
        return None if scale is None else np.asarray(scale, np.float64).reshape(-1)

    def _rescaled(self) -> Iterator[str]:
        """Yield the activations that are dequantized with another scale or zero point than they were quantized with."""
        for node in self._proto.graph.node:
            if node.op_type != "DequantizeLinear" or node.input[0] in self._graph.stored:
                continue
            maker = self._graph.producer.get(node.input[0])
            while maker is not None and maker.op_type != "QuantizeLinear":
                maker = self._graph.producer.get(maker.input[0])
            if maker is None:
                continue
            both = [[self._stored(one, place) for place in (1, 2)] for one in (maker, node)]
            pairs = zip(*both, strict=True)
            if any(one is not None and other is not None and not np.array_equal(one, other) for one, other in pairs):
                words = "the integers are read with another scale or zero point than they were stored with"
                yield f"{words}, {node.op_type} {self._layer(maker)}"

    def _stored(self, node: NodeProto, place: int) -> Array | None:
        """Return the stored numbers that a node reads; None if it reads none there."""
        name = node.input[place] if place < len(node.input) else ""
        return self._graph.value(name).reshape(-1) if name in self._graph.stored else None

    def _merged_pads(self) -> Iterator[str]:
        """Yield the max-pools behind a Pad, which ONNX Runtime 1.31 merges (`export.formats.onnx.pads`)."""
        for node in self._proto.graph.node:
            maker = self._graph.producer.get(node.input[0]) if node.op_type == "MaxPool" else None
            if maker is not None and maker.op_type == "Pad" and not (len(maker.input) > AXES and maker.input[AXES]):
                words = "ONNX Runtime pads with -infinity where the file pads with zeros; give the Pad its axes"
                yield f"{words}, MaxPool {node.output[0]}"

    def _scheme(self, is_dynamic: bool) -> Scheme:
        if self.grids:
            return W8A16 if any(grid.spec.dtype.endswith("int16") for grid in self.grids) else INT8
        if is_dynamic or any(one.scale is not None for one in self.constants):
            return W8A32
        return FLOAT16 if any(one.kind == "float16" for one in self.constants) else FLOAT32


def _same(values: Array) -> Array:
    return values
