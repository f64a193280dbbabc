"""A stored float file is found again only while everything that it depends on is the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from export.formats import FORMATS
from tests import float_files


def network(activation: str = "relu") -> keras.Model:
    keras.utils.set_random_seed(0)
    image = keras.Input((4, 4, 3), name="image")
    x = layers.Conv2D(2, 3, activation=activation, name="conv")(image)
    return keras.Model(image, layers.Flatten(name="logits")(x), name="net")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(float_files, "FOLDER", tmp_path / "files")
    return tmp_path / "files"


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_network_is_converted_once_and_its_file_is_the_converter_s(
    format_name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = float_files.converted(network(), format_name)
    assert first == FORMATS[format_name].convert(network())
    monkeypatch.setattr(type(FORMATS[format_name]), "convert", lambda *_: pytest.fail("converted again"))
    assert float_files.converted(network(), format_name) == first
    assert len(list(folder.iterdir())) == 1


def test_other_weights_options_names_and_formats_have_other_digests() -> None:
    changed = network()
    changed.get_layer("conv").bias.assign(np.array([0, 1e-6], np.float32))
    renamed = keras.Model(changed.input, changed.output, name="other")
    digests = {
        *(float_files.digest(network(), format_name) for format_name in FORMATS),
        *(float_files.digest(model, "tflite") for model in (changed, network("elu"), renamed)),
    }
    assert len(digests) == 5


@pytest.mark.parametrize(
    "path",
    ["zoo/mobilenet.py", "export/passes/fold.py", "export/formats/onnx/folding.py", "export/model/signature.py"],
)
def test_a_changed_source_has_another_digest(path: str, tmp_path: Path) -> None:
    for name in float_files.SOURCES:
        place = float_files.ROOT / name
        copy = shutil.copytree if place.is_dir() else shutil.copy
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        copy(place, tmp_path / name)
    assert float_files.sources.__wrapped__(tmp_path) == float_files.sources(float_files.ROOT)
    with (tmp_path / path).open("a") as source:
        source.write("# a fault\n")
    assert float_files.sources.__wrapped__(tmp_path) != float_files.sources(float_files.ROOT)


def test_other_versions_of_a_tool_have_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = float_files.digest(network(), "tflite")
    assert "tensorflow 2." in float_files.tools()
    monkeypatch.setattr(float_files, "tools", lambda: "another TensorFlow")
    assert float_files.digest(network(), "tflite") != before
