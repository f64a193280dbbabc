"""Float16 files store the tables of embeddings as float16, once, and give the rows of those tables."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from export.errors import ConversionError
from export.formats import FORMATS, PRIMARY
from export.formats.format import QuantizationPlan
from export.formats.tflite import flatbuffer
from export.recipe import Io
from export.scheme import FLOAT16
from tests.language.small_decoders import small

PLAN = QuantizationPlan(scheme=FLOAT16, io=Io.FLOAT32, ranges=None, input_ranges={})


def halved(content: bytes) -> bytes:
    return PRIMARY.quantize(content, PLAN, {})


def floats_of(content: bytes) -> dict[int, str]:
    """Return the large stored floats, by buffer: what kind of numbers they are."""
    from ai_edge_litert import schema_py_generated as schema

    model = flatbuffer.read(content)
    kinds = {schema.TensorType.FLOAT32: "float32", schema.TensorType.FLOAT16: "float16"}
    return {
        tensor.buffer: kinds[tensor.type]
        for graph in model.subgraphs
        for tensor in graph.tensors
        if tensor.type in kinds and model.buffers[tensor.buffer].data is not None and np.prod(tensor.shape) >= 256
    }


def looked_up(table: np.ndarray) -> keras.Model:
    ids = keras.Input((4,), dtype="int32", name="ids")
    layer = keras.layers.Embedding(*table.shape, name="table")
    model = keras.Model(ids, layer(ids))
    layer.set_weights([table])
    return model


def test_rows_are_those_of_the_table_in_float16(tmp_path: Path) -> None:
    table = np.random.default_rng(0).normal(size=(50, 12)).astype(np.float32)
    path = tmp_path / "model.tflite"
    path.write_bytes(halved(PRIMARY.convert(looked_up(table))))
    assert set(floats_of(path.read_bytes()).values()) == {"float16"}
    ids = np.array([[7, 0, 49, 7]], np.int32)
    (rows,) = PRIMARY.open(path).run({"ids": ids}).values()
    assert np.array_equal(rows, table.astype(np.float16).astype(np.float32)[ids])


def test_a_number_beyond_float16_is_refused() -> None:
    table = np.full((50, 12), 1e5, np.float32)
    with pytest.raises(ConversionError, match="reaches 100000, but the largest float16 is 65504"):
        halved(PRIMARY.convert(looked_up(table)))


@pytest.mark.parametrize("name", ["stories15m", "gpt2"])
def test_a_decoder_has_half_the_size_in_both_formats(name: str) -> None:
    decoder = small(name)
    for format_name, one in FORMATS.items():
        content = one.convert(decoder.model, decoder=decoder.decoder())
        made = one.quantize(content, PLAN, {})
        saved = sum(weight.numpy().nbytes for weight in decoder.model.weights if weight.numpy().size >= 256) / 2
        assert len(content) - len(made) > 0.8 * saved, format_name
        if format_name == PRIMARY.name:
            assert set(floats_of(made).values()) == {"float16"}
