"""The memory of a .tflite on a microcontroller is what TensorFlow Lite Micro's own interpreter uses."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from export.errors import ConversionError
from export.formats import QuantizationPlan
from export.formats.tflite import TFLITE, flatbuffer
from export.formats.tflite.micro.footprint import footprint
from export.formats.tflite.micro.kernels import METHODS
from export.formats.tflite.micro.live_ranges import buffers
from export.formats.tflite.micro.planner import Buffer, offsets, peak_bytes
from export.progress import Quiet
from export.recipe import Io
from export.runtime.tools import tflite_micro
from export.runtime.tools.environment import TFLITE_MICRO, interpreter
from export.scheme import FLOAT16, INT8, INT8_DYNAMIC, W8A32, Scheme
from tests.faults.networks import Network
from tests.formats.tflite.micro_networks import NETWORKS, int8, narrow, separable, wide, with_seeded_weights
from zoo.errors import CheckFailedError

# What the interpreter printed for these networks: bytes of activations, and of what it keeps; then the products.
MEASURED = {
    "separable": (10240, 3024, 241784),
    "skips": (6144, 3376, 519168),
    "several_inputs": (1248, 2528, 23000),
    "transposed": (8192, 1664, 59904),
    "early_output": (3072, 2320, 258048),
    "narrow": (32, 4608, 784),
    "slices": (768, 12976, 416),
}
MOST_DIFFERENT = 0.05  # of the sum of both


@pytest.fixture(scope="module")
def contents() -> dict[str, bytes]:
    return {name: int8(build()) for name, build in NETWORKS.items()}


def buffer(size_bytes: int, first: int, last: int) -> Buffer:
    return Buffer(size_bytes=size_bytes, first=first, last=last)


@pytest.mark.parametrize(
    ("planned", "expected"),
    [
        ([], ()),
        ([buffer(10, 0, 1), buffer(10, 1, 2), buffer(10, 2, 3)], (0, 16, 0)),
        ([buffer(32, 0, 1), buffer(16, 1, 2), buffer(64, 2, 3)], (0, 64, 0)),
        # The largest is placed first; of two of one size, the last.
        ([buffer(16, 0, 5), buffer(16, 0, 5), buffer(32, 0, 5)], (48, 32, 0)),
        # A gap of the right size between two that exist at the same time is taken.
        ([buffer(64, 0, 1), buffer(48, 1, 9), buffer(32, 2, 3), buffer(16, 3, 4)], (0, 64, 0, 32)),
    ],
)
def test_buffers_are_placed_by_descending_size_in_the_first_gap(
    planned: list[Buffer], expected: tuple[int, ...]
) -> None:
    assert offsets(planned) == expected


def test_buffers_that_exist_at_the_same_time_never_overlap(contents: dict[str, bytes]) -> None:
    for content in contents.values():
        model = flatbuffer.read(content)
        planned = buffers(model, model.subgraphs[0])
        placed = list(zip(planned, offsets(planned), strict=True))
        assert len(planned) > 3
        for (one, start), (other, begin) in itertools.combinations(placed, 2):
            if one.meets(other):
                assert start + one.size_bytes <= begin or begin + other.size_bytes <= start
        assert peak_bytes(planned) >= max(
            sum(one.size_bytes for one in planned if one.first <= step <= one.last) for step in range(99)
        )


@pytest.mark.parametrize("name", NETWORKS)
def test_the_memory_is_what_the_interpreter_used(name: str, contents: dict[str, bytes]) -> None:
    activations, persistent, macs = MEASURED[name]
    found = footprint(contents[name])
    assert found.activations_bytes == activations
    assert persistent <= found.persistent_bytes
    assert found.activations_bytes + found.persistent_bytes <= (1 + MOST_DIFFERENT) * (activations + persistent)
    assert found.macs == macs
    assert found.flash_bytes == -(-len(contents[name]) // 16) * 16
    assert not found.lacking


def fed(content: bytes, path: Path) -> tuple[list[np.ndarray], list[str]]:
    """Write a file, and return random inputs and the names of its outputs."""
    path.write_bytes(content)
    session, random = TFLITE.open(path), np.random.default_rng(0)
    inputs = [random.integers(-128, 128, (2, *spec.shape[1:])).astype(np.int8) for spec in session.inputs]
    return inputs, [spec.name for spec in session.outputs]


@pytest.mark.large
@pytest.mark.parametrize("name", NETWORKS)
def test_the_interpreter_uses_that_memory_and_rounds_as_the_reference(
    name: str, contents: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "model.tflite"
    inputs, outputs = fed(contents[name], path)
    arena_bytes = footprint(contents[name]).arena_bytes + 16  # the interpreter aligns the arena itself
    found = tflite_micro.run(path, inputs, outputs, arena_bytes, Quiet())
    assert (found.activations_bytes, found.persistent_bytes) == MEASURED[name][:2]
    plain = TFLITE.open_plain(path)
    for index in range(2):
        rows = [values[index : index + 1] for values in inputs]
        expected = plain.run({spec.name: row for spec, row in zip(plain.inputs, rows, strict=True)})
        for output in outputs:
            np.testing.assert_array_equal(found.outputs[output][index : index + 1], expected[output])
            assert len(np.unique(expected[output])) > 1 or expected[output].size == 1


@pytest.mark.large
@pytest.mark.parametrize("name", ["lenet5", "two_headed", "mobilenet_tiny", "mobilenet_v2_tiny", "efficientnet_tiny"])
def test_trained_networks_use_the_memory_that_was_planned(
    name: str, network: Callable[[str], Network], tmp_path: Path
) -> None:
    content = network(name).content(("tflite", INT8))
    planned, path = footprint(content), tmp_path / "model.tflite"
    path.write_bytes(content)
    session = TFLITE.open(path)
    inputs = [np.zeros((1, *spec.shape[1:]), spec.dtype) for spec in session.inputs]
    outputs = [spec.name for spec in session.outputs]
    found = tflite_micro.run(path, inputs, outputs, planned.arena_bytes + 16, Quiet())
    assert found.activations_bytes == planned.activations_bytes > planned.planning_bytes
    assert found.arena_bytes <= planned.arena_bytes <= (1 + MOST_DIFFERENT) * found.arena_bytes


@pytest.mark.large
def test_weights_with_a_scale_for_each_channel_become_other_numbers_there(tmp_path: Path) -> None:
    plan = QuantizationPlan(scheme=W8A32, io=Io.FLOAT32, ranges=None, input_ranges={})
    path = tmp_path / "model.tflite"
    path.write_bytes(TFLITE.quantize(TFLITE.convert(with_seeded_weights(wide())), plan, {}))
    session = TFLITE.open_plain(path)
    (name,) = (spec.name for spec in session.outputs)
    values = np.random.default_rng(0).normal(size=(1, 256)).astype(np.float32)
    found = tflite_micro.run(path, [values], [name], 1 << 20, Quiet()).outputs[name]
    expected = session.run({session.inputs[0].name: values})[name]
    assert np.abs(found - expected).max() > 0.1 * np.abs(expected).max()


@pytest.mark.large
@pytest.mark.parametrize("build", [separable, narrow], ids=lambda build: build.__name__)
def test_less_memory_than_that_is_not_enough(build: Callable[[], keras.Model], tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    content = int8(build())
    inputs, outputs = fed(content, path)
    with pytest.raises(CheckFailedError, match="does not run"):
        tflite_micro.run(path, inputs, outputs, footprint(content).arena_bytes - 512, Quiet())


@pytest.mark.large
def test_every_operator_of_the_table_is_one_of_the_runtime() -> None:
    (library,) = interpreter(TFLITE_MICRO, Quiet()).parents[1].glob("lib/*/site-packages/tflite_micro/python/*/*.so")
    registered = {name.decode() for name in re.findall(rb"\d+Register_([A-Z0-9_]+?)E?v\b", library.read_bytes())}
    assert METHODS.keys() - registered == set()


def test_operators_that_the_runtime_lacks_are_named() -> None:
    x = keras.Input((4, 4, 2), batch_size=1, name="x")
    found = footprint(TFLITE.convert(keras.Model(x, keras.ops.tile(x, (1, 2, 2, 1)))))
    assert found.lacking == ("TILE",)


@pytest.mark.parametrize(
    ("scheme", "words"),
    [
        (FLOAT16, "DEQUANTIZE of float16"),
        (W8A32, "DEQUANTIZE of weights with a scale for each channel"),
        (INT8_DYNAMIC, "FULLY_CONNECTED of float32 with integer weights"),
    ],
    ids=str,
)
def test_types_that_its_kernels_do_not_mix_are_named(scheme: Scheme, words: str, tmp_path: Path) -> None:
    plan = QuantizationPlan(scheme=scheme, io=Io.FLOAT32, ranges=None, input_ranges={})
    content = TFLITE.quantize(TFLITE.convert(wide()), plan, {})
    assert words in footprint(content).lacking


def test_files_with_several_graphs_have_no_plan() -> None:
    model = flatbuffer.read(int8(narrow()))
    model.subgraphs.append(model.subgraphs[0])
    with pytest.raises(ConversionError, match="2 graphs"):
        footprint(flatbuffer.write(model))


@pytest.mark.parametrize(("count", "expected"), [(10, ()), (11, ("CONCATENATION of more than 10 tensors",))])
def test_the_kernel_joins_few_tensors(count: int, expected: tuple[str, ...]) -> None:
    x = keras.Input((4,), batch_size=1, name="x")
    parts = [keras.layers.Dense(3, name=f"part{index}")(x) for index in range(count)]
    model = keras.Model(x, keras.layers.Concatenate(name="joined")(parts))
    assert footprint(int8(with_seeded_weights(model))).lacking == expected
