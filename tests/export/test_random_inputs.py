"""Export of a model with a random input: proof, manifest, and photos through a delivered file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from calibration.samples import Samples
from export.bundle import given, predict, verify
from export.bundle.read import Delivered, read
from export.pipeline import run
from export.progress import Quiet
from export.recipe import Recipe
from export.scheme import FLOAT32, INT8
from zoo import vae
from zoo.inputs import Random
from zoo.pretraining.generation import evaluate as score_pictures
from zoo.weights import load as load_weights

DATA = Path(__file__).parents[1] / "data"
MADE = (FLOAT32, INT8)


@pytest.fixture(scope="module")
def clothes() -> np.ndarray:
    """Forty photos of clothes without their frame."""
    with np.load(DATA / "fashion_mnist_500.npz") as arrays:
        photos: np.ndarray = arrays["photos"][:40, 2:30, 2:30]
    return photos


@pytest.fixture(scope="module")
def delivered(clothes: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    out, folder = tmp_path_factory.mktemp("artifacts"), tmp_path_factory.mktemp("clothes")
    for index, photo in enumerate(clothes):
        Image.fromarray(photo[..., 0]).save(folder / f"{index}.png")
    few = {"calibration_count": 32, "probe_count": 16}
    delivery = run(Recipe(model="vae", schemes=MADE, evaluate=str(folder), out=out, **few))
    assert delivery.passed
    assert delivery.folder is not None
    return read(delivery.folder)


def test_manifest_describes_the_random_input(delivered: Delivered) -> None:
    assert delivered.inputs["noise"] == Random(distribution="standard normal")
    for file in delivered.files:
        assert {spec.name for spec in file.inputs} == {"image", "noise"}
        assert {spec.name for spec in file.outputs} == {"reconstruction", "mean", "log_variance"}
        made = {(check["id"], check["subject"]) for check in _checks(delivered, file.path.name)}
        assert (("convention", "input image") in made) == (file.scheme == INT8)


def test_delivered_files_pass_verification(delivered: Delivered) -> None:
    assert verify.verify(delivered, Quiet()).passed


def test_photo_alone_gives_equal_outputs_twice(delivered: Delivered, tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 30), np.uint8)).save(tmp_path / "photo.png")
    for file in delivered.files:
        taken = [given.from_photos(delivered, file, [tmp_path / "photo.png"]) for _ in range(2)]
        assert taken[0].samples.digest == taken[1].samples.digest
        assert taken[0].samples.inputs["noise"].shape == (1, 16)
        first, second = (predict.run(file, one.samples).real for one in taken)
        assert all(np.array_equal(first[name], second[name]) for name in first)


def test_random_input_of_an_integer_file_is_not_the_photo(delivered: Delivered) -> None:
    photos = np.zeros((2, 28, 28, 1), np.uint8)
    noise = np.array([[-2.0] * 16, [2.0] * 16], np.float32)
    samples = Samples(
        inputs={"image": vae.preprocess().normalise(photos), "noise": noise},
        photos=photos,
        photo_input="image",
        source="black",
        seed=0,
    )
    for file in delivered.files:
        real = predict.run(file, samples).real
        assert np.array_equal(real["mean"][0], real["mean"][1])
        assert np.abs(real["reconstruction"][0] - real["reconstruction"][1]).max() > 1


def test_autoencoder_and_its_files_reach_the_scores_of_training(delivered: Delivered, clothes: np.ndarray) -> None:
    architecture = zoo.find("vae")
    model = architecture.build()
    load_weights(model, architecture)
    psnr, bound = score_pictures(model, architecture.preprocess(), clothes)
    found, files = delivered.manifest["evaluation"], delivered.manifest["files"]
    assert (found["task"], found["count"]) == ("generation", 40)
    # Other noise, so not the same numbers.
    assert found["scores"]["psnr_db"] == pytest.approx(psnr, abs=0.5)
    assert found["scores"]["elbo"] == pytest.approx(bound, abs=3)
    assert len(files) == 4
    for file in files:
        assert file["scores"]["psnr_db"] == pytest.approx(found["scores"]["psnr_db"], abs=0.5)
        assert file["scores"]["elbo"] == pytest.approx(found["scores"]["elbo"], abs=5)
        assert all(one["top1_agreement"] is None for one in file["comparisons"].values())


def _checks(delivered: Delivered, name: str) -> list[dict[str, str]]:
    (record,) = (record for record in delivered.manifest["files"] if record["file"] == name)
    checks: list[dict[str, str]] = record["checks"]
    return checks
