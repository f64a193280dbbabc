"""Export of a detector: files are evaluated by average precision, and `zoo run` prints objects."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import zoo
from export.analysis.tasks import TASKS
from export.bundle import predict
from export.bundle.read import read
from export.cli.main import main
from zoo import class_names
from zoo.detection.boxes import on_photo, overlap
from zoo.detection.heads import Detection
from zoo.detection.scenes import Scenes, scatter
from zoo.detection.scenes import write as scenes_on_disk
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.pretraining.detection import evaluate
from zoo.weights import load

FASHION = Path(__file__).parents[1] / "data" / "fashion_mnist_500.npz"
SIDE = 64
COUNT = 80


def scenes(photos: str, seed: int) -> Scenes:
    """Return clothes on dark grey."""
    with np.load(FASHION) as arrays:
        pictures = arrays[photos][..., 0]
        labels = arrays["labels"] if photos == "photos" else np.zeros(len(pictures), np.int64)
    rng = np.random.default_rng(seed)
    grounds = np.repeat(rng.integers(40, 120, (COUNT, 1, 1, 1)), 3, -1).astype(np.uint8)
    return scatter(pictures, labels.astype(np.int64), grounds.repeat(SIDE, 1).repeat(SIDE, 2), rng, most=2)


def write(folder: Path, drawn: Scenes) -> Path:
    scenes_on_disk(drawn, folder, class_names.read("fashion_mnist"))
    return folder


pytestmark = pytest.mark.large


@pytest.fixture(scope="module")
def drawn() -> Scenes:
    return scenes("photos", 1)


@pytest.fixture(scope="module")
def boxed(drawn: Scenes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("scenes") / "test", drawn)


@pytest.fixture(scope="module")
def exported(boxed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an export of the tiny variant, evaluated."""
    out = tmp_path_factory.mktemp("artifacts")
    seen = write(out / "calibration", scenes("calibration_photos", 2))
    arguments = ["--weights", "tiny", "--int8", "--calibration", str(seen / "images"), "--evaluate", str(boxed)]
    assert main(["export", "yolo_v4_tiny", *arguments, "--out", str(out)]) == 0
    return out / "yolo_v4_tiny-tiny"


def test_model_and_every_file_are_evaluated_by_average_precision(exported: Path, drawn: Scenes) -> None:
    manifest = json.loads((exported / "manifest.json").read_text())
    architecture = zoo.find("yolo_v4_tiny")
    options = dict(architecture.tiny)
    model, detection = architecture.build(**options), architecture.detection(**options)
    load(model, architecture, "tiny")
    reached = evaluate(model, architecture.preprocess(**options), detection, drawn)
    scores = manifest["evaluation"]["scores"]
    assert manifest["evaluation"]["count"] == COUNT
    assert scores["ap50"] == pytest.approx(reached, abs=1e-6)
    assert scores["ap50"] > 0.3
    assert 0.1 < scores["ap"] < scores["ap50"]
    files = [*manifest["files"], *manifest["not_delivered"]]
    assert len(files) == 4
    for file in files:
        most = 1e-3 if file["precision"] == "float32" else 0.05
        assert file["scores"]["ap"] == pytest.approx(scores["ap"], abs=most)


def test_manifest_describes_the_detector_outputs(exported: Path) -> None:
    architecture = zoo.find("yolo_v4_tiny")
    delivered = read(exported)
    assert delivered.task == "detection"
    meaning = Detection.from_record(delivered.meaning or {})
    assert meaning == architecture.detection(**architecture.tiny)
    assert {spec.name for spec in delivered.files[0].outputs} == {head.output for head in meaning.heads}


@pytest.mark.parametrize("described", [True, False])
def test_older_manifest_is_read(described: bool, exported: Path, tmp_path: Path) -> None:
    """Older manifests name no task, and describe the outputs of detectors only, or of no model."""
    copy = Path(shutil.copytree(exported, tmp_path / "copy"))
    record = json.loads((copy / "manifest.json").read_text())
    meaning = record.pop("meaning")
    del record["task"]
    if described:
        record["detection"] = meaning
    (copy / "manifest.json").write_text(json.dumps(record))
    delivered = read(copy)
    reader = predict.reader(delivered, delivered.files[0], photos=True)
    assert (reader.task.name if reader else None) == ("detection" if described else None)


