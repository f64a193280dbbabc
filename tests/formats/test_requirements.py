"""What a file requires: releases of runtimes that load it, and what the GPU delegate takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import keras
import pytest
from keras import layers

from export.formats import FORMATS, PRIMARY, QuantizationPlan
from export.formats.requirements import Requirements, in_words, oldest_runtimes
from export.formats.tflite import flatbuffer, gpu_delegate
from export.recipe import Io
from export.runtime.versions import version
from export.scheme import FLOAT16, INT8_DYNAMIC, Scheme

TABLES = sorted(Path("export/formats").glob("*/runtime_versions.json"))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Releases of two runtimes; the second of `new` does not know what the first and third do."""
    newest = {"ADD": [1, 1, 2, 2, 2], "MUL": [1, 1, 1, 0, 1]}
    releases = ["old 1.9.0", "new 1.0.0", "new 1.10.0", "new 2.0.0", "new 2.1.0"]
    path = tmp_path / "table.json"
    path.write_text(json.dumps({"releases": releases, "newest": newest}))
    return path


@pytest.mark.parametrize(
    ("needed", "since", "expected"),
    [
        ([("ADD", 1)], (), {"old": "1.9.0", "new": "1.0.0"}),
        ([("ADD", 2)], (), {"new": "1.10.0"}),
        ([("MUL", 1)], (), {"old": "1.9.0", "new": "2.1.0"}),
        ([("ADD", 1), ("MUL", 1)], (), {"old": "1.9.0", "new": "2.1.0"}),
        ([("ADD", 3)], (), {}),
        ([("SUB", 1)], (), {}),
        ([("ADD", 1)], ("new 2.0.0",), {"old": "1.9.0", "new": "2.0.0"}),
        ([("ADD", 1)], ("old",), {"new": "1.0.0"}),
    ],
)
def test_the_oldest_release_is_that_from_which_on_all_load_the_file(
    needed: list[tuple[str, int]], since: tuple[str, ...], expected: dict[str, str], table: Path
) -> None:
    assert oldest_runtimes(table, needed, since) == expected


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.parent.name)
def test_the_newest_release_that_was_tried_is_the_installed_one(path: Path) -> None:
    runtime = FORMATS[path.parent.name].runtime
    assert json.loads(path.read_text())["releases"][-1] == f"{runtime} {version(runtime)}"


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    x = keras.Input((8, 8, 3), name="x")
    y = layers.DepthwiseConv2D(3, padding="same")(layers.Conv2D(16, 3, activation="relu")(x))
    return keras.Model(x, layers.Dense(40, activation="softmax")(layers.GlobalAveragePooling2D()(y)))


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        (None, {"ai-edge-litert": "1.0.1", "tflite-runtime": "2.14.0"}),
        # Measured: releases 1.1 to 1.3 fail to delegate the depthwise convolution, tflite-runtime does not.
        (FLOAT16, {"ai-edge-litert": "1.4.0", "tflite-runtime": "2.14.0"}),
        # Measured: "Didn't find op for builtin opcode 'FULLY_CONNECTED' version '12'".
        (INT8_DYNAMIC, {"ai-edge-litert": "1.0.1"}),
    ],
    ids=str,
)
def test_a_file_names_the_oldest_releases_that_were_seen_to_load_such_files(
    scheme: Scheme | None, expected: dict[str, str], tmp_path: Path
) -> None:
    content = PRIMARY.convert(network())
    if scheme is not None:
        plan = QuantizationPlan(scheme=scheme, io=Io.FLOAT32, ranges=None, input_ranges={})
        content = PRIMARY.quantize(content, plan, {})
    path = tmp_path / f"model{PRIMARY.suffix}"
    path.write_bytes(content)
    assert PRIMARY.requirements(path) == Requirements(oldest_runtimes=expected, not_on_gpu={})


