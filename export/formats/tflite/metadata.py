"""Metadata of a .tflite, by which MediaPipe and Android Studio know names, normalization, labels and vocabulary.

Schema: metadata_schema.fbs and image_segmenter_metadata_schema.fbs of MediaPipe (Apache-2.0), version 1.5.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from mmap import mmap

import numpy as np

from export.formats.enclosure import Enclosure
from export.formats.tflite.enclose import enclose
from export.formats.tflite.graph_edges import Edges, edges_of
from export.formats.tflite.tables import Byte, Count, Table, write
from export.model.description import Description, OutputDescription, Scores
from export.model.tensor_spec import TensorSpec
from zoo.preprocessing import Preprocessing

NAME, IDENTIFIER = "TFLITE_METADATA", b"M001"
LABELS, VOCABULARY = "labels.txt", "vocab.txt"
SEGMENTER_NAME, SEGMENTER_IDENTIFIER = "SEGMENTER_METADATA", b"V001"

_VERSION = "1.5.0"  # of the schema, which custom metadata need
_OLD_VERSION = "1.1.0"  # which all else needs

# AssociatedFileType, ColorSpaceType, ContentProperties, ProcessUnitOptions and Activation of the schemas.
AXIS_LABELS, _VOCABULARY = Byte(2), Byte(5)
_UNKNOWN, _RGB, _GREY = Byte(0), Byte(1), Byte(2)
_FEATURE, IMAGE = Byte(1), Byte(2)
NORMALIZATION, _BERT_TOKENIZER = Byte(1), Byte(4)
_NO_ACTIVATION, _SOFTMAX = Byte(0), Byte(2)
_ACTIVATIONS = {Scores.SOFTMAX: _SOFTMAX, Scores.LOGARITHMS: _SOFTMAX}


def describe(content: bytes | mmap, description: Description) -> Enclosure:
    """Return what gives a file its metadata."""
    edges = edges_of(content)
    files: dict[str, bytes] = {}
    if description.labels:
        files[LABELS] = _lines(description.labels)
    if description.word_pieces and edges is not None:
        files[VOCABULARY] = _lines(description.word_pieces)
    return enclose(content, NAME, metadata(description, edges), files)


def metadata(description: Description, edges: Edges | None) -> bytes:
    """Return ModelMetadata of a file with these inputs and outputs; None for a file with several functions."""
    is_labelled = any(one.has_labels for one in description.outputs.values()) and edges is not None
    root = Table(
        {
            0: description.name,
            1: description.text,
            2: description.version,
            3: [_graph(description, *edges)] if edges is not None else None,
            5: description.licence,
            # Of a detector, no axis of an output counts classes only.
            6: [_file(LABELS, "names of the classes", _UNKNOWN)] if description.labels and not is_labelled else None,
            7: _VERSION if _segmenter(description) else _OLD_VERSION,
        }
    )
    return write(root, IDENTIFIER)


def _lines(words: Sequence[str]) -> bytes:
    return "".join(f"{word}\n" for word in words).encode()


def _graph(description: Description, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> Table:
    """Return SubGraphMetadata."""
    tokenizer = Table({0: [_file(VOCABULARY, "pieces of words, by number", _VOCABULARY)]})
    return Table(
        {
            0: description.name,
            1: description.text,
            2: [_input(description, spec) for spec in inputs],
            3: [_output(description, spec) for spec in outputs],
            5: [Table({0: _BERT_TOKENIZER, 1: tokenizer})] if description.word_pieces else None,
            9: _segmenter(description),
        }
    )


def _file(name: str, text: str, kind: Byte) -> Table:
    """Return AssociatedFile."""
    return Table({0: name, 1: text, 2: kind})


def _input(description: Description, spec: TensorSpec) -> Table:
    """Return TensorMetadata of an input."""
    text, preprocessing = description.inputs.get(spec.name, ""), description.preprocessing
    if preprocessing is None or spec.name != description.photo_input or 0 in preprocessing.scale:
        return Table({0: spec.name, 1: text, 3: _content(_FEATURE, Table({}))})
    takes_bytes = _takes_bytes(spec, preprocessing)
    mean, deviation = ((0.0,), (1.0,)) if takes_bytes else normalization(preprocessing)
    colours = _colours(spec, preprocessing, takes_bytes=takes_bytes)
    size = Table({0: Count(preprocessing.width), 1: Count(preprocessing.height)})
    return Table(
        {
            0: spec.name,
            1: ". ".join(filter(None, (text, _warning(preprocessing)))),
            3: _content(IMAGE, Table({0: colours, 1: size})),
            4: [Table({0: NORMALIZATION, 1: Table({0: mean, 1: deviation})})],
            # The largest and the smallest normalized value.
            5: Table({0: _normalized(255, mean, deviation), 1: _normalized(0, mean, deviation)}),
        }
    )


def _content(kind: Byte, properties: Table) -> Table:
    """Return Content."""
    return Table({0: kind, 1: properties})


def normalization(preprocessing: Preprocessing) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and deviation: (byte - mean) / deviation is the value of the model's input, of each channel."""
    count = max(len(preprocessing.scale), len(preprocessing.offset))
    scales, offsets = ((values * count)[:count] for values in (preprocessing.scale, preprocessing.offset))
    means = tuple(-offset / scale + 0.0 for scale, offset in zip(scales, offsets, strict=True))
    return means, tuple(1 / scale for scale in scales)


def _normalized(byte: int, means: Sequence[float], deviations: Sequence[float]) -> tuple[float, ...]:
    return tuple((byte - mean) / deviation for mean, deviation in zip(means, deviations, strict=True))


def _takes_bytes(spec: TensorSpec, preprocessing: Preprocessing) -> bool:
    """Return whether an input's stored numbers are the bytes of a photo."""
    if spec.dtype != "uint8" or spec.scale is None or spec.zero_point is None or not preprocessing.takes_camera_bytes:
        return False
    means, deviations = normalization(preprocessing)
    return bool(np.isclose(spec.scale * deviations[0], 1, rtol=1e-3) and abs(spec.zero_point - means[0]) <= 0.5)


def _colours(spec: TensorSpec, preprocessing: Preprocessing, *, takes_bytes: bool) -> Byte:
    """Return the colours; unknown where a reader that feeds the photo's RGB would be wrong."""
    if preprocessing.colours == "GRAY":
        return _GREY
    is_right = preprocessing.colours == "RGB" and (takes_bytes or spec.dtype != "uint8")
    return _RGB if is_right else _UNKNOWN


def _warning(preprocessing: Preprocessing) -> str:
    if preprocessing.colours != "BGR":
        return ""
    return "The channels are in the order blue, green, red, which this metadata has no word for"


def _output(description: Description, spec: TensorSpec) -> Table:
    """Return TensorMetadata of an output."""
    output = description.outputs.get(spec.name, OutputDescription(text=""))
    labels = _file(LABELS, "names of the classes", AXIS_LABELS)
    return Table(
        {0: spec.name, 1: output.text, 3: _content(_FEATURE, Table({})), 6: [labels] if output.has_labels else None}
    )


def _segmenter(description: Description) -> list[Table] | None:
    """Return CustomMetadata with the activation that a segmenter applies; None for other tasks."""
    if description.task != "segmentation" or len(description.outputs) != 1:
        return None
    (output,) = description.outputs.values()
    options = Table({0: _ACTIVATIONS.get(output.scores, _NO_ACTIVATION), 1: "1.0.0"})
    return [Table({0: SEGMENTER_NAME, 1: write(options, SEGMENTER_IDENTIFIER)})]