def test_damaged_description_of_the_outputs_is_a_usage_error(
    exported: Path, boxed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(exported, tmp_path / "copy")
    record = json.loads((exported / "manifest.json").read_text())
    del record["meaning"]["heads"][0]["anchors"]
    (tmp_path / "copy" / "manifest.json").write_text(json.dumps(record))
    photo = next((boxed / "images").iterdir())
    assert main(["run", str(tmp_path / "copy"), str(photo)]) == 2
    assert "is damaged (KeyError: 'anchors'); export the model again" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("name", ["yolo_v4_tiny-tiny-int8.tflite", "yolo_v4_tiny-tiny-int8.onnx"])
def test_detected_boxes_match_the_labels_in_pixels_of_the_photo(
    name: str, exported: Path, drawn: Scenes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A photo three times as wide as the input: boxes are printed in pixels of the photo."""
    wide = []
    for index, photo in enumerate(drawn.photos[:30]):
        wide.append(tmp_path / f"{index}.png")
        Image.fromarray(photo).resize((3 * SIDE, 2 * SIDE), Image.Resampling.BILINEAR).save(wide[-1])
    capsys.readouterr()
    assert main(["run", str(exported), *map(str, wide), "--file", name, "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)["answers"]
    hits, named = 0, 0
    objects = [
        (truth, one) for truth, answer in zip(drawn.truth[:30], answers, strict=True) for one in answer["objects"]
    ]
    for truth, one in objects:
        ratios = overlap(np.array([one["box"]], float), on_photo(truth.boxes, 3 * SIDE, 2 * SIDE))[0]
        hits += ratios.max() > 0.5
        named += one["index"] == truth.classes[ratios.argmax()]
        assert one["name"] == class_names.read("fashion_mnist")[one["index"]]
        assert one["score"] > 0.25
    assert len(objects) > 20
    assert hits > 0.7 * len(objects)
    assert named > 0.4 * len(objects)


def test_table_shows_names_and_boxes(exported: Path, boxed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(exported), *map(str, sorted((boxed / "images").iterdir())[:8]), "--top", "2"]) == 0
    words = capsys.readouterr().out
    assert "000.png  (yolo_v4_tiny-tiny-int8.tflite, " in words
    assert " %  " in words
    assert ", y " in words


def outputs_of(count: int, **change: Any) -> dict[str, np.ndarray]:
    zeros = {"stride_32": np.zeros((count, 2, 2, 45)), "stride_16": np.zeros((count, 4, 4, 45))}
    return zeros | change


def test_outputs_that_cannot_be_evaluated_are_rejected(boxed: Path, tmp_path: Path) -> None:
    architecture = zoo.find("yolo_v4_tiny")
    options = dict(architecture.tiny)
    subject: Any = SimpleNamespace(
        model=architecture.build(**options),
        preprocessing=architecture.preprocess(**options),
        meaning=architecture.detection(**options).record(),
        labels=class_names.read("fashion_mnist"),
    )
    truth = TASKS["detection"].find(subject, str(boxed)).write(tmp_path / "work", exclude=(), seed=0)
    assert truth.scores(outputs_of(COUNT))["ap"] < 0.05
    with pytest.raises(CheckFailedError, match=f"'stride_32' has {COUNT - 1} predictions for {COUNT} photos"):
        truth.scores(outputs_of(COUNT - 1))
    with pytest.raises(CheckFailedError, match="NaN or infinity"):
        truth.scores(outputs_of(COUNT, stride_16=np.full((COUNT, 4, 4, 45), np.nan)))
    subject.meaning = None
    with pytest.raises(UsageProblemError, match="needs a detector of the zoo"):
        TASKS["detection"].find(subject, str(boxed))
