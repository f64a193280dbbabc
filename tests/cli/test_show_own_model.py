"""`zoo show FILE` reads a model's file without TensorFlow, and says what Keras says."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

import zoo
from export.cli.main import main
from zoo.weights.patches import blank_weights

if TYPE_CHECKING:
    import keras

TINY = ("lenet5", "mobilenet_v3_small", "inception_v3", "unet", "vae", "bert_tiny", "yolo_v4_tiny")


def nested() -> keras.Model:
    import keras
    from keras import layers

    inner = keras.Sequential([keras.Input((8,)), layers.Dense(5, name="first"), layers.Dense(6)], name="inner")
    twin = keras.Sequential([keras.Input((8,)), layers.Dense(7), layers.Dropout(0.5, seed=1)], name="twin")
    rows = keras.Input((8,), name="rows")
    both = layers.Concatenate()([inner(rows), twin(rows)])
    return keras.Model(rows, layers.Dense(3, name="last")(both), name="nested")


def recurrent() -> keras.Model:
    import keras
    from keras import layers

    steps = keras.Input((None, 4), name="steps")
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(steps)
    x = layers.MultiHeadAttention(2, 4)(x, x)
    return keras.Model(steps, layers.TimeDistributed(layers.Dense(2))(x), name="recurrent")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("build", [nested, recurrent])
def test_weights_of_every_layer_are_those_of_keras(
    build: Callable[[], keras.Model], suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = build()
    model.save(tmp_path / f"own{suffix}")
    assert main(["show", str(tmp_path / f"own{suffix}"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["parameters"] == model.count_params()
    outer = {layer.name: 0 for layer in model.layers}
    for layer in facts["layers"]:
        outer[layer["name"].partition("/")[0]] += layer["parameters"]
    assert outer == {layer.name: layer.count_params() for layer in model.layers}
    (given,) = model.inputs
    assert [(one["name"], one["shape"]) for one in facts["inputs"]] == [(given.name, list(given.shape[1:]))]


@pytest.mark.parametrize("name", TINY)
def test_networks_of_the_zoo_are_read_as_keras_reads_them(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    architecture = zoo.find(name)
    with blank_weights():
        model = architecture.build(**{**architecture.settings({}), **architecture.tiny})
    model.save(tmp_path / "own.keras")
    assert main(["show", str(tmp_path / "own.keras"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["parameters"] == model.count_params()
    counted = {layer["name"]: layer["parameters"] for layer in facts["layers"]}
    plain = {layer.name: layer.count_params() for layer in model.layers if layer.name in counted}
    assert {layer: counted[layer] for layer in plain} == plain


def test_a_saved_model_shows_its_signature(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nested().export(tmp_path / "saved", verbose=False)
    assert main(["show", str(tmp_path / "saved"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["kind"] == "SavedModel"
    assert [(one["shape"], one["dtype"]) for one in facts["inputs"]] == [([8], "float32")]
    assert [(one["shape"], one["dtype"]) for one in facts["outputs"]] == [([3], "float32")]


def test_the_table_says_what_to_type_next_and_needs_no_tensorflow(tmp_path: Path) -> None:
    nested().save(tmp_path / "own.keras")
    program = (
        "import sys; from export.cli.main import main; code = main(['show', 'own.keras']); "
        "assert not {'tensorflow', 'keras'} & sys.modules.keys(); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "inner/first" in done.stdout
    assert done.stdout.endswith("next: zoo export own.keras --int8 --calibration samples.npz\n")


def test_an_own_model_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nested().save(tmp_path / "own.keras")
    assert main(["show", str(tmp_path / "own.keras"), "--diagram", str(tmp_path / "own.svg")]) == 0
    assert (tmp_path / "own.svg").read_bytes().startswith(b"<")


def test_states_of_random_layers_and_of_the_optimizer_are_no_parameters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Some versions of Keras store the state of a random layer beside its weights."""
    model = nested()
    model.save(tmp_path / "own.keras")
    with zipfile.ZipFile(tmp_path / "own.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    (tmp_path / "weights.h5").write_bytes(members["model.weights.h5"])
    with h5py.File(tmp_path / "weights.h5", "r+") as file:
        file["layers/dropout/seed_generator/vars/0"] = np.zeros(2, np.uint32)
        file["optimizer/vars/9"] = np.zeros(77, np.float32)
    members["model.weights.h5"] = (tmp_path / "weights.h5").read_bytes()
    with zipfile.ZipFile(tmp_path / "own.keras", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert main(["show", str(tmp_path / "own.keras"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == model.count_params()
