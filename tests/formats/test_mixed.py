"""int8 files with layers in higher precision: only raised layers are wide, and both formats agree."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import zoo
from calibration.ranges import Ranges
from calibration.samples import Samples
from export import process
from export.formats import FORMATS, QuantizationPlan
from export.formats.tflite import flatbuffer
from export.formats.tflite.layers import layers
from export.metrics import compare, compare_steps
from export.recipe import Io, Width
from export.runtime.jobs.observe import observe
from export.scheme import INT8, W8A16, Scheme
from tests.faults.networks import Network, fashion, networks
from tests.float_files import converted
from zoo import weights

TFLITE, ONNX = FORMATS["tflite"], FORMATS["onnx"]
PHOTOS = 24
SEAMS = ("QUANTIZE", "DEQUANTIZE")


class Case:
    """A network's float file, its ranges and real inputs."""

    def __init__(self, float_file: bytes, samples: Samples, calibration: Path, work: Path) -> None:
        self.float_file, self.samples, self.work = float_file, samples, work
        path = work / "float.tflite"
        path.write_bytes(float_file)
        answer = process.call(observe, path=path, samples=calibration, observer="min-max")
        self.ranges = Ranges.from_record(answer["ranges"])
        self.tensors = list(flatbuffer.activations(flatbuffer.read(float_file)).values())
        self.expected = self.outputs_of(TFLITE, float_file)

    def files(self, raised: Mapping[str, Width], io: Io = Io.UINT8, scheme: Scheme = INT8) -> tuple[bytes, bytes]:
        """Return the .tflite and the .onnx."""
        sibling = self.primary(raised, io, scheme)
        return sibling, ONNX.quantize(b"", self.plan(raised, io, scheme), {"tflite": sibling})

    def primary(self, raised: Mapping[str, Width], io: Io = Io.UINT8, scheme: Scheme = INT8) -> bytes:
        return TFLITE.quantize(self.float_file, self.plan(raised, io, scheme), {})

    def plan(self, raised: Mapping[str, Width], io: Io, scheme: Scheme) -> QuantizationPlan:
        return QuantizationPlan(scheme=scheme, io=io, ranges=self.ranges, input_ranges={}, raised=raised)

    def outputs_of(self, file_format: Any, content: bytes) -> Any:
        session = file_format.open(self.written(file_format, content))
        (source,), (output,) = session.inputs, session.outputs
        real = self.samples.inputs[source.name]
        rows = [session.run({source.name: source.quantize(real[i : i + 1])})[output.name] for i in range(PHOTOS)]
        return output.dequantize(np.concatenate(rows))

    def sqnr_db(self, content: bytes) -> float:
        return compare(reference=self.expected, actual=self.outputs_of(TFLITE, content)).sqnr_db

    def written(self, file_format: Any, content: bytes) -> Path:
        path = self.work / f"model{file_format.suffix}"
        path.write_bytes(content)
        return path

    def census(self, file_format: Any, content: bytes) -> Counter[str]:
        counts: Counter[str] = Counter()
        for found in file_format.census(self.written(file_format, content)):
            counts[found.arithmetic] += found.count
        return counts


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """MobileNet v1, small, trained on photos of clothes."""
    work = tmp_path_factory.mktemp("mixed")
    network = networks(work)["mobilenet_tiny"]
    draw = network.samples
    return Case(converted(network.model, "tflite"), draw.probe, draw.calibration_folder, work)


