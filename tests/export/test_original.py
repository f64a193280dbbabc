"""`--original` compares an export with the network before pruning."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo
from export import pipeline
from export.cli.main import main
from export.recipe import Recipe
from zoo import own_file, weights
from zoo.errors import UsageProblemError
from zoo.inputs import Photo
from zoo.own_file import Facts

FASHION = Path(__file__).parents[1] / "data" / "fashion_mnist_500.npz"
HISTORY = (
    {"name": "learn", "parameters": {"epochs": 2}, "measured": {"weights": 61706, "validation": 0.92}},
    {"name": "cluster", "parameters": {"clusters": 8, "zeros_kept": False, "epochs": 1}, "measured": {"test": 0.9}},
)


def facts(history: tuple = (), **changes: object) -> Facts:
    lenet5 = zoo.find("lenet5")
    given = {
        "architecture": "lenet5",
        "title": "LeNet-5, trained on clothes",
        "task": "classification",
        "inputs": lenet5.inputs(**lenet5.settings({})),
    }
    return Facts(**{**given, **changes}, history=history)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained network, `before.keras`, and the same network with changed weights, `after.keras`."""
    folder = tmp_path_factory.mktemp("files")
    architecture = zoo.find("lenet5")
    model = architecture.build()
    assert weights.load(model, architecture).trained
    own_file.save(model, folder / "before.keras", facts())
    for layer in model.layers:
        if layer.weights:
            layer.kernel.assign(np.round(layer.kernel.numpy(), 1))  # a tenth apart: few numbers
    own_file.save(model, folder / "after.keras", facts(HISTORY))
    return folder


def exported(name: str, original: Path, out: Path) -> dict:
    with np.load(FASHION) as arrays:
        np.savez(out / "clothes.npz", image=arrays["calibration_photos"])
    arguments = ["--format", "tflite", "--precision", "float32", "--probe-count", "32", "--out", str(out)]
    arguments += ["--calibration", str(out / "clothes.npz")]
    assert main(["export", str(original.parent / name), "--original", str(original), *arguments]) == 0
    return json.loads((out / Path(name).stem / "manifest.json").read_text())


def test_manifest_compares_with_the_original_and_records_the_pruning(files: Path, tmp_path: Path) -> None:
    manifest = exported("after.keras", files / "before.keras", tmp_path)
    assert manifest["history"] == list(HISTORY)
    found = manifest["pruning"]
    assert found["passes"] == []
    before, after = (keras.saving.load_model(files / f"{name}.keras", compile=False) for name in ("before", "after"))
    with np.load(FASHION) as arrays:
        photos = arrays["photos"].astype(np.float32) / 255
    reference, outputs = (model.predict(photos, verbose=0) for model in (before, after))
    expected = 10 * np.log10((reference**2).sum() / ((reference - outputs) ** 2).sum())
    assert 3 < expected < 30
    assert found["model"]["sqnr_db"] == pytest.approx(expected, abs=3)  # of other photos
    (file,) = found["files"].values()
    assert file["sqnr_db"] == pytest.approx(found["model"]["sqnr_db"], abs=0.1)
    assert file["zero_share"] > 0.4
    assert file["bytes_zipped"] < 0.5 * file["bytes"]
    # The proof compares the file with the exported network.
    assert all(one["sqnr_db"] > 90 for one in manifest["files"][0]["comparisons"].values())


def test_unpruned_network_has_the_outputs_of_its_original(files: Path, tmp_path: Path) -> None:
    manifest = exported("before.keras", files / "before.keras", tmp_path)
    assert manifest["history"] == []
    assert manifest["pruning"]["model"]["sqnr_db"] > 140
    assert manifest["pruning"]["model"]["top1_agreement"] == 1
    assert all(file["sqnr_db"] > 90 for file in manifest["pruning"]["files"].values())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("fewer", "is not an earlier state of"),
        ("others", "is not an earlier state of"),
        ("lighter", "is not an earlier state of"),
        ("none", "there is no file"),
    ],
)
def test_other_network_is_rejected_as_original(name: str, words: str, files: Path, tmp_path: Path) -> None:
    if name == "fewer":
        image = keras.Input((32, 32, 1), name="image")
        fewer = keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(image)))
        own_file.save(fewer, tmp_path / "fewer.keras", facts())
    if name == "lighter":
        model = keras.saving.load_model(files / "before.keras", compile=False)
        other = replace(facts().preprocessing, offset=(-0.5,))
        taken = {"image": Photo(preprocessing=other)}
        own_file.save(model, tmp_path / "lighter.keras", facts(inputs=taken))
    if name == "others":  # the same number of classes with other names
        for out, labels in ((tmp_path / "others.keras", "abcdefghij"), (tmp_path / "named.keras", "0123456789")):
            model = keras.saving.load_model(files / "before.keras", compile=False)
            own_file.save(model, out, facts(labels=tuple(labels)))
    named = tmp_path / "named.keras"
    recipe = Recipe(
        model=str(named if named.exists() else files / "after.keras"),
        original=str(tmp_path / f"{name}.keras"),
        out=tmp_path / "out",
        seed=0,
    )
    with pytest.raises(UsageProblemError, match=words):
        pipeline.run(recipe)
    assert not list((tmp_path / "out").rglob("*"))


def test_truncated_original_is_reported_as_truncated(files: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.keras"
    cut.write_bytes((files / "before.keras").read_bytes()[:3000])
    with pytest.raises(UsageProblemError, match="damaged or truncated"):
        pipeline.run(Recipe(model=str(files / "after.keras"), original=str(cut), out=tmp_path))