def names_left(model: keras.Model) -> list[str]:
    return sorted(gpu_delegate.left_to_cpu(flatbuffer.read(PRIMARY.convert(model))))


def of(make: Callable[[], layers.Layer], shape: tuple[int, ...]) -> keras.Model:
    x = keras.Input(shape, name="x")
    return keras.Model(x, make()(x))


class Sorted(layers.Layer):
    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return keras.ops.sort(x)


TAKEN = {
    "convolution": (lambda: layers.Conv2D(4, 3), (8, 8, 3)),
    "depthwise": (lambda: layers.DepthwiseConv2D(3), (8, 8, 3)),
    "dense": (lambda: layers.Dense(4), (8,)),
    "average pooling": (lambda: layers.AveragePooling2D(2), (8, 8, 3)),
    "upsampling": (lambda: layers.UpSampling2D(interpolation="bilinear"), (8, 8, 3)),
    "padding": (lambda: layers.ZeroPadding2D(), (8, 8, 3)),
    "softmax": (lambda: layers.Softmax(), (8,)),
    "hard swish": (lambda: layers.Activation("hard_silu"), (8, 8, 3)),
    "mean": (lambda: layers.GlobalAveragePooling2D(), (8, 8, 3)),
}
LEFT = {
    "five axes": (lambda: layers.Conv3D(2, 2), (4, 4, 4, 3)),
    "a known operator on five axes": (lambda: layers.ReLU(), (4, 4, 4, 3)),
    "sorting": (lambda: Sorted(), (8,)),
    "multiplied channels": (lambda: layers.DepthwiseConv2D(3, depth_multiplier=2), (8, 8, 3)),
}


@pytest.mark.parametrize("name", TAKEN)
def test_the_gpu_takes_operators_of_photos(name: str) -> None:
    assert names_left(of(*TAKEN[name])) == []


@pytest.mark.parametrize("name", LEFT)
def test_the_gpu_leaves_what_its_source_refuses(name: str) -> None:
    assert names_left(of(*LEFT[name]))


def test_integers_of_16_bits_are_left_to_the_cpu() -> None:
    model = flatbuffer.read(PRIMARY.convert(of(lambda: layers.Dense(4), (8,))))
    from ai_edge_litert import schema_py_generated as schema

    for tensor in model.subgraphs[0].tensors:
        tensor.type = schema.TensorType.INT16
    assert "FULLY_CONNECTED" in list(gpu_delegate.left_to_cpu(model))


@pytest.mark.parametrize("name", TAKEN)
def test_operators_without_options_are_described(name: str) -> None:
    model = flatbuffer.read(PRIMARY.convert(of(*TAKEN[name])))
    for operator in model.subgraphs[0].operators:
        operator.builtinOptions = None
    assert list(gpu_delegate.left_to_cpu(model)) == []


def test_sentences_count_the_operators() -> None:
    taken = Requirements(oldest_runtimes={"ai-edge-litert": "1.4.0"}, not_on_gpu={})
    assert in_words(taken, 12) == ["loaded by ai-edge-litert 1.4.0 or later", "the GPU delegate takes all 12 operators"]
    left = Requirements(oldest_runtimes={}, not_on_gpu={"TILE": 2, "GATHER": 1})
    assert in_words(left, 12) == [
        "loaded by no release that was tried",
        "the GPU delegate takes 9 of 12 operators, and leaves to the CPU: TILE x 2, GATHER x 1",
    ]
    assert len(in_words(Requirements(oldest_runtimes={"onnxruntime": "1.15.1"}), 3)) == 1
    assert in_words(taken, 1)[1] == "the GPU delegate takes the only operator"
    assert len(in_words(taken, 0)) == 1


def test_a_product_of_a_row_and_a_column_is_left_to_the_cpu() -> None:
    a, b = keras.Input((8, 1), name="a"), keras.Input((1, 8), name="b")
    assert names_left(keras.Model([a, b], layers.Multiply()([a, b]))) == ["MUL"]
