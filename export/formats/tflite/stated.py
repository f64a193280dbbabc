"""Read the metadata of a .tflite that any tool may have written."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from export.errors import ConversionError
from export.formats.tflite import flatbuffer
from export.formats.tflite.metadata import AXIS_LABELS, IDENTIFIER, IMAGE, LABELS, NAME, NORMALIZATION
from export.formats.tflite.tables import IDENTIFIER_BYTES, View

MOST_TENSORS = 1000  # of a graph's inputs, and of its outputs
MOST_LABELS_BYTES = 10_000_000  # of a file of labels that is worth reading
_DAMAGED = (struct.error, IndexError, ValueError, TypeError, OverflowError, zipfile.BadZipFile, RecursionError)
_TEXTS = {"name": 0, "description": 1, "version": 2, "author": 4, "licence": 5}


def stated(path: Path) -> Mapping[str, Any]:
    """Return the facts that a file states: texts, names of associated files, labels, and the normalization of a photo.

    Raises:
        ConversionError: the metadata are damaged.
    """
    stored = flatbuffer.metadata(flatbuffer.read(path.read_bytes())).get(NAME)
    if stored is None:
        return {}
    try:
        if stored[IDENTIFIER_BYTES] != IDENTIFIER:
            raise ConversionError(f"{path.name} has metadata of another kind than {IDENTIFIER.decode()}")
        return _facts(View.root(stored), path)
    except _DAMAGED as error:
        raise ConversionError(f"{path.name} has damaged metadata: {error}") from error


def _facts(root: View, path: Path) -> dict[str, Any]:
    graphs = islice(root.tables(3), 1)
    tensors = [one for graph in graphs for slot in (2, 3) for one in islice(graph.tables(slot), MOST_TENSORS)]
    found: dict[str, Any] = {name: text for name, slot in _TEXTS.items() if (text := root.text(slot))}
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            found["files"] = archive.namelist()
            named = next(filter(None, map(_labels_file, tensors)), LABELS)  # a detector's belong to no tensor
            if named in found["files"] and archive.getinfo(named).file_size <= MOST_LABELS_BYTES:
                found["labels"] = archive.read(named).decode(errors="replace").splitlines()
    return found | next(_normalizations(tensors), {})


def _labels_file(tensor: View) -> str:
    """Return the name of the file with the labels of a tensor's last axis; empty without one."""
    return next((file.text(0) for file in tensor.tables(6) if file.byte(2) == AXIS_LABELS), "")


def _normalizations(tensors: list[View]) -> Iterator[dict[str, Any]]:
    """Yield mean and deviation of every photo."""
    for tensor in tensors:
        content = tensor.table(3)
        units = tensor.tables(4) if content is not None and content.byte(0) == IMAGE else ()
        for unit in units:
            options = unit.table(1)
            if unit.byte(0) == NORMALIZATION and options is not None:
                yield {"normalization": {"mean": options.floats(0), "std": options.floats(1)}}
