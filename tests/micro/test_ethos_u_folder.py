"""The folder of an Ethos-U: what runs on the NPU is read from the compiled files, and nothing on it is a failure."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import pytest
from keras import layers

from export.bundle.deploy import ethos_u
from export.bundle.deploy.ethos_u import layer_of, placed
from export.cli.main import main
from export.formats.tflite import TFLITE, flatbuffer
from export.progress import Quiet
from export.runtime.tools import vela
from export.runtime.tools.vela import CONFIGURATIONS
from tests.formats.tflite.micro_networks import int8, separable
from zoo.errors import CheckFailedError

U55 = next(one for one in CONFIGURATIONS if one.name == "u55-128")


@pytest.mark.parametrize(
    ("tensor", "layer"),
    [
        ("mobilenet_v2_1/Conv1_relu_1/Relu6;mobilenet_v2_1/bn_Conv1_1/batchnorm/add_1", "Conv1_relu"),
        ("vae_1/Exp", "Exp"),
        ("net_1/Exp_quantized", "Exp"),
        ("StatefulPartitionedCall:0", ""),
    ],
)
def test_the_layer_is_read_from_the_name_of_the_output(tensor: str, layer: str) -> None:
    assert layer_of(tensor) == layer


def test_an_operator_that_assigns_has_no_output() -> None:
    model = flatbuffer.read(int8(separable()))
    model.subgraphs[0].operators[1].outputs = []
    assert [one.output for one in TFLITE.operators(flatbuffer.write(model))][1] == ""


def compiled(content: bytes, folder: Path) -> ethos_u.Placement:
    path = folder / "net.tflite"
    path.write_bytes(content)
    return placed(path, U55, vela.compiled(path, U55, Quiet()))


@pytest.mark.large
def test_an_int8_network_runs_on_every_npu(tmp_path: Path) -> None:
    command = ["export", "lenet5", "--int8", "--format", "tflite", "--target", "ethos-u", "--out", str(tmp_path)]
    assert main(command) == 0
    folder = tmp_path / "lenet5-ethos-u"
    record = json.loads((folder / "model.json").read_text())
    assert [one["accelerator"] for one in record["placements"]] == [one.accelerator for one in CONFIGURATIONS]
    for one in record["placements"]:
        assert one["share_on_npu"] == 1
        assert one["on_cpu"] == []
        assert one["estimated_ms"] > 0
        assert one["sram_bytes"] > 0
        names = [operator.name for operator in TFLITE.operators((folder / one["file"]).read_bytes())]
        assert names == [ethos_u.ON_NPU]
    assert "Nothing is left to the CPU." in (folder / "README.md").read_text()


@pytest.mark.large
def test_a_network_of_which_nothing_runs_on_the_npu_fails(tmp_path: Path) -> None:
    with pytest.raises(CheckFailedError, match=r"nothing of .* runs on the NPU: .*Float32"):
        compiled(TFLITE.convert(separable()), tmp_path)


@pytest.mark.large
def test_what_is_left_to_the_cpu_is_named_by_its_layer(tmp_path: Path) -> None:
    x = keras.Input((8, 8, 3), batch_size=1, name="photo")
    y = layers.Conv2D(4, 3, padding="same")(x)
    y = layers.Dense(4)(layers.GlobalMaxPooling2D(name="largest")(y))
    placement = compiled(int8(keras.Model(x, y, name="net")), tmp_path)
    assert 0 < placement.share < 1
    left = next(one for one in placement.on_cpu if one.operator == "REDUCE_MAX")
    assert left.layer == "largest"
    assert left.reason
    assert left.reason == "it computes in float32"
    assert "--raise" not in left.change
    (note,) = ethos_u.notes([placement])
    assert "REDUCE_MAX of the layer largest" in note


@pytest.mark.large
def test_a_compiled_file_with_other_inputs_fails(tmp_path: Path) -> None:
    path, other = tmp_path / "net.tflite", tmp_path / "other.tflite"
    path.write_bytes(int8(separable()))
    x = keras.Input((4, 4, 3), batch_size=1, name="photo")
    other.write_bytes(int8(keras.Model(x, layers.Conv2D(4, 3)(x))))
    with pytest.raises(CheckFailedError, match="other inputs or outputs"):
        placed(path, U55, vela.compiled(other, U55, Quiet()))
