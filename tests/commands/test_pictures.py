"""The report shows the samples with the largest errors, with photos only where they are built in."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from calibration.samples import Array, Samples
from calibration.sources import builtin
from calibration.sources.builtin import Crop
from export.analysis.deviations.predictions import Pairing
from export.analysis.deviations.run import Deviation, Deviations
from export.analysis.deviations.sample_errors import SampleError
from export.analysis.tasks.classification.outputs import best
from export.analysis.tasks.classification.outputs import prediction as of_classes
from export.analysis.tasks.detection.outputs import DetectedObject
from export.analysis.tasks.detection.outputs import prediction as of_objects
from export.analysis.tasks.embedding.task import EMBEDDING
from export.analysis.tasks.prediction import Described, Prediction
from export.analysis.tasks.segmentation.outputs import prediction as of_pixels
from export.bundle import pictures, report_match
from export.bundle.golden_photo import GoldenPhoto
from export.bundle.read import read
from export.bundle.report.deviation_part import part
from export.bundle.report.page import page
from export.bundle.verify import verify
from export.cli.main import main
from export.model.tensor_spec import TensorSpec
from export.progress import Quiet
from tests.commands.edits import Folder

PHOTO = GoldenPhoto(name="golden_photo.png", content=b"", crop=Crop(box=(0, 0, 8, 8), mirrored=False))
LABELS = ("cat", "dog", "fox", "owl")


def deviations(model: Prediction, file: Prediction, row: int = 4) -> Deviations:
    error = SampleError(row=row, share=0.25, sqnr_db=12.5, output="scores")
    found = Deviation(error=error, pairing=Pairing(model=model, file=file))
    return Deviations(file="net-int8.tflite", confusions={}, samples=(found,))


def classes(*scores: float) -> Prediction:
    return of_classes(best(np.array(scores), LABELS, 3))


def probe(side: int, channels: int = 3) -> Samples:
    photos = np.random.default_rng(0).integers(0, 256, (6, side, side, channels)).astype(np.uint8)
    inputs = {"image": photos.astype(np.float32)}
    return Samples(inputs=inputs, photos=photos, photo_input="image", source=builtin.SOURCE, seed=0)


def manifest(found: Deviations, names: Any) -> dict[str, Any]:
    return {
        "deviations": json.loads(json.dumps(found.record(names))),
        "probe": {"count": 6, "source": "photos"},
        "files": [{"file": "net-int8.tflite", "precision": "int8"}],
        "not_delivered": [],
    }


def test_photos_of_the_user_never_travel() -> None:
    found = deviations(classes(0.8, 0.1, 0.1, 0), classes(0.1, 0.8, 0.1, 0))
    assert pictures.of_samples(found, probe(224), None).files == {}
    assert set(pictures.of_samples(found, probe(224), PHOTO).files) == {"sample_5.jpg"}


@pytest.mark.parametrize(("side", "channels", "suffix"), [(224, 3, ".jpg"), (224, 1, ".jpg"), (32, 1, ".png")])
def test_the_photo_is_that_of_the_sample_and_small(side: int, channels: int, suffix: str) -> None:
    samples = probe(side, channels)
    found = deviations(classes(0.8, 0.1, 0.1, 0), classes(0.8, 0.1, 0.1, 0), row=4)
    content = pictures.of_samples(found, samples, PHOTO).files[f"sample_5{suffix}"]
    assert len(content) < 30_000  # of noise; photos pack better
    picture = Image.open(io.BytesIO(content))
    assert max(picture.size) <= 192
    assert samples.photos is not None
    expected = [Image.fromarray(one.squeeze()).resize(picture.size) for one in samples.photos]
    off = [np.abs(np.asarray(one, float) - np.asarray(picture, float)).mean() for one in expected]
    assert int(np.argmin(off)) == 4


def test_both_predictions_are_shown_with_probabilities() -> None:
    found = deviations(classes(0.8, 0.1, 0.1, 0), classes(0.1, 0.7, 0.2, 0))
    made = pictures.of_samples(found, probe(224), PHOTO)
    shown = part(manifest(found, made.names), made.files)
    assert shown is not None
    (sample,) = shown.samples
    assert sample.photo.startswith("data:image/jpeg;base64,")
    assert sample.is_changed
    assert [side.heading for side in sample.sides] == ["Keras model", "int8"]
    assert [[(line.title, line.words) for line in side.lines[:2]] for side in sample.sides] == [
        [("cat", "80 %"), ("dog", "10 %")],
        [("dog", "70 %"), ("fox", "20 %")],
    ]
    assert sample.lines == ["25 % of the error", "SQNR 12.5 dB"]


def test_boxes_lie_on_the_photo_in_its_pixels() -> None:
    one = DetectedObject(index=0, name="cat", score=0.9, box=(10, 20, 110, 220))
    found = deviations(of_objects([one]), of_objects([]))
    made = pictures.of_samples(found, probe(224), PHOTO)
    shown = part(manifest(found, made.names), made.files)
    assert shown is not None
    (sample,) = shown.samples
    assert sample.size == (224, 224)
    assert sample.boxes == [("model", (10, 20, 100, 200))]
    assert sample.sides[1].nothing == "no object detected"
    assert sample.is_changed


def test_objects_on_photos_of_the_user_have_their_place_in_words() -> None:
    one = DetectedObject(index=0, name="cat", score=0.9, box=(10, 20, 110, 220))
    shown = part(manifest(deviations(of_objects([one]), of_objects([one])), {}), {})
    assert shown is not None
    (line,) = shown.samples[0].sides[0].lines
    assert (line.title, line.words) == ("cat (x 10 to 110, y 20 to 220)", "90 %")


def test_vectors_are_compared_with_those_of_the_other_samples() -> None:
    vectors = {"vector": np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])}
    described = Described(file="net-int8.tflite", outputs=(TensorSpec(name="vector", shape=(1, 2), dtype="float32"),))
    names = [f"sample {number}" for number in (1, 2, 3)]
    found = EMBEDDING.read(vectors, described, class_names=(), photo_sizes=(), names=names, top=3)
    shown = part(manifest(deviations(found[0], found[2]), {}), {})
    assert shown is not None
    assert [(line.title, line.words) for line in shown.samples[0].sides[0].lines] == [
        ("sample 2", "cosine 0.800"),
        ("sample 3", "cosine 0.000"),
    ]


def test_masks_mark_the_pixels_that_differ() -> None:
    model = np.zeros((128, 128), np.intp)
    model[:64] = 1
    file = model.copy()
    file[:32, :32] = 0
    found = deviations(of_pixels(model, LABELS, 3), of_pixels(file, LABELS, 3))
    made = pictures.of_samples(found, probe(128), PHOTO)
    strip = np.asarray(Image.open(io.BytesIO(made.files["sample_5_masks.png"])))
    assert strip.shape == (128, 3 * 128 + 4, 3)
    white = (strip[:, 260:] == pictures.CHANGED).all(axis=-1)
    assert np.array_equal(white, model != file)
    assert found.record({})["samples"][0]["changed_pixels"] == 32 * 32 / 128**2
    assert pictures.of_samples(found, probe(128), None).files == {}


def test_a_drawing_that_is_too_large_for_a_page_is_left_out() -> None:
    assert pictures.of_diagram(None) == {}
    assert set(pictures.of_diagram(b"x" * pictures.MOST_BYTES)) == {"diagram.svg"}
    assert pictures.of_diagram(b"x" * (pictures.MOST_BYTES + 1)) == {}


def test_the_report_of_lenet_shows_its_samples(exported: Path) -> None:
    found = json.loads((exported / "manifest.json").read_text())
    shown = part(found, {})
    assert shown is not None
    assert shown.file == "lenet5-int8.tflite"
    assert len(shown.samples) == 6
    assert [sample.photo for sample in shown.samples] == [""] * 6  # Photos of the user have numbers only.
    labels = (exported / "labels.txt").read_text().splitlines()
    content = page(found, {})
    for sample in shown.samples:
        assert sample.title in content
        assert {line.title for side in sample.sides for line in side.lines} <= set(labels)


def _with_a_photo(folder: Folder, content: bytes) -> None:
    (folder.path / "sample_1.jpg").write_bytes(content)
    folder.manifest["deviations"]["samples"][0] |= {"photo": "sample_1.jpg", "size": [32, 32]}
    folder.manifest["companions"]["sample_1.jpg"] = ""
    folder.write()


def _jpeg(values: Array) -> bytes:
    packed = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(packed, "JPEG")
    return packed.getvalue()


def test_a_photo_that_the_report_does_not_show_is_seen(copy: Path) -> None:
    folder = Folder(copy)
    _with_a_photo(folder, _jpeg(np.zeros((32, 32, 3))))
    found = report_match.check(read(copy))[0]
    assert found.passed
    folder.has_old_report = True
    _with_a_photo(folder, _jpeg(np.full((32, 32, 3), 255)))
    found = report_match.check(read(copy))[0]
    assert not found.passed


def test_a_huge_picture_is_not_read(copy: Path) -> None:
    folder = Folder(copy)
    _with_a_photo(folder, b"\0" * (pictures.MOST_BYTES + 1))
    assert set(pictures.read(read(copy))) == {"diagram.svg"}


def test_only_files_of_the_folder_are_read(copy: Path) -> None:
    folder = Folder(copy)
    folder.manifest["diagram"] = "../../outside.svg"
    folder.write()
    assert pictures.read(read(copy)) == {}


def test_an_export_on_built_in_photos_shows_them(tmp_path: Path) -> None:
    few = ["--calibration-count", "16", "--probe-count", "16", "--no-reconstruct"]
    assert main(["export", "lenet5", "--int8", "--format", "tflite", *few, "--out", str(tmp_path)]) == 0
    folder = tmp_path / "lenet5"
    record = json.loads((folder / "manifest.json").read_text())
    samples = record["deviations"]["samples"]
    names = [sample["photo"] for sample in samples]
    assert names == [f"sample_{sample['number']}.png" for sample in samples]
    assert len(names) == 6
    assert set(names) <= set(record["companions"])
    assert (folder / "report.html").read_text().count("data:image/png;base64,") == 6
    assert verify(read(folder), Quiet()).passed
