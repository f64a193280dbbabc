"""The inputs and outputs of a SavedModel's signature, read without TensorFlow.

Fields by their numbers, from saved_model.proto, meta_graph.proto, tensor_shape.proto and types.proto of TensorFlow.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from export.model.loading import saved_model
from export.model.stored import wire
from export.model.stored.stored_model import StoredInput

SERVING = "serving_default"
_META_GRAPHS, _SIGNATURES, _KEY, _VALUE = 2, 5, 1, 2
_INPUTS, _OUTPUTS, _DTYPE, _SHAPE, _DIMENSIONS, _SIZE = 1, 2, 2, 3, 2, 1
_TYPES = {1: "float32", 2: "float64", 3: "int32", 4: "uint8", 7: "string", 9: "int64", 10: "bool", 19: "float16"}
_UNKNOWN = 1 << 63  # sizes are signed: -1 is written as 2^64 - 1


def saved_signature(path: Path) -> tuple[tuple[StoredInput, ...], tuple[StoredInput, ...]]:
    """Return the inputs and the outputs of the signature for serving, without the batch; empty if there is none.

    Raises:
        ValueError: the graph is damaged.
    """
    content = memoryview((path / saved_model.GRAPH).read_bytes())
    for graph in _messages(content, _META_GRAPHS):
        for entry in _messages(graph, _SIGNATURES):
            name = bytes(next(_messages(entry, _KEY), memoryview(b""))).decode()
            if name == SERVING:
                signature = next(_messages(entry, _VALUE), memoryview(b""))
                return _tensors(signature, _INPUTS), _tensors(signature, _OUTPUTS)
    return (), ()


def _tensors(signature: memoryview, field: int) -> tuple[StoredInput, ...]:
    found = []
    for entry in _messages(signature, field):
        name = bytes(next(_messages(entry, _KEY), memoryview(b""))).decode()
        tensor = next(_messages(entry, _VALUE), memoryview(b""))
        dtype = next((value for number, value in wire.fields(tensor) if number == _DTYPE), 0)
        shape = next(_messages(tensor, _SHAPE), memoryview(b""))
        sizes = tuple(_size(one) for one in _messages(shape, _DIMENSIONS))
        found.append(StoredInput(name=name, shape=sizes[1:], dtype=_TYPES.get(int(str(dtype)), "unknown")))
    return tuple(sorted(found, key=lambda one: one.name))


def _size(dimension: memoryview) -> int | None:
    size = next((value for number, value in wire.fields(dimension) if number == _SIZE), 0)
    return size if isinstance(size, int) and size < _UNKNOWN else None


def _messages(content: memoryview, field: int) -> Iterator[memoryview]:
    for number, value in wire.fields(content):
        if number == field and not isinstance(value, int):
            yield value
