"""Metadata of an .onnx: producer, description and properties.

Keys of images and of the licence: https://github.com/onnx/onnx/blob/main/docs/MetadataProps.md
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from export.errors import ConversionError
from export.formats.enclosure import Enclosure
from export.model.description import Description
from zoo.preprocessing import Preprocessing

TASK, LABELS, PREPROCESSING, OUTPUTS = "zoo.task", "zoo.labels", "zoo.preprocessing", "zoo.outputs"
PRECISION, VERSION = "zoo.precision", "zoo.version"
LICENCE = "model_license"
_PIXELS = {"RGB": "Rgb8", "BGR": "Bgr8", "GRAY": "Gray8"}
_RANGES = {(0.0, 255.0): "NominalRange_0_255", (0.0, 1.0): "Normalized_0_1", (-1.0, 1.0): "Normalized_1_1"}


def describe(description: Description) -> Enclosure:
    """Return what describes an .onnx when it is appended: a message of protobuf is continued by more of its fields."""
    import onnx

    proto: Any = onnx.ModelProto()
    proto.producer_name, proto.producer_version = description.producer, description.producer_version
    proto.doc_string = description.text
    for key, value in properties(description):
        proto.metadata_props.add(key=key, value=value)
    return Enclosure(behind=proto.SerializeToString(deterministic=True))


def properties(description: Description) -> Iterator[tuple[str, str]]:
    """Yield the properties, by keys of ONNX where it has some; lists and tables are JSON."""
    outputs = {name: one.text for name, one in description.outputs.items()}
    named = {
        LICENCE: description.licence,
        TASK: description.task,
        PRECISION: description.precision,
        VERSION: description.version,
        LABELS: json.dumps(description.labels, ensure_ascii=False) if description.labels else "",
        OUTPUTS: json.dumps(outputs, ensure_ascii=False) if outputs else "",
    }
    yield from ((key, value) for key, value in named.items() if value)
    if description.preprocessing is not None:
        record = {"input": description.photo_input, **description.preprocessing.record()}
        yield PREPROCESSING, json.dumps(record)
        yield from _pixels(description.preprocessing)


def _pixels(preprocessing: Preprocessing) -> Iterator[tuple[str, str]]:
    yield "Image.BitmapPixelFormat", _PIXELS[preprocessing.colours]
    yield "Image.ColorSpaceGamma", "SRGB"
    ends = {
        (round(offset, 6), round(255 * scale + offset, 6))
        for scale in preprocessing.scale
        for offset in preprocessing.offset
    }
    known = _RANGES.get(ends.pop()) if len(ends) == 1 else None
    if known is not None:
        yield "Image.NominalPixelRange", known


def stated(path: Path) -> Mapping[str, Any]:
    """Return the facts that a file of any origin states: producer, description, labels and other properties.

    Raises:
        ConversionError: it is no .onnx.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        proto: Any = onnx.load(str(path), load_external_data=False)
    except DecodeError as error:
        raise ConversionError(f"{path.name} is no .onnx: {error}") from error
    found = {entry.key: entry.value for entry in proto.metadata_props}
    facts = {
        "description": proto.doc_string,
        "producer": f"{proto.producer_name} {proto.producer_version}".strip(),
        "version": found.pop(VERSION, ""),
        "licence": found.pop(LICENCE, ""),
        "labels": _names(found.pop(LABELS, "")),
        "properties": found,
    }
    return {name: fact for name, fact in facts.items() if fact}


def _names(text: str) -> list[str]:
    try:
        names = json.loads(text) if text else []
    except ValueError:
        return []
    return [str(name) for name in names] if isinstance(names, list) else []
