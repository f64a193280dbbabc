"""Training from a .keras file keeps its pretrained layers, and requires a known preprocessing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from export.cli.main import main
from tests.training.conftest import KINDS, saved, silent
from training import phases, tasks
from training.file_start import FileStart
from training.pipeline import evaluate, train
from training.recipe import Compression, TrainingRecipe
from training.start import Start
from zoo.errors import UsageProblemError

THREE = ("Bag", "Sandal", "Trouser")


def recipe(file: Path, data: Path | str = "photos", **changes: Any) -> TrainingRecipe:
    return TrainingRecipe(model=str(file), data=str(data), **{"out": file.with_name("out.keras"), **changes})


def started(file: Path, classes: tuple[str, ...], **changes: Any) -> tuple[Start, list[str]]:
    """Return the network at the start of training, and the names of the training phases."""
    options = recipe(file, **changes)
    start = FileStart(options).start({}, classes)
    return start, [phase.name for phase in phases.plan(options, start)]


def arrays(model: keras.Model) -> dict[str, np.ndarray]:
    return {weight.path: weight.numpy() for weight in model.weights}


def untrained(*, softmax: bool = False) -> keras.Model:
    keras.utils.set_random_seed(0)
    image = keras.Input((32, 32, 1), name="image")
    x = layers.Flatten()(layers.Conv2D(8, 5, strides=3, activation="relu")(image))
    return keras.Model(image, layers.Dense(10, activation="softmax" if softmax else None, name="logits")(x))


def test_the_head_is_kept_for_the_same_classes(lenet5_file: Path) -> None:
    start, names = started(lenet5_file, KINDS)
    known = arrays(keras.saving.load_model(lenet5_file, compile=False))
    assert (start.new, names) == ((), ["fine"])
    assert all(np.array_equal(array, known[path]) for path, array in arrays(start.model).items())


@pytest.mark.parametrize("classes", [THREE, KINDS[::-1]], ids=["fewer", "same number in another order"])
def test_only_the_last_layer_is_replaced_for_other_classes(classes: tuple[str, ...], lenet5_file: Path) -> None:
    start, names = started(lenet5_file, classes)
    known = arrays(keras.saving.load_model(lenet5_file, compile=False))
    new = arrays(start.model)
    assert (start.new, names) == (("logits",), ["head", "fine"])
    assert start.model.output_shape == (None, len(classes))
    assert new.keys() == known.keys()
    kept = [path for path in new if not path.startswith("logits")]
    assert all(np.array_equal(new[path], known[path]) for path in kept)
    assert new["logits/kernel"].shape == (known["logits/kernel"].shape[0], len(classes))
    assert new["logits/kernel"].std() > 0
    assert not np.array_equal(new["logits/kernel"], known["logits/kernel"])
    assert [weight.path for weight in start.model.weights] == list(known)


@pytest.mark.parametrize("weights", [None, "random"])
def test_untrained_networks_train_all_layers_from_the_start(
    weights: str | None, lenet5_file: Path, tmp_path: Path
) -> None:
    file = lenet5_file if weights else saved(untrained(), tmp_path / "untrained.keras")
    start, names = started(file, KINDS, weights=weights)
    assert names == ["whole"]
    assert not start.weights.trained
    known = arrays(keras.saving.load_model(file, compile=False))
    assert not any(np.array_equal(array, known[path]) for path, array in arrays(start.model).items() if np.ptp(array))


def test_the_loss_of_a_network_with_softmax_takes_probabilities(kinds: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(10)
    for last in ("activation", "layer"):
        model = untrained(softmax=last == "activation")
        if last == "layer":
            model = keras.Model(model.input, layers.Softmax()(model.output))
        start, _ = started(saved(model, tmp_path / f"{last}.keras"), KINDS)
        (loss,) = tasks.find("classification", "").losses(start)
        outputs = start.model(rng.uniform(0, 1, (10, 32, 32, 1)))
        outputs = keras.ops.convert_to_tensor(np.asarray(outputs))  # a tensor of a Softmax layer would carry its logits
        right = -np.log(np.asarray(outputs)[labels, labels]).mean()
        assert float(loss(labels, outputs)) == pytest.approx(right, rel=1e-5)
    done = train(
        recipe(tmp_path / "layer.keras", kinds, epochs=8, augment=False, out=tmp_path / "out.keras"),
        silent,
    )
    assert done.scores["test"]["top1"] > 0.5
    found = keras.saving.load_model(done.file, compile=False)
    assert np.allclose(np.sum(found.predict(rng.uniform(0, 1, (4, 32, 32, 1)), verbose=0), -1), 1, atol=1e-5)


@pytest.mark.large
def test_training_with_dropout_depends_only_on_the_seed(kinds: Path, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    image = keras.Input((32, 32, 1))
    x = layers.Dropout(0.5)(layers.Flatten()(layers.MaxPooling2D(4)(image)))
    file = saved(keras.Model(image, layers.Dense(10, bias_initializer="normal")(x)), tmp_path / "drops.keras")
    losses = [
        train(recipe(file, kinds, epochs=1, seed=seed, out=tmp_path / "out.keras"), silent).rows[0]["loss"]
        for seed in (1, 1, 2)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert losses[0] != pytest.approx(losses[2], rel=1e-3)


def test_a_file_without_preprocessing_needs_the_option(
    kinds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bare.keras"
    untrained().save(file)
    assert main(["train", str(file), "--data", str(kinds), "--out", str(tmp_path / "out.keras")]) == 2
    assert "add --preprocessing" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out.keras").exists()
    start, _ = started(file, KINDS, preprocessing="unit")
    assert np.allclose(start.preprocessing.normalise(np.full((1, 32, 32, 1), 255, np.uint8)), 1)


def test_evaluation_agrees_with_keras_on_every_part(
    lenet5_file: Path, kinds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    assert main(["train", str(lenet5_file), "--evaluate", "--data", str(kinds), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    model = keras.saving.load_model(lenet5_file, compile=False)
    for part, count in (("train", 160), ("validation", 100), ("test", 100)):
        paths = sorted((kinds / part).glob("*/*.png"))
        photos = np.stack([np.asarray(Image.open(path), np.float32)[..., None] / 255 for path in paths])
        right = np.array([int(path.parent.name) for path in paths])
        expected = (model.predict(photos, verbose=0).argmax(-1) == right).mean()
        assert result["counts"][part] == count
        assert result["scores"][part]["top1"] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("model", "words"),
    [("lenet5", "--evaluate takes a .keras file"), ("{lenet5_file}", "was not trained on the classes Bag")],
)
def test_networks_of_the_zoo_and_other_classes_are_not_evaluated(
    model: str, words: str, lenet5_file: Path, clothes: Path
) -> None:
    with pytest.raises(UsageProblemError, match=words):
        evaluate(recipe(Path(model.format(lenet5_file=lenet5_file)), clothes, out=Path("out.keras")), silent)


@pytest.mark.large
def test_the_history_keeps_stages_of_earlier_runs(lenet5_file: Path, kinds: Path, tmp_path: Path) -> None:
    first = recipe(
        lenet5_file, kinds, out=tmp_path / "first.keras", epochs=0, compression=Compression(clusters=8, epochs=1)
    )
    train(first, silent)
    done = train(recipe(tmp_path / "first.keras", kinds, out=tmp_path / "second.keras", epochs=0), silent)
    assert [stage["name"] for stage in done.stages] == ["given", "cluster", "given"]


def test_the_file_gets_the_weights_of_the_best_epoch(lenet5_file: Path, kinds: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.keras"
    done = train(
        recipe(lenet5_file, kinds, epochs=3, batch=160, learning_rate=5e-2, augment=False, out=out),
        silent,
    )
    scores = [row["score"] for row in done.rows]
    assert max(scores) == scores[0] > scores[-1] + 0.2  # the learning rate is so high that later epochs are worse
    assert done.best == 1
    evaluation = evaluate(recipe(out, kinds, out=tmp_path / "other.keras"), silent)
    assert evaluation.scores["validation"]["top1"] == pytest.approx(scores[0], abs=0.011)


@pytest.mark.large
def test_a_run_stopped_between_phases_resumes_with_the_weights_of_the_first(
    lenet5_file: Path, kinds: Path, tmp_path: Path
) -> None:
    class StopError(Exception):
        pass

    def stop(what: str, *_progress: object) -> None:
        if what.startswith("fine"):
            raise StopError

    clothes = tmp_path / "three"
    for part in ("train", "validation"):
        for kind in "158":
            shutil.copytree(kinds / part / kind, clothes / part / kind)
    recipes = [
        recipe(lenet5_file, clothes, epochs=3, head_epochs=2, out=tmp_path / f"{name}.keras")
        for name in ("whole", "stopped")
    ]
    whole = train(recipes[0], silent)
    with pytest.raises(StopError):
        train(recipes[1], stop)
    assert not recipes[1].out.exists()
    resumed = train(recipes[1], silent, resume=True)
    assert [row["phase"] for row in resumed.rows] == ["head", "head", "fine"]
    assert [row["loss"] for row in resumed.rows] == pytest.approx([row["loss"] for row in whole.rows], rel=1e-4)
    known = arrays(keras.saving.load_model(whole.file, compile=False))
    for path, array in arrays(keras.saving.load_model(resumed.file, compile=False)).items():
        assert np.allclose(array, known[path], atol=1e-5)
