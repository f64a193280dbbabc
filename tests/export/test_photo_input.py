"""The photo goes to the input whose contract is a photo, wherever it stands among the inputs of a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from export.bundle.golden import read as read_golden
from export.cli.main import main
from export.formats import FORMATS
from export.metrics import compare
from export.pipeline import Delivery, run
from export.recipe import Recipe
from export.scheme import FLOAT32, INT8
from zoo.architecture import ARCHITECTURES, Architecture
from zoo.errors import UsageProblemError
from zoo.inputs import Input, Photo, Random, Vector
from zoo.preprocessing import conventions

SHAPE = (8, 8, 1)
COUNT = 40
# The input before the photo has the photo's shape, so that a photo in its place would not be noticed by its shape.
FIRST: dict[str, Input] = {"made_up": Random(), "given": Vector()}


def build() -> Any:
    """Return a classifier that weighs the photo and the other input differently."""
    import keras
    from keras import layers

    first, image = keras.Input(SHAPE, name="first"), keras.Input(SHAPE, name="image")
    seen = layers.Dense(5, name="of_image")(layers.Flatten()(layers.Conv2D(4, 3, activation="relu")(image)))
    known = layers.Dense(5, name="of_first")(layers.Flatten()(first))
    return keras.Model([first, image], layers.Add(name="logits")([seen, known]), name="two_inputs")


@pytest.fixture(scope="module", params=FIRST)
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """Register the architecture, with the contract of its first input."""
    photo = Photo(preprocessing=conventions.preprocessing("unit", SHAPE))
    architecture = Architecture(
        name="two_inputs",
        title="Two inputs",
        task="classification",
        paper="none",
        build=build,
        inputs=lambda: {"first": FIRST[request.param], "image": photo},
        parameter_count=build().count_params(),
    )
    with ARCHITECTURES.registered(architecture.name, architecture):
        yield request.param


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photos, and the same photos as bytes in an .npz with values of the first input."""
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(1)  # 0 would give the noise of --random-calibration
    pixels = generator.integers(0, 256, (COUNT, *SHAPE), np.uint8)
    for number, photo in enumerate(pixels):
        Image.fromarray(photo[..., 0]).save(folder / f"{number:02}.png")
    np.savez(folder / "arrays.npz", first=generator.normal(size=(COUNT, *SHAPE)).astype(np.float32), image=pixels)
    return folder


@pytest.fixture(scope="module")
def delivery(kind: str, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    source = photos if kind == "made_up" else photos / "arrays.npz"
    out = tmp_path_factory.mktemp("out")
    return run(Recipe(model="two_inputs", schemes=(FLOAT32, INT8), calibration=str(source), out=out))


def folder_of(delivery: Delivery) -> Path:
    assert delivery.folder is not None
    return delivery.folder


def test_an_int8_file_that_takes_bytes_is_close_to_the_model(delivery: Delivery) -> None:
    assert delivery.passed
    files = {one.format: one for one in delivery.artifacts if one.scheme == INT8}
    assert set(files) == set(FORMATS)
    for file in files.values():
        assert file.takes_camera_bytes
        assert [check.subject for check in file.checks if check.id == "convention"] == ["input image"]
        assert file.comparisons["logits"].sqnr_db > 25  # about 40; about 0 with the photo in the wrong input


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_delivered_int8_file_runs_on_photos_and_arrays(
    file_format: str, kind: str, delivery: Delivery, photos: Path, tmp_path: Path
) -> None:
    given = [photos / "arrays.npz"] if kind == "given" else sorted(photos.glob("*.png"))
    found = {}
    for scheme in (FLOAT32, INT8):
        name, out = f"two_inputs-{scheme}{FORMATS[file_format].suffix}", tmp_path / f"{scheme}.npz"
        folder = str(folder_of(delivery))
        assert main(["run", folder, *map(str, given), "--file", name, "--out", str(out)]) == 0
        found[scheme] = np.load(out)["logits"]
    assert len(found[INT8]) == COUNT
    assert compare(reference=found[FLOAT32], actual=found[INT8]).sqnr_db > 25


def test_photos_alone_are_refused_for_a_model_that_needs_more(
    kind: str, delivery: Delivery, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = {"made_up": 0, "given": 2}[kind]
    assert main(["run", str(folder_of(delivery)), str(photos / "00.png")]) == expected
    if expected:
        said = " ".join(capsys.readouterr().err.split())
        assert "takes other inputs beside a photo: give an .npz with first: float32 (N, 8, 8, 1); image" in said


def test_delivered_files_are_verified_and_timed(delivery: Delivery, capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_of(delivery)
    golden = read_golden(folder / "golden.npz")
    assert golden.photos is not None
    assert main(["verify", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [check["id"] for check in found["checks"]].count("preprocessing") == 1
    assert main(["bench", str(folder), "--runs", "1"]) == 0


def test_wrong_golden_photos_are_caught(delivery: Delivery, tmp_path: Path) -> None:
    import shutil

    copy = Path(shutil.copytree(folder_of(delivery), tmp_path / "copy"))
    with np.load(copy / "golden.npz") as file:
        arrays: dict[str, Any] = dict(file)
    arrays["photos"] = 255 - arrays["photos"]
    np.savez(copy / "golden.npz", **arrays)
    assert main(["verify", str(copy)]) == 1


def test_labelled_photos_are_refused_for_a_model_that_needs_more(kind: str, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(f"file,class_index\n{photos / '00.png'},0\n")
    with pytest.raises(UsageProblemError, match="--evaluate needs a classifier of photos: one image input"):
        run(Recipe(model="two_inputs", calibration=str(photos / "arrays.npz"), evaluate=str(tmp_path / "labels.csv")))
