"""Weights of an .onnx in a second file beside it, which ONNX calls external data.

https://onnx.ai/onnx/repo-docs/ExternalData.html: a tensor names the file, relative to the folder of the .onnx, and the
place of its bytes there.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Array
from export import temporary
from export.errors import ConversionError
from export.formats.onnx.protos import GraphProto

# Pages of memory, so that a runtime can map a tensor.
ALIGNMENT = 4096
_LOCATION = "location"


def write(tensors: Sequence[Any], values: Iterable[Array], path: Path) -> None:
    """Write the values of `tensors` to a new file, one after another, and let the tensors refer to it."""
    from onnx import TensorProto

    with temporary.writing(), path.open("wb") as file:
        for tensor, value in zip(tensors, values, strict=True):
            file.write(bytes(-file.tell() % ALIGNMENT))
            offset = file.tell()
            file.write(np.ascontiguousarray(value).data)
            tensor.data_location = TensorProto.EXTERNAL
            for key, entry in ((_LOCATION, path.name), ("offset", offset), ("length", value.nbytes)):
                tensor.external_data.add(key=key, value=str(entry))


def locations(path: Path) -> tuple[str, ...]:
    """Return the places of all external data that the .onnx at `path` refers to, as it spells them, each once.

    Raises:
        ConversionError: it is no .onnx.
    """
    if not _mentions(path, _LOCATION.encode()):  # Most files hold all of their weights, and need not be parsed.
        return ()
    import onnx
    from google.protobuf.message import DecodeError

    try:
        proto: Any = onnx.load(str(path), load_external_data=False)
    except DecodeError as error:
        raise ConversionError(f"{path.name} is no .onnx: {error}") from error
    found = {
        entry.value: None
        for tensor in _tensors(proto)
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data
        for entry in tensor.external_data
        if entry.key == _LOCATION
    }
    return tuple(found)


def _mentions(path: Path, word: bytes) -> bool:
    with path.open("rb") as file:
        if not path.stat().st_size:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(word) >= 0


def _tensors(proto: Any) -> Iterator[Any]:
    """Yield every stored tensor of a file: of its graphs, their nodes' attributes, and its functions."""
    yield from _of_graph(proto.graph)
    for function in proto.functions:
        yield from _of_attributes(function.attribute_proto)  # the values of those that a call leaves out
        for node in function.node:
            yield from _of_attributes(node.attribute)
    for training in proto.training_info:
        yield from _of_graph(training.initialization)
        yield from _of_graph(training.algorithm)


def _of_graph(graph: GraphProto) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        yield from _of_attributes(node.attribute)


def _of_attributes(attributes: Iterable[Any]) -> Iterator[Any]:
    for attribute in attributes:
        yield from (attribute.t, *attribute.tensors)
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)
        for inner in (attribute.g, *attribute.graphs):
            yield from _of_graph(inner)
