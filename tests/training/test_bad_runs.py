"""Mistakes in `zoo train` give a one-line error and destroy no files."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from export.cli.main import main
from export.passes.prune import Prune
from export.passes.prune_channels import PruneChannels
from tests.training.conftest import saved, silent
from training.compression import stages
from training.pipeline import evaluate, train
from training.recipe import Compression, TrainingRecipe
from training.run_state import RunState
from zoo.errors import UsageProblemError


def recipe(file: Path, data: Path, **changes: Any) -> TrainingRecipe:
    options = {"model": str(file), "data": str(data), "out": file.with_name("out.keras"), "epochs": 1, "augment": False}
    return TrainingRecipe(**{**options, **changes})


@pytest.fixture
def mine(lenet5_file: Path, tmp_path: Path) -> Path:
    """A trained file in a writable folder."""
    return Path(shutil.copy(lenet5_file, tmp_path / "mine.keras"))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--seed", "-1"], "--seed must be between 0 and"),
        (["--seed", str(2**32)], "--seed must be between 0 and"),
        (["--learning-rate", "nan"], "--learning-rate must be finite"),
        (["--cluster", "8", "--stage-learning-rate", "inf"], "--stage-learning-rate must be finite"),
        (["--out", "{folder}"], "is a folder"),
        (["--out", ".keras"], "use --out my.keras"),
        (["--evaluate", "--prune", "0.5"], "leave out --prune"),
        (["--evaluate", "--resume"], "leave out --resume"),
        (["--evaluate", "--epochs", "3"], "leave out --epochs"),
        (["--evaluate", "--weights", "random"], "leave out --weights"),
    ],
)
def test_invalid_options_are_refused_before_any_file_is_written(
    flags: list[str], words: str, mine: Path, kinds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (mine.parent / "folder.keras").mkdir()
    filled = [flag.format(folder=mine.parent / "folder.keras") for flag in flags]
    assert main(["train", str(mine), "--data", str(kinds), *filled]) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert sorted(path.name for path in mine.parent.iterdir()) == ["folder.keras", "mine.keras"]


def test_a_network_in_the_run_folder_is_not_deleted(mine: Path, kinds: Path) -> None:
    before = mine.parent / "out.training" / "before.keras"
    before.parent.mkdir()
    mine.rename(before)
    with pytest.raises(UsageProblemError, match="would empty; choose another --out"):
        train(recipe(before, kinds, out=mine.parent / "out.keras"), silent)
    assert before.is_file()


def test_classes_of_identical_photos_cannot_be_split(mine: Path, kinds: Path, tmp_path: Path) -> None:
    for name in "ab":
        photo = next((kinds / "train" / ("1" if name == "a" else "2")).iterdir())
        (tmp_path / "copies" / name).mkdir(parents=True)
        for number in range(2):
            shutil.copy(photo, tmp_path / "copies" / name / f"{number}.png")
    with pytest.raises(UsageProblemError, match="no class has two different photos"):
        train(recipe(mine, tmp_path / "copies"), silent)


@pytest.mark.parametrize("name", ["no\u00a0break", "bell\x07"])
def test_unprintable_class_names_are_refused_before_training(
    name: str, mine: Path, clothes: Path, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(clothes, tmp_path / "data"))
    (data / "Bag").rename(data / name)
    with pytest.raises(UsageProblemError, match="unprintable character"):
        train(recipe(mine, data), silent)
    assert not mine.with_name("out.training").exists()


def test_an_infinite_loss_ends_the_run_without_a_file(mine: Path, kinds: Path) -> None:
    with pytest.raises(UsageProblemError, match="NaN or infinite; use a smaller --learning-rate"):
        train(recipe(mine, kinds, weights="random", learning_rate=1e30, epochs=2), silent)
    assert not mine.with_name("out.keras").exists()


def test_untrained_networks_are_not_compressed(mine: Path, clothes: Path, kinds: Path) -> None:
    compression = Compression(passes=(Prune(share=0.5),), epochs=1)
    with pytest.raises(UsageProblemError, match=r"must be trained before .*last layer is new.*; add --epochs"):
        train(recipe(mine, clothes, epochs=0, compression=compression), silent)
    with pytest.raises(UsageProblemError, match="random weights were requested"):
        train(recipe(mine, kinds, epochs=0, compression=compression, weights="random"), silent)


def test_an_untrained_file_is_evaluated_with_its_own_weights(kinds: Path, tmp_path: Path) -> None:
    keras.utils.set_random_seed(3)
    image = keras.Input((32, 32, 1))
    model = keras.Model(image, layers.Dense(10, name="logits")(layers.Flatten()(layers.MaxPooling2D(4)(image))))
    file = saved(model, tmp_path / "untrained.keras")
    found = [evaluate(recipe(file, kinds), silent).scores["train"]["top1"] for _ in range(3)]
    paths = sorted((kinds / "train").glob("*/*.png"))
    from PIL import Image

    photos = np.stack([np.asarray(Image.open(path), np.float32)[..., None] / 255 for path in paths])
    right = np.array([int(path.parent.name) for path in paths])
    assert found == [pytest.approx((model.predict(photos, verbose=0).argmax(-1) == right).mean(), abs=1e-9)] * 3


def test_a_run_is_not_resumed_after_the_photos_changed(mine: Path, clothes: Path, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(what: str, *_progress: object) -> None:
        if "epoch 2" in what:
            raise StopError

    data = Path(shutil.copytree(clothes, tmp_path / "data"))
    stopped = recipe(mine, data, epochs=4, head_epochs=0)
    with pytest.raises(StopError):
        train(stopped, stop)
    next((data / "Bag").iterdir()).unlink()
    with pytest.raises(UsageProblemError, match="other settings: examples was"):
        train(stopped, silent, resume=True)


def test_a_finished_run_cannot_be_resumed(mine: Path, kinds: Path) -> None:
    train(recipe(mine, kinds), silent)
    with pytest.raises(UsageProblemError, match="is finished; leave out --resume"):
        train(recipe(mine, kinds), silent, resume=True)


def test_a_run_killed_while_saving_has_consistent_rows_and_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        pass

    def killed(self: Path, target: Any) -> None:
        if self.name == ".curve.json":
            raise KilledError
        usual(self, target)

    usual = Path.replace
    variable = keras.Variable(np.zeros(3, np.float32))
    run_state = RunState(tmp_path / "out.training", {}, resume=False)
    row = {"stage": 0, "phase": "fine", "epoch": 1, "counts": True, "score": 0.5}
    run_state.add(row, [variable], [])
    variable.assign(np.ones(3))
    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KilledError):
        run_state.add({**row, "epoch": 2, "score": 0.6}, [variable], [])
    resumed = RunState(tmp_path / "out.training", {}, resume=True)
    resumed.restore_last([variable])
    assert variable.numpy()[0] == resumed.epochs - 1


def test_training_stops_after_epochs_without_improvement(mine: Path, kinds: Path) -> None:
    done = train(recipe(mine, kinds, epochs=6, patience=2, learning_rate=1e-9), silent)
    assert [row["epoch"] for row in done.rows] == [1, 2, 3]  # the learning rate is too small to improve the score


def test_stage_records_have_the_scores_of_validation_and_test(mine: Path, kinds: Path) -> None:
    done = train(recipe(mine, kinds, epochs=0), silent)
    evaluation = evaluate(recipe(mine, kinds), silent)
    (given,) = done.stages
    assert len({scores["top1"] for scores in evaluation.scores.values()}) == 3
    assert {part: given["measured"][part] for part in ("validation", "test")} == {
        part: evaluation.scores[part]["top1"] for part in ("validation", "test")
    }


def stage_parameters(history: tuple[str, ...], **options: Any) -> dict[str, dict[str, Any]]:
    """Return the parameters of the stages of a run on a network with these stages in its history."""
    requested = TrainingRecipe(
        model="mine.keras", data="photos", out=Path("out.keras"), epochs=0, compression=Compression(**options)
    )
    return {stage.name: dict(stage.parameters) for stage in stages(requested, history)}


def test_a_later_run_keeps_the_zeros_and_clusters_of_an_earlier_one() -> None:
    assert stage_parameters(("learn", "prune"), clusters=8)["cluster"]["zeros_kept"] is True
    assert stage_parameters(("learn",), clusters=8)["cluster"]["zeros_kept"] is False
    later = stage_parameters(("learn", "prune", "cluster"), qat=True)["qat"]
    assert (later["zeros_kept"], later["clusters_kept"]) == (True, True)


@pytest.mark.parametrize(
    ("earlier", "options"),
    [
        ("prune", {"passes": (Prune(share=0.5),)}),
        ("prune", {"passes": (PruneChannels(share=0.3),)}),
        ("cluster", {"clusters": 8}),
        ("cluster", {"passes": (Prune(share=0.5),)}),
        ("qat", {"clusters": 8}),
        ("qat", {"passes": (PruneChannels(share=0.3),)}),
    ],
)
def test_stages_that_would_undo_an_earlier_one_are_refused(earlier: str, options: dict[str, Any]) -> None:
    with pytest.raises(UsageProblemError, match=r"from an earlier run, which --.* would undo"):
        stage_parameters(("learn", earlier), **options)


@pytest.mark.parametrize(
    "compression",
    [
        pytest.param(Compression(clusters=8, epochs=1), id="8"),
        pytest.param(Compression(qat=True, epochs=1), id="qat", marks=pytest.mark.large),
    ],
)
def test_frozen_layers_are_compressed_and_trained(compression: Compression, mine: Path, kinds: Path) -> None:
    model = keras.saving.load_model(mine, compile=False)
    first = next(layer for layer in model.layers if layer.weights)
    first.trainable = False
    file = saved(model, mine.with_name("frozen.keras"))
    done = train(recipe(file, kinds, epochs=0, compression=compression), silent)
    kernel = keras.saving.load_model(done.file, compile=False).get_layer(first.name).kernel.numpy()
    assert not np.array_equal(kernel, first.kernel.numpy())
    assert compression.qat or len(np.unique(kernel)) <= 8


def test_the_error_names_a_layer_that_tf_keras_cannot_create(kinds: Path, tmp_path: Path) -> None:
    image = keras.Input((32, 32, 1))
    x = layers.Reshape((32, 32))(image)
    x = layers.GlobalAveragePooling1D()(layers.MultiHeadAttention(2, 8, name="attends")(x, x))
    file = saved(keras.Model(image, layers.Dense(10, bias_initializer="normal")(x)), tmp_path / "attention.keras")
    with pytest.raises(UsageProblemError, match="tf_keras cannot create the layer attends"):
        train(recipe(file, kinds, epochs=0, compression=Compression(clusters=8, epochs=1)), silent)


@pytest.mark.large
def test_the_next_command_is_valid_and_listed_pictures_exist(
    mine: Path, clothes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(shutil.copytree(clothes, tmp_path / "my photos"))
    out = tmp_path / "my net.keras"
    assert main(["train", str(mine), "--data", str(data), "--epochs", "1", "--out", str(out)]) == 0
    assert (tmp_path / "my net.training" / "curve.png").is_file()
    last = capsys.readouterr().out.splitlines()[-1].removeprefix("next: ")
    assert shlex.split(last) == ["zoo-export", str(out), "--int8", "--calibration", str(data)]
    assert train(recipe(mine, data, epochs=0, out=out), silent).pictures == ("confusion.png",)
    assert not (tmp_path / "my net.training" / "curve.png").exists()
