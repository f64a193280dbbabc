"""Faults in files of other tools are caught, and the sentences name the layer and the fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from export.formats.tflite import flatbuffer
from tests.faults import faults
from tests.faults.integer_faults import INTEGER_FAULTS
from tests.faults.onnx_file import OnnxFile
from tests.faults.tflite_file import TfliteFile
from tests.foreign import files
from tests.foreign.files import Trained

if TYPE_CHECKING:
    import keras

# Integer fault -> what one of the sentences must say; the others have no place in this network.
SAID = {
    "cap of 1 in place of 6": "layer depthwise (DEPTHWISE_CONV_2D): relu to -1..1 in place of relu6",
    "relu in place of relu6": "layer depthwise (DEPTHWISE_CONV_2D): relu in place of relu6",
    "relu behind a linear layer": "layer conv_norm (ADD): relu in place of no activation",
    "activation lost": "layer conv (CONV_2D): no activation in place of relu",
    "dilation of 2": "the option dilationHFactor is 2 in place of 1",
    "all biases at 0.9 of their scale": "the bias has 0.9 times the scale of the products",
    "all biases at 1.1 of their scale": "the bias has 1.1 times the scale of the products",
    "last bias at 1.02 of its scale": "the bias has 1.02 times the scale of the products",
    "weights on 5 bits": "the weights of project use about 5.0 of 8 bits",
    "weights on 7 bits": "the weights of project use about 7.1 of 8 bits",
    "one layer on 3 bits": "the weights of hidden (MatMul) use about 2.9 of 8 bits",
    "one scale for all channels": "have one scale repeated for all channels",
    "grids 8 times as wide": "x as wide as its values",
}
QUICK = {"relu behind a linear layer", "last bias at 1.02 of its scale", "one layer on 3 bits"}


@dataclass(frozen=True)
class Made:
    """The files of the trained network, each made once."""

    trained: Trained

    @cache  # noqa: B019  # one object for the session
    def content(self, kind: str) -> bytes:
        model, rows = self.trained.model, self.trained.rows
        makers: dict[str, Callable[[], bytes]] = {
            "int8": lambda: files.by_tensorflow(model, rows),
            "float32": lambda: files.by_tensorflow(model),
            "float.onnx": lambda: files.by_tf2onnx(model),
        }
        return makers[kind]()


@pytest.fixture(scope="session")
def made(trained: Trained) -> Made:
    return Made(trained)


@pytest.mark.parametrize(
    "fault", [pytest.param(name, marks=() if name in QUICK else pytest.mark.large) for name in SAID]
)
def test_a_fault_of_an_integer_file_is_named(fault: str, made: Made) -> None:
    model = flatbuffer.read(made.content("int8"))
    assert INTEGER_FAULTS[fault](model)
    proof = made.trained.proof(flatbuffer.write(model), ".tflite")
    assert proof.failed
    assert SAID[fault] in "; ".join(proof.faults)


def first_convolution(file: Any) -> int:
    return next(layer for layer in range(len(file)) if file.kernel(layer).ndim == 4)


def swap_colours(file: Any) -> None:
    layer = first_convolution(file)
    file.set_kernel(layer, file.kernel(layer)[:, :, ::-1])


EDITS: dict[str, tuple[Callable[[Any], None], str]] = {
    "kernel zeroed": (faults.zero_kernel, "are zeros: they were lost"),
    "channel zeroed": (faults.zero_channel, "are zeros in channel"),
    "colours swapped": (swap_colours, "the weights of conv have their input channels in reverse order"),
    "kernel transposed": (faults.transpose_kernel, "are transposed: height and width are exchanged"),
    "NaN": (lambda file: file.plant_nan(0), "hold NaN or infinity"),
    "bias dropped": (
        lambda file: file.drop_bias(first_convolution(file)),
        "the biases of conv are zeros: they were lost",
    ),
}


QUICK_EDITS = {("channel zeroed", "float32"), ("bias dropped", "float.onnx")}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        pytest.param(fault, kind, marks=() if (fault, kind) in QUICK_EDITS else pytest.mark.large)
        for fault in EDITS
        for kind in ("float32", "float.onnx", "int8")
    ],
)
def test_a_fault_of_a_constant_is_named(fault: str, kind: str, made: Made) -> None:
    is_onnx = kind.endswith(".onnx")
    file = (OnnxFile if is_onnx else TfliteFile)(made.content(kind))
    edit, said = EDITS[fault]
    edit(file)
    proof = made.trained.proof(file.content(), ".onnx" if is_onnx else ".tflite")
    assert proof.failed
    assert said in "; ".join(proof.faults)


def with_softmax(model: keras.Model) -> keras.Model:
    import keras

    values, classes = model.outputs
    return keras.Model(model.inputs, [keras.layers.Softmax()(values), classes])


def with_preprocessing(model: keras.Model) -> keras.Model:
    import keras

    image = keras.layers.Input((16, 16, 3), name="image")
    vector = keras.layers.Input((6,), name="vector")
    return keras.Model([image, vector], model([keras.layers.Rescaling(1 / 127.5, -1)(image), vector]))


def of_other_weights(model: keras.Model) -> keras.Model:
    import keras

    keras.utils.set_random_seed(1)
    return keras.models.clone_model(model)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(with_softmax, "output values: a softmax was added at the end", marks=pytest.mark.large),
        pytest.param(with_preprocessing, "a wrong preprocessing: the file gives the model's", marks=pytest.mark.large),
        pytest.param(of_other_weights, "the file is of other weights", marks=pytest.mark.large),
    ],
)
def test_a_file_of_another_model_is_recognised(
    change: Callable[[keras.Model], keras.Model], said: str, made: Made
) -> None:
    proof = made.trained.proof(files.by_tensorflow(change(made.trained.model)), ".tflite")
    assert proof.failed
    assert said in "; ".join(proof.faults)


def test_swapped_outputs_of_known_names_are_named(made: Made) -> None:
    import onnx

    proto = onnx.load_from_string(made.content("float.onnx"))
    names = dict(zip([value.name for value in proto.graph.output], ["classes", "values"], strict=True))
    for value in proto.graph.output:
        value.name = names[value.name]
    for node in proto.graph.node:
        node.output[:] = [names.get(name, name) for name in node.output]
        node.input[:] = [names.get(name, name) for name in node.input]
    proof = made.trained.proof(proto.SerializeToString(), ".onnx")
    assert proof.faults == ("the outputs values and classes are swapped",)


def test_an_onnx_without_an_activation_names_the_layer_behind_it(made: Made) -> None:
    import onnx

    proto = onnx.load_from_string(made.content("float.onnx"))
    clip = next(node for node in proto.graph.node if node.op_type == "Clip")
    clip.op_type = "Relu"
    del clip.input[1:]
    proof = made.trained.proof(proto.SerializeToString(), ".onnx")
    assert proof.failed
    assert "layer project: the first one with other outputs, even with the model's constants" in "; ".join(proof.faults)


@pytest.mark.large
def test_integers_that_are_read_with_another_scale_are_named(made: Made, tmp_path: Path) -> None:
    import onnx
    from onnx import numpy_helper

    content = files.by_onnx_runtime(made.content("float.onnx"), made.trained.rows, tmp_path)
    proto = onnx.load_from_string(content)
    layers = {node.output[0]: node for node in proto.graph.node if node.op_type == "Conv"}
    rounding = [node for node in proto.graph.node if node.op_type == "QuantizeLinear" and node.input[0] in layers][-1]
    stored = next(one for one in proto.graph.initializer if one.name == rounding.input[1])
    other = (numpy_helper.to_array(stored) * 1.02).astype(np.float32)
    proto.graph.initializer.append(numpy_helper.from_array(other, "other"))
    rounding.input[1] = "other"
    proof = made.trained.proof(proto.SerializeToString(), ".onnx")
    said = "layer project: the integers are read with another scale or zero point than they were stored with"
    assert said in "; ".join(proof.faults)
