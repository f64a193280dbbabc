"""What goes wrong in a training run is said in a sentence, and neither a network nor a curve is lost by it."""

from __future__ import annotations

import json
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
from tests.training.conftest import saved
from training.notebook import Notebook
from training.pipeline import evaluate, train
from training.recipe import Slimming, TrainingRecipe
from training.slimming import stages
from zoo.errors import UsageProblemError


def silent(*_told: object) -> None:
    """Hear of no step."""


def recipe(file: Path, data: Path, **changes: Any) -> TrainingRecipe:
    told = {"model": str(file), "data": str(data), "out": file.with_name("out.keras"), "epochs": 1, "augment": False}
    return TrainingRecipe(**{**told, **changes})


@pytest.fixture
def mine(twin: Path, tmp_path: Path) -> Path:
    """A trained file in a folder that a test may write to."""
    return Path(shutil.copy(twin, tmp_path / "mine.keras"))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--seed", "-1"], "--seed lies between 0 and"),
        (["--seed", str(2**32)], "--seed lies between 0 and"),
        (["--learning-rate", "nan"], "--learning-rate takes a number"),
        (["--cluster", "8", "--stage-learning-rate", "inf"], "--stage-learning-rate takes a number"),
        (["--out", "{folder}"], "is a folder"),
        (["--out", ".keras"], "type --out my.keras"),
        (["--evaluate", "--prune", "0.5"], "leave out --prune"),
        (["--evaluate", "--resume"], "leave out --resume"),
        (["--evaluate", "--epochs", "3"], "leave out --epochs"),
        (["--evaluate", "--weights", "random"], "leave out --weights"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_work(
    flags: list[str], words: str, mine: Path, kinds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (mine.parent / "folder.keras").mkdir()
    filled = [flag.format(folder=mine.parent / "folder.keras") for flag in flags]
    assert main(["train", str(mine), "--data", str(kinds), *filled]) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert sorted(path.name for path in mine.parent.iterdir()) == ["folder.keras", "mine.keras"]


def test_a_network_in_the_folder_that_a_run_empties_is_not_lost(mine: Path, kinds: Path) -> None:
    before = mine.parent / "out.training" / "before.keras"
    before.parent.mkdir()
    mine.rename(before)
    with pytest.raises(UsageProblemError, match="begins by emptying; choose another --out"):
        train(recipe(before, kinds, out=mine.parent / "out.keras"), silent)
    assert before.is_file()


def test_copies_of_one_photo_cannot_be_divided(mine: Path, kinds: Path, tmp_path: Path) -> None:
    for name in "ab":
        photo = next((kinds / "train" / ("1" if name == "a" else "2")).iterdir())
        (tmp_path / "copies" / name).mkdir(parents=True)
        for number in range(2):
            shutil.copy(photo, tmp_path / "copies" / name / f"{number}.png")
    with pytest.raises(UsageProblemError, match="no class has two different photos"):
        train(recipe(mine, tmp_path / "copies"), silent)


@pytest.mark.parametrize("name", ["no\u00a0break", "bell\x07"])
def test_a_class_that_no_file_could_name_is_refused_before_it_learns(
    name: str, mine: Path, clothes: Path, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(clothes, tmp_path / "data"))
    (data / "Bag").rename(data / name)
    with pytest.raises(UsageProblemError, match="cannot be printed"):
        train(recipe(mine, data), silent)
    assert not mine.with_name("out.training").exists()


def test_a_loss_that_is_no_number_ends_the_run_and_writes_no_file(mine: Path, kinds: Path) -> None:
    with pytest.raises(UsageProblemError, match="type a smaller --learning-rate"):
        train(recipe(mine, kinds, weights="random", learning_rate=1e30, epochs=2), silent)
    assert not mine.with_name("out.keras").exists()


def test_nothing_is_taken_away_from_what_has_not_learned(mine: Path, clothes: Path, kinds: Path) -> None:
    slimming = Slimming(passes=(Prune(share=0.5),), epochs=1)
    with pytest.raises(UsageProblemError, match=r"its new last layer must learn .* add --epochs"):
        train(recipe(mine, clothes, epochs=0, slimming=slimming), silent)
    with pytest.raises(UsageProblemError, match="random weights were requested"):
        train(recipe(mine, kinds, epochs=0, slimming=slimming, weights="random"), silent)


def test_a_file_that_was_never_trained_is_judged_as_it_is(kinds: Path, tmp_path: Path) -> None:
    keras.utils.set_random_seed(3)
    image = keras.Input((32, 32, 1))
    model = keras.Model(image, layers.Dense(10, name="logits")(layers.Flatten()(layers.MaxPooling2D(4)(image))))
    file = saved(model, tmp_path / "drawn.keras")
    found = [evaluate(recipe(file, kinds), silent).scores["train"]["top1"] for _ in range(3)]
    lesson_order = sorted((kinds / "train").glob("*/*.png"))
    from PIL import Image

    photos = np.stack([np.asarray(Image.open(path), np.float32)[..., None] / 255 for path in lesson_order])
    right = np.array([int(path.parent.name) for path in lesson_order])
    assert found == [pytest.approx((model.predict(photos, verbose=0).argmax(-1) == right).mean(), abs=1e-9)] * 3


def test_a_run_is_not_resumed_with_other_photos_which_would_be_divided_otherwise(
    mine: Path, clothes: Path, tmp_path: Path
) -> None:
    class StopError(Exception):
        pass

    def stop(what: str, *_told: object) -> None:
        if "epoch 2" in what:
            raise StopError

    data = Path(shutil.copytree(clothes, tmp_path / "data"))
    asked = recipe(mine, data, epochs=4, head_epochs=0)
    with pytest.raises(StopError):
        train(asked, stop)
    next((data / "Bag").iterdir()).unlink()
    with pytest.raises(UsageProblemError, match="has another photos"):
        train(asked, silent, resume=True)


def test_a_finished_run_has_nothing_to_resume(mine: Path, kinds: Path) -> None:
    train(recipe(mine, kinds), silent)
    with pytest.raises(UsageProblemError, match="is finished; leave --resume out"):
        train(recipe(mine, kinds), silent, resume=True)


def test_a_run_that_is_killed_while_it_takes_notes_learns_no_epoch_twice(
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
    notebook = Notebook(tmp_path / "out.training", {}, resume=False)
    row = {"stage": 0, "phase": "fine", "epoch": 1, "counts": True, "score": 0.5}
    notebook.add(row, [variable], [])
    variable.assign(np.ones(3))
    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KilledError):
        notebook.add({**row, "epoch": 2, "score": 0.6}, [variable], [])
    resumed = Notebook(tmp_path / "out.training", {}, resume=True)
    resumed.restore_last([variable])
    assert variable.numpy()[0] == resumed.epochs - 1


def test_epochs_without_progress_end_a_run(mine: Path, kinds: Path) -> None:
    done = train(recipe(mine, kinds, epochs=6, patience=2, learning_rate=1e-9), silent)
    assert [row["epoch"] for row in done.rows] == [1, 2, 3]  # nothing can become better


def test_the_record_of_a_stage_has_the_scores_of_the_parts_that_it_names(mine: Path, kinds: Path) -> None:
    done = train(recipe(mine, kinds, epochs=0), silent)
    judged = evaluate(recipe(mine, kinds), silent)
    (given,) = done.stages
    assert len({scores["top1"] for scores in judged.scores.values()}) == 3
    assert {part: given["measured"][part] for part in ("validation", "test")} == {
        part: judged.scores[part]["top1"] for part in ("validation", "test")
    }


def slim(history: tuple[str, ...], **asked: Any) -> dict[str, dict[str, Any]]:
    """Return the parameters of the stages that follow on a network with stages behind it."""
    asked_for = TrainingRecipe(
        model="mine.keras", data="photos", out=Path("out.keras"), epochs=0, slimming=Slimming(**asked)
    )
    return {stage.name: dict(stage.parameters) for stage in stages(asked_for, history)}


def test_a_later_run_keeps_the_zeros_and_clusters_of_an_earlier_one() -> None:
    assert slim(("learn", "prune"), clusters=8)["cluster"]["zeros_kept"] is True
    assert slim(("learn",), clusters=8)["cluster"]["zeros_kept"] is False
    later = slim(("learn", "prune", "cluster"), qat=True)["qat"]
    assert (later["zeros_kept"], later["clusters_kept"]) == (True, True)


@pytest.mark.parametrize(
    ("behind", "asked"),
    [
        ("prune", {"passes": (Prune(share=0.5),)}),
        ("prune", {"passes": (PruneChannels(share=0.3),)}),
        ("cluster", {"clusters": 8}),
        ("cluster", {"passes": (Prune(share=0.5),)}),
        ("qat", {"clusters": 8}),
        ("qat", {"passes": (PruneChannels(share=0.3),)}),
    ],
)
def test_what_would_undo_an_earlier_stage_is_refused(behind: str, asked: dict[str, Any]) -> None:
    with pytest.raises(UsageProblemError, match=r"from an earlier run, which --.* would undo"):
        slim(("learn", behind), **asked)


@pytest.mark.parametrize("slimming", [Slimming(clusters=8, epochs=1), Slimming(qat=True, epochs=1)], ids=["8", "qat"])
def test_layers_that_their_maker_has_frozen_lose_and_learn_too(slimming: Slimming, mine: Path, kinds: Path) -> None:
    model = keras.saving.load_model(mine, compile=False)
    first = next(layer for layer in model.layers if layer.weights)
    first.trainable = False
    file = saved(model, mine.with_name("frozen.keras"))
    done = train(recipe(file, kinds, epochs=0, slimming=slimming), silent)
    kernel = keras.saving.load_model(done.file, compile=False).get_layer(first.name).kernel.numpy()
    assert not np.array_equal(kernel, first.kernel.numpy())
    assert slimming.qat or len(np.unique(kernel)) <= 8


def test_a_layer_that_tf_keras_cannot_make_is_named(kinds: Path, tmp_path: Path) -> None:
    image = keras.Input((32, 32, 1))
    x = layers.Reshape((32, 32))(image)
    x = layers.GlobalAveragePooling1D()(layers.MultiHeadAttention(2, 8, name="attends")(x, x))
    file = saved(keras.Model(image, layers.Dense(10, bias_initializer="normal")(x)), tmp_path / "attention.keras")
    with pytest.raises(UsageProblemError, match="tf_keras cannot make the layer attends"):
        train(recipe(file, kinds, epochs=0, slimming=Slimming(clusters=8, epochs=1)), silent)


def test_the_last_line_can_be_typed_and_only_pictures_that_are_there_are_named(
    mine: Path, clothes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(shutil.copytree(clothes, tmp_path / "my photos"))
    out = tmp_path / "my net.keras"
    assert main(["train", str(mine), "--data", str(data), "--epochs", "1", "--out", str(out)]) == 0
    assert (tmp_path / "my net.training" / "curve.png").is_file()
    last = capsys.readouterr().out.splitlines()[-1].removeprefix("next: ")
    assert shlex.split(last) == ["zoo-export", str(out), "--int8", "--calibration", str(data)]
    assert main(["train", str(mine), "--data", str(data), "--epochs", "0", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pictures"] == ["confusion.png"]
    assert not (tmp_path / "my net.training" / "curve.png").exists()
