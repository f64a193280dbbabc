"""`--evaluate` measures the Keras model and every file, for every task."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from export.analysis import tasks
from export.analysis.tasks import TASKS, Metric
from export.bundle.report.rows import rows
from export.metrics import accuracy
from export.pipeline import run
from export.recipe import Recipe
from export.scheme import INT8
from zoo.pretraining.classification import evaluate
from zoo.weights import load

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def test_photos() -> tuple[np.ndarray, np.ndarray]:
    with np.load(ROOT / "tests" / "data" / "fashion_mnist_500.npz") as arrays:
        return arrays["photos"], arrays["labels"]


@pytest.fixture(scope="module")
def class_folders(test_photos: tuple[np.ndarray, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes")
    for index, (photo, label) in enumerate(zip(*test_photos, strict=True)):
        place = folder / str(label)
        place.mkdir(exist_ok=True)
        Image.fromarray(photo[:, :, 0]).save(place / f"{index}.png")
    return folder


def test_manifest_contains_the_scores_of_the_model_and_every_file(
    test_photos: tuple[np.ndarray, np.ndarray], class_folders: Path, tmp_path: Path
) -> None:
    recipe = Recipe(model="lenet5", schemes=(INT8,), evaluate=str(class_folders), out=tmp_path)
    manifest = run(recipe).manifest
    architecture = zoo.find("lenet5")
    model = architecture.build()
    load(model, architecture)
    reached = evaluate(model, architecture.preprocess(), *test_photos)
    found = manifest["evaluation"]
    assert (found["task"], found["count"]) == ("classification", len(test_photos[0]))
    assert found["scores"]["top1"] == pytest.approx(reached)
    files = [*manifest["files"], *manifest["not_delivered"]]
    assert len(files) == 4
    for file in files:
        assert file["scores"]["top1"] == pytest.approx(reached, abs=0.01)
        assert file["scores"]["top5"] > file["scores"]["top1"]
    assert {row.score for row in rows(manifest)} <= {f"{100 * file['scores']['top1']:.1f}" for file in files}


def test_own_model_with_classes_is_a_classifier_and_others_are_rejected() -> None:
    import keras
    from keras import layers

    from export.model.subject import Subject
    from zoo.errors import UsageProblemError
    from zoo.weights import LoadedWeights

    def subject(model: keras.Model) -> Subject:
        loaded = LoadedWeights(name="mine", trained=True, source="a file", sha256=None)
        return Subject(name="mine", title="mine.keras", model=model, weights=loaded, inputs={})

    image = keras.Input((8, 8, 1))
    assert tasks.find(subject(keras.Model(image, layers.Dense(3)(layers.Flatten()(image))))).name == "classification"
    with pytest.raises(UsageProblemError, match=r"does not know the task of mine\.keras"):
        tasks.find(subject(keras.Model(image, layers.Conv1D(2, 3)(layers.Reshape((64, 1))(image)))))


def test_loss_of_a_metric_is_a_share() -> None:
    points, decibels = Metric(key="a", title="a", unit="%"), Metric(key="b", title="b", unit="dB")
    assert points.lost(0.8, 0.79) == pytest.approx(0.01)
    assert decibels.lost(20.0, 19.0) == pytest.approx(0.05)
    assert Metric(key="c", title="c", unit="nats").lost(-200.0, -210.0) == pytest.approx(0.05)
    assert (points.words(0.8766), decibels.words(19.96)) == ("87.7", "20.0")


def test_wrong_label_reduces_accuracy() -> None:
    logits = np.eye(10)
    assert accuracy(logits, np.arange(10))[0] == 1.0
    assert accuracy(logits, np.roll(np.arange(10), 1))[0] == 0.0


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_every_task_has_a_main_metric_and_describes_its_data(task: tasks.Task) -> None:
    assert task.metrics
    assert len({metric.key for metric in task.metrics}) == len(task.metrics)
    assert task.examples


def test_every_architecture_has_a_known_task() -> None:
    # The hidden states of an encoder have no labelled data; regression and decisions are tasks of users' models.
    architectures = [zoo.find(name) for name in zoo.names()]
    tasks = {
        one.task_for(one.settings({key: value}))
        for one in architectures
        for key, option in one.options.items()
        for value in option.choices
    } | {one.task for one in architectures}
    assert tasks - {"encoding"} == set(TASKS) - {"regression", "decisions"}
