"""`zoo run` prints predictions for photos, and a clear error for unusable inputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from export.analysis.tasks.classification.outputs import probabilities
from export.bundle.predict import choose
from export.bundle.read import read
from export.cli.main import main

FASHION = Path(__file__).parents[1] / "data" / "fashion_mnist_500.npz"
COUNT = 30
Change = Callable[[Callable[[dict[str, Any]], object]], None]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The first test images of Fashion-MNIST, as files."""
    folder = tmp_path_factory.mktemp("photos")
    with np.load(FASHION) as arrays:
        for index, photo in enumerate(arrays["photos"][:COUNT]):
            Image.fromarray(photo[..., 0]).save(folder / f"{index:02}.png")
    return sorted(folder.iterdir())


def _labels() -> list[int]:
    with np.load(FASHION) as arrays:
        return [int(label) for label in arrays["labels"][:COUNT]]


@pytest.mark.parametrize("name", ["lenet5-int8.tflite", "lenet5-int8.onnx", "lenet5-float32.tflite"])
def test_photos_are_classified_with_class_names(
    name: str, exported: Path, photos: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(exported), *map(str, photos), "--file", name, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    names = (exported / "labels.txt").read_text().splitlines()
    best = [prediction["guesses"][0] for prediction in found["answers"]]
    right = [guess["index"] == label for guess, label in zip(best, _labels(), strict=True)]
    assert sum(right) >= 0.8 * COUNT  # LeNet-5 is right on 90 % of the test images
    assert all(guess["name"] == names[guess["index"]] for guess in best)
    assert all(prediction["milliseconds"] > 0 for prediction in found["answers"])
    assert all(len(prediction["guesses"]) == 5 for prediction in found["answers"])
    # Five of ten classes have most of the total probability of 1.
    assert all(0.8 < sum(guess["probability"] for guess in one["guesses"]) <= 1.01 for one in found["answers"])


def test_table_shows_names_probabilities_and_time(
    exported: Path, photos: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(exported), str(photos[0]), "--top", "3"]) == 0
    title, best, *others = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert "00.png  (lenet5-int8.tflite, " in title
    assert title.endswith(" ms)")
    assert best.split()[1] == "%"
    assert best.rstrip().endswith("Ankle boot")
    assert len(others) == 2


def test_int8_tflite_runs_by_default(exported: Path) -> None:
    delivered = read(exported)
    assert choose(delivered, None).path.name == "lenet5-int8.tflite"
    assert choose(delivered, "lenet5-float32.onnx").path.name == "lenet5-float32.onnx"


def test_arrays_give_the_same_outputs_as_photos(exported: Path, photos: list[Path], tmp_path: Path) -> None:
    with np.load(FASHION) as arrays:
        np.savez(tmp_path / "in.npz", image=arrays["photos"][:COUNT])
    assert main(["run", str(exported), str(tmp_path / "in.npz"), "--out", str(tmp_path / "one.npz")]) == 0
    assert main(["run", str(exported), *map(str, photos), "--out", str(tmp_path / "two.npz")]) == 0
    one, two = (np.load(tmp_path / name)["logits"] for name in ("one.npz", "two.npz"))
    assert one.shape == (COUNT, 10)
    assert np.array_equal(one, two)


def test_arrays_print_the_range_of_every_output(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with np.load(FASHION) as arrays:
        np.savez(tmp_path / "in.npz", image=arrays["photos"][:COUNT])
    assert main(["run", str(exported), str(tmp_path / "in.npz"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["samples"] == COUNT
    assert [(output["name"], output["shape"]) for output in found["outputs"]] == [("logits", [COUNT, 10])]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.0, 0.25, 0.75], [0.0, 0.25, 0.75]),
        ([0.0, np.log(3), -np.inf], [0.25, 0.75, 0.0]),
        ([1000.0, 1000.0], [0.5, 0.5]),
    ],
)
def test_only_logits_are_converted_to_probabilities(scores: list[float], expected: list[float]) -> None:
    assert probabilities(np.array(scores)) == pytest.approx(expected)


def _save(path: Path, content: Any) -> str:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.savez(path, **content)
    return str(path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("broken.jpg", b"\xff\xd8\xff\xe0 no photo", "cannot be read as a photo"),
        ("empty.png", b"", "cannot be read as a photo"),
        ("shape.npz", {"image": np.zeros((2, 28, 28, 1), np.uint8)}, "has the shape (N, 28, 28, 1)"),
        ("scale.npz", {"image": np.full((2, 32, 32, 1), 255, np.float32)}, "this model's preprocessing gives 0 to 1"),
        ("names.npz", {"a": np.zeros((1, 32, 32, 1)), "b": np.zeros((1, 32, 32, 1))}, "no array named 'image'"),
        ("broken.npz", b"PK no archive", "cannot be read as .npz"),
    ],
)
def test_unusable_input_is_a_usage_error(
    name: str, content: Any, words: str, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(exported), _save(tmp_path / name, content)]) == 2
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1
    assert name in complaint
    assert words in complaint


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.jpg"], "there is no photo 'nowhere.jpg'"),
        (["."], "is a folder; type photos"),
        (["nowhere.npz"], "no such file"),
        (["x.npz", "y.jpg"], "cannot be combined with other inputs"),
        (["x.jpg", "--file", "lenet5-int.tflite"], "did you mean 'lenet5-int8.tflite'"),
        ([], "missing argument 'PHOTO|SOUND|TEXT...'"),
    ],
)
def test_wrong_argument_is_rejected_with_a_message(
    arguments: list[str], words: str, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(exported), *arguments]) == 2
    assert words in capsys.readouterr().err


def test_class_names_of_the_wrong_count_are_rejected(
    copy: Path, photos: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / "labels.txt").write_text("cat\ndog\n")
    assert main(["run", str(copy), str(photos[0])]) == 2
    assert "contains 2 names for 10 classes" in capsys.readouterr().err


def test_model_without_class_names_prints_class_numbers(
    copy: Path, photos: list[Path], edit: Change, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(lambda manifest: manifest["companions"].pop("labels.txt"))
    assert main(["run", str(copy), str(photos[0])]) == 0
    assert "class 9" in capsys.readouterr().out


@pytest.mark.parametrize("more", [[], ["--json"], ["--out", "out.npz"]])
def test_running_a_failed_file_prints_a_warning(
    more: list[str],
    copy: Path,
    photos: list[Path],
    edit: Change,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(copy.parent)
    assert main(["run", str(copy), str(photos[0]), *more]) == 0
    assert capsys.readouterr().err == ""

    def fail(manifest: dict[str, Any]) -> None:
        for file in manifest["files"]:
            file["checks"][0]["passed"] = False

    edit(fail)
    assert main(["run", str(copy), str(photos[0]), *more]) == 0
    warning = capsys.readouterr().err
    assert warning.startswith("warning: lenet5-int8.tflite failed its proof at the export: ")
    assert warning.count("\n") == 1


def test_changed_file_is_not_run(copy: Path, photos: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "lenet5-int8.tflite").write_bytes((copy / "lenet5-float32.tflite").read_bytes())
    assert main(["run", str(copy), str(photos[0])]) == 1
    assert "see: zoo verify" in capsys.readouterr().err


def test_model_with_unknown_preprocessing_requests_arrays(
    copy: Path, photos: list[Path], edit: Change, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(lambda manifest: manifest.update(inputs={"image": {"kind": "vector"}}))
    assert main(["run", str(copy), str(photos[0])]) == 2
    assert "give an .npz with image: float32 (N, 32, 32, 1)" in capsys.readouterr().err
