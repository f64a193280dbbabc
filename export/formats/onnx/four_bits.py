"""Matrices of an .onnx in 4 bits: MatMulNBits, an operator of ONNX Runtime's own domain, which all its builds have.

The standard's own blocks of DequantizeLinear would do as well, but ONNX Runtime turns them into floats when it loads a
file. Source of the layout: com.microsoft.MatMulNBits in ONNX Runtime's ContribOperators.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from calibration.samples import Array
from export.formats import blocks
from export.formats.blocks import Blocks
from export.formats.onnx.constants import Constants, Numbers, attribute
from export.formats.onnx.graph import Graph
from export.formats.onnx.protos import GraphProto, NodeProto
from export.formats.tflite import flatbuffer
from export.formats.tflite import four_bits as in_tflite

OPERATOR, DOMAIN = "MatMulNBits", "com.microsoft"
BITS = 4
OFFSET = 8  # of the stored integers, which are unsigned
# How the runtime computes: 1 is float32, 4 rounds the inputs to 8 bits, block by block. On stories15M level 1 is nearer
# to the .tflite (34.0 dB, level 4 33.1) and faster on a CPU without VNNI (1.1 s for 8 texts, level 4 1.6 s).
ACCURACY_LEVEL = 1
MOST_STEPS = 0.51  # between a float matrix and the same one in 4 bits


def store(graph: GraphProto, sibling: flatbuffer.Model) -> None:
    """Replace the products with matrices that the .tflite `sibling` stores in 4 bits, in place."""
    editable, matrices = Graph(graph), list(_matrices(sibling))
    nodes: list[NodeProto] = []
    for node in graph.node:
        is_product = node.op_type in ("MatMul", "Gemm") and node.input[1] in editable.stored
        found = _nearest(matrices, _by_row(editable, node)) if is_product and matrices else None
        nodes += [node] if found is None else _product(editable, node, found)
    editable.replace_nodes(nodes)


def _by_row(graph: Graph, node: NodeProto) -> Array:
    """Return the matrix of a product as (outputs, inputs)."""
    values = graph.value(node.input[1])
    return values if attribute(node, "transB", 0) else values.T


def _matrices(model: flatbuffer.Model) -> Iterator[Blocks]:
    seen = set()
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if in_tflite.is_stored(tensor) and tensor.buffer not in seen:
                seen.add(tensor.buffer)
                yield in_tflite.stored(model, tensor)


def _nearest(matrices: list[Blocks], values: Array) -> Blocks | None:
    """Return the matrix that float values (rows, width) were rounded to."""
    alike = [one for one in matrices if one.integers.shape == values.shape]
    likely = [one for one in alike if _distance(one, values[:1]) <= MOST_STEPS]  # the first row rules out most
    distances = [_distance(one, values) for one in likely]
    return likely[int(np.argmin(distances))] if distances and min(distances) <= MOST_STEPS else None


def _distance(matrix: Blocks, values: Array) -> float:
    """Return the largest distance from the first rows, in steps."""
    some = slice(len(values))
    found = blocks.dequantized(matrix.integers[some], matrix.scales[some])
    return float((np.abs(values - found) / np.repeat(matrix.scales[some], blocks.BLOCK, axis=1)).max())


def _product(graph: Graph, node: NodeProto, matrix: Blocks) -> Iterator[NodeProto]:
    """Yield the node that multiplies with a matrix in 4 bits, behind a Cast of scales that are stored in 16 bits."""
    from onnx import TensorProto, helper

    name, (rows, width) = node.input[1], matrix.integers.shape
    packed, scales, short = f"{name}/four_bits", f"{name}/block_scales", f"{name}/short_scales"
    if packed not in graph.stored:
        apart = (rows, width // blocks.BLOCK, blocks.BLOCK // 2)
        graph.store(packed, blocks.packed(matrix.integers, OFFSET).reshape(apart))
        graph.store(short, matrix.scales.astype(np.float16))
        yield helper.make_node("Cast", [short], [scales], to=TensorProto.FLOAT)
    has_bias = len(node.input) > 2 and bool(node.input[2])  # of a Gemm
    product = [f"{node.output[0]}/product"] if has_bias else list(node.output)
    yield helper.make_node(
        OPERATOR,
        [node.input[0], packed, scales],
        product,
        name=node.name,
        domain=DOMAIN,
        K=width,
        N=rows,
        bits=BITS,
        block_size=blocks.BLOCK,
        accuracy_level=ACCURACY_LEVEL,
    )
    if has_bias:
        yield helper.make_node("Add", [*product, node.input[2]], list(node.output), name=f"{node.name}/bias")


@dataclass(frozen=True, kw_only=True)
class BlockProduct:
    """One product with a matrix in 4 bits.

    Attributes:
        node: the node.
        shape: (outputs, inputs).
        matrix: integers and scales; None if the node does not read them as `store` writes them.
    """

    node: NodeProto
    shape: tuple[int, int]
    matrix: Blocks | None

    def read(self) -> Numbers:
        """Return the real weights (outputs, inputs); not finite where the node reads them otherwise."""
        return np.full(self.shape, np.inf) if self.matrix is None else self.matrix.values.astype(np.float64)


def has_four(node: NodeProto) -> bool:
    """Return whether a product with blocks has weights of 4 bits."""
    return bool(attribute(node, "bits", BITS) == BITS)


def products(constants: Constants) -> Iterator[BlockProduct]:
    """Yield the products with matrices in 4 bits, in the order of the file."""
    for node in constants.nodes:
        if node.op_type == OPERATOR:
            shape = int(attribute(node, "N", 0)), int(attribute(node, "K", 0))
            yield BlockProduct(node=node, shape=shape, matrix=_matrix(constants, node, shape))


def _matrix(constants: Constants, node: NodeProto, shape: tuple[int, int]) -> Blocks | None:
    settings = attribute(node, "bits", BITS), attribute(node, "block_size", 0)
    more = [name for name in node.input[3:] if name]  # zero points, an order of the inputs, a bias
    if len(node.input) < 3:  # input, matrix, scales
        return None
    stored, scales = (constants.real(name) for name in node.input[1:3])
    if settings != (BITS, blocks.BLOCK) or more or stored is None or scales is None or not blocks.fits(shape):
        return None
    count = shape[0] * shape[1]
    if stored.dtype != np.uint8 or 2 * stored.size != count or blocks.BLOCK * scales.size != count:
        return None
    integers = (blocks.unpacked(stored.reshape(-1), shape) & 15).astype(np.int8) - OFFSET
    return Blocks(integers=integers.astype(np.int8), scales=scales.reshape(shape[0], -1).astype(np.float32))