@pytest.fixture(scope="module")
def residual(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """MobileNet v2, small, trained on photos of clothes: tensors that an addition and a convolution read."""
    work, architecture = tmp_path_factory.mktemp("residual"), zoo.find("mobilenet_v2")

    def build() -> keras.Model:
        model = architecture.build(**architecture.tiny)
        assert weights.load(model, architecture, "tiny").trained
        return model

    preprocessing = architecture.preprocess(**architecture.tiny)
    network = Network("mobilenet_v2_tiny", build, preprocessing, fashion, work)
    draw = network.samples
    return Case(converted(network.model, "tflite"), draw.probe, draw.calibration_folder, work)


@pytest.fixture(scope="module")
def branched(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Hand-made weights: tensors with several readers, an operator without int16 kernel, and a reshaped output."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    x = keras.Input((8, 8, 3), name="photo")
    y = layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(x)
    z = layers.Activation("hard_swish")(layers.Conv2D(4, 3, padding="same", name="second")(y))
    z = layers.Add(name="sum")([y, z])
    z = layers.Concatenate(name="both")([z, layers.MaxPooling2D(1, name="pool")(y)])
    model = keras.Model(x, layers.Reshape((5,))(layers.Conv2D(5, 8, name="last")(z)))
    work = tmp_path_factory.mktemp("branched")
    photos = np.random.default_rng(0).uniform(-1, 1, (PHOTOS, 8, 8, 3)).astype(np.float32)
    samples = Samples(inputs={"photo": photos}, photos=None, source="tests", seed=0).save(work / "samples")
    return Case(TFLITE.convert(model), samples, work / "samples", work)


def activation_types(content: bytes) -> list[tuple[str, set[str], set[str], list[Any]]]:
    """Return (operator, names of what it makes, types of its activations, int16 tensors) per operator but the seams."""
    from ai_edge_litert import schema_py_generated as schema

    kinds = {value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
    model = flatbuffer.read(content)
    subgraph = model.subgraphs[0]
    computed = {*subgraph.inputs, *(index for operator in subgraph.operators for index in operator.outputs)}
    constants = {
        operator.outputs[0]
        for operator in subgraph.operators
        if flatbuffer.op_name(model, operator) == "DEQUANTIZE" and operator.inputs[0] not in computed
    }
    found = []
    for operator in subgraph.operators:
        op = flatbuffer.op_name(model, operator)
        touched = [index for index in [*operator.inputs, *operator.outputs] if index in computed - constants]
        if op not in SEAMS:
            names = {subgraph.tensors[index].name.decode() for index in operator.outputs}
            tensors = [subgraph.tensors[index] for index in touched]
            wide = [tensor for tensor in tensors if tensor.type == schema.TensorType.INT16]
            found.append((op, names, {kinds[tensor.type] for tensor in tensors}, wide))
    return found


@pytest.mark.parametrize("width", Width)
def test_only_operators_with_a_raised_tensor_are_wide(width: Width, branched: Case) -> None:
    wanted = "INT16" if width is Width.INT16 else "FLOAT32"
    model = flatbuffer.read(branched.float_file)
    subgraph = model.subgraphs[0]
    for tensor in branched.tensors[1:-1]:
        content = branched.primary({tensor: width})
        index = next(index for index, one in enumerate(subgraph.tensors) if one.name.decode() == tensor)
        for operator, (op, names, types, wide) in zip(subgraph.operators, activation_types(content), strict=True):
            assert len(types) == 1, f"{op} of {types}"
            touches = index in [*operator.inputs, *operator.outputs]
            passes_on = op == "RESHAPE"
            without_kernel = op == "HARD_SWISH"
            if not passes_on:
                assert types == ({"FLOAT32" if without_kernel else wanted} if touches else {"INT8"}), (op, names)
            assert all(list(one.quantization.zeroPoint) == [0] for one in wide)


@pytest.mark.parametrize("width", Width)
def test_both_formats_agree_on_networks_with_branches(width: Width, branched: Case) -> None:
    generator = random.Random(0)
    for count in (1, 1, 2, 3):
        sibling, derived = branched.files(dict.fromkeys(generator.sample(branched.tensors[1:], count), width))
        agree(branched, sibling, derived)


@pytest.mark.parametrize("width", Width)
def test_both_formats_agree_on_raised_additions(width: Width, residual: Case) -> None:
    additions = [tensor for tensor in residual.tensors if "add" in tensor.split(";")[0]]
    assert additions
    sibling, derived = residual.files(dict.fromkeys(additions, width))
    agree(residual, sibling, derived)
    assert residual.sqnr_db(sibling) > residual.sqnr_db(residual.primary({}))


def agree(case: Case, sibling: bytes, derived: bytes) -> None:
    """Compare in 8-bit steps of the output's range, as the proof of a mixed file does."""
    one, other = case.outputs_of(TFLITE, sibling), case.outputs_of(ONNX, derived)
    steps = compare_steps(reference=one, actual=other, step=float(np.ptp(one)) / 255)
    assert steps.within_one_step >= 0.98
    stored = ONNX.storage(b"", derived, {"tflite": sibling})
    assert stored is not None
    assert stored.worst_steps < 1e-6
    own = TFLITE.storage(case.float_file, sibling, {})
    assert own is not None
    assert own.worst_steps <= 0.51


def test_raising_all_layers_to_int16_is_as_accurate_as_w8a16(tiny: Case) -> None:
    all_raised = tiny.primary(dict.fromkeys(tiny.tensors, Width.INT16), Io.FLOAT32)
    reference = tiny.primary({}, Io.FLOAT32, W8A16)
    assert abs(tiny.sqnr_db(all_raised) - tiny.sqnr_db(reference)) < 0.2  # measured 0.00
    assert tiny.census(TFLITE, all_raised).keys() == {"int16", "none"}


def test_raising_all_layers_to_float32_gives_the_float_file(tiny: Case) -> None:
    content = tiny.primary(dict.fromkeys(tiny.tensors, Width.FLOAT32), Io.FLOAT32)
    assert tiny.sqnr_db(content) >= 90  # measured 129
    assert tiny.census(TFLITE, content).keys() == {"float", "none"}


@pytest.mark.parametrize("width", Width)
def test_raising_a_layer_removes_its_error(width: Width, tiny: Case) -> None:
    plain, raised = (tiny.sqnr_db(tiny.primary(wide)) for wide in ({}, {tiny.tensors[1]: width}))
    assert raised - plain >= 2  # the first convolution's result: measured 3.2 to 3.6 dB


@pytest.mark.parametrize("width", Width)
def test_int8_layers_stay_integer_with_equal_outputs_in_both_formats(width: Width, tiny: Case) -> None:
    for tensors in (tiny.tensors[1:2], tiny.tensors[4:9:2]):
        sibling, derived = tiny.files(dict.fromkeys(tensors, width))
        agree(tiny, sibling, derived)
        wide = 2 * len(tensors)  # of 19 operators: the one that makes it and the one that reads it
        assert tiny.census(TFLITE, sibling)["integer"] == 19 - wide
        convolutions = [found for found in ONNX.census(tiny.written(ONNX, derived)) if found.op == "QLinearConv"]
        assert sum(found.count for found in convolutions) == 18 - wide


def test_weights_that_are_already_rounded_stay_unchanged(tiny: Case) -> None:
    """A reconstructed layer's grid may end before 127 steps; on another grid its weights would be rounded anew."""
    model = flatbuffer.read(tiny.float_file)
    for layer in layers(model):
        values = flatbuffer.constant(model, layer.weights)
        others = tuple(axis for axis in range(values.ndim) if axis != layer.channel_axis)
        last = 127 if layer.op == "DEPTHWISE_CONV_2D" else 100
        step = np.maximum(np.abs(values).max(axis=others, keepdims=True), 1e-9) / last
        model.buffers[layer.weights.buffer].data = (np.rint(values / step) * step).reshape(-1).view(np.uint8)
    rounded = flatbuffer.write(model)
    raised = dict.fromkeys(tiny.tensors, Width.W8A32)
    content = TFLITE.quantize(rounded, tiny.plan(raised, Io.FLOAT32, INT8), {})
    report = TFLITE.storage(rounded, content, {})
    assert report is not None
    assert report.worst_steps < 1e-3


def test_raised_output_is_float32(tiny: Case) -> None:
    content = tiny.primary({tiny.tensors[-2]: Width.INT16})  # what the last reshaping reads
    (source,), (output,) = (getattr(TFLITE.open(tiny.written(TFLITE, content)), edge) for edge in ("inputs", "outputs"))
    assert (source.dtype, output.dtype) == ("uint8", "float32")


def test_uint8_input_is_not_raised(tiny: Case) -> None:
    assert tiny.files({tiny.tensors[0]: Width.FLOAT32}) == tiny.files({})
