"""Synthetic images are close to the statistics of the batch norms, repeatable, and refused without batch norms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from calibration.samples import Samples
from export.metrics import compare
from export.model import reference
from export.pipeline import run
from export.progress import Quiet
from export.quantization import synthesis
from export.quantization.synthesis.descent import octaves
from export.quantization.synthesis.statistics import Statistics
from export.recipe import Recipe
from export.runtime.run_file import measure
from export.scheme import INT8
from tests.faults.networks import fashion, tiny_mobilenet
from zoo import find
from zoo.errors import UsageProblemError
from zoo.preprocessing import ColourOrder, Preprocessing

COUNT = 4
ARCHITECTURE = find("mobilenet")
PREPROCESSING = ARCHITECTURE.preprocess(**ARCHITECTURE.tiny)
# Measured: noise is .48 away from the statistics of the small MobileNet's batch norms, the images .028.
NEARER = 10
# Measured on 32 photos of clothes: 21.1 dB and all predictions equal; with unchanged noise 14.8 dB.
SQNR_DB, SAME_TOP1 = 17.0, 0.95


@pytest.fixture(scope="module")
def trained() -> keras.Model:
    return tiny_mobilenet()


@pytest.fixture(scope="module")
def made(trained: keras.Model) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return stacked(trained, PREPROCESSING, COUNT)


def stacked(
    model: keras.Model, preprocessing: Preprocessing, count: int, seed: int = 0
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.stack(list(synthesis.images(model, preprocessing, count, seed=seed, progress=Quiet())))


def test_synthetic_images_are_closer_to_the_statistics_than_noise(
    trained: keras.Model, made: np.ndarray[Any, Any]
) -> None:
    statistics = Statistics.of(trained)
    noise = octaves(np.random.default_rng(0), COUNT, PREPROCESSING.shape).astype(np.uint8)
    before, after = (float(statistics.distance(PREPROCESSING.normalise(photos))) for photos in (noise, made))
    print(f"noise {before:.3f}, images {after:.3f}")
    assert after < before / NEARER


def test_the_same_seed_gives_the_same_images(trained: keras.Model, made: np.ndarray[Any, Any]) -> None:
    assert np.array_equal(stacked(trained, PREPROCESSING, COUNT), made)


def normed(mean: list[float], variance: list[float]) -> keras.Model:
    """Return a model whose only batch norm sees its input."""
    image = keras.Input((16, 16, 3), name="image")
    norm = layers.BatchNormalization()
    x = layers.Dense(2)(layers.GlobalAveragePooling2D()(norm(image)))
    model = keras.Model(image, x)
    ones, zeros = np.ones(3), np.zeros(3)
    norm.set_weights([ones, zeros, np.array(mean), np.array(variance)])
    return model


@pytest.mark.parametrize("colours", ["RGB", "BGR"])
def test_synthetic_images_have_the_mean_colours_of_the_training_data(colours: ColourOrder) -> None:
    preprocessing = Preprocessing(height=16, width=16, colours=colours, scale=(1 / 127.5,), offset=(-1.0,))
    photos = stacked(normed([-0.5, 0.0, 0.4], [0.1, 0.05, 0.1]), preprocessing, 2)
    inputs = preprocessing.normalise(photos)
    assert inputs.mean(axis=(0, 1, 2)) == pytest.approx([-0.5, 0.0, 0.4], abs=0.03)
    assert inputs.var(axis=(0, 1, 2)) == pytest.approx([0.1, 0.05, 0.1], rel=0.15)


def test_batch_norms_of_an_inner_model_are_found(trained: keras.Model) -> None:
    outer = keras.Sequential([keras.Input(PREPROCESSING.shape), trained])
    assert len(Statistics.of(outer).moments) == len(Statistics.of(trained).moments) > 0


@pytest.mark.parametrize("variance", [1.0, 0.999])
def test_batch_norms_that_were_folded_or_never_trained_are_refused(variance: float) -> None:
    words = "those of this one were folded into its layers, or never trained; leave --calibration out for the built-in"
    with pytest.raises(UsageProblemError, match=words):
        Statistics.of(normed([0.0] * 3, [variance] * 3))


def test_a_batch_norm_with_a_mean_only_is_used() -> None:
    assert len(Statistics.of(normed([0.0, 0.1, 0.0], [1.0] * 3)).moments) == 1


def vector() -> keras.Model:
    given = keras.Input((4,), name="vector")
    return keras.Model(given, layers.BatchNormalization()(layers.Dense(3)(given)))


def plain() -> keras.Model:
    image = keras.Input((16, 16, 3), name="image")
    return keras.Model(image, layers.Dense(3)(layers.Flatten()(image)))


@pytest.mark.parametrize(
    ("build", "preprocessing", "expected"),
    [
        (
            plain,
            "tf",
            "from the statistics of a model's batch norms, and this one has none; leave --calibration out",
        ),
        (plain, None, "the preprocessing from photos to this model's input is not known"),
        (vector, None, "this model takes no photos"),
    ],
)
def test_a_model_that_does_not_take_images_is_refused(
    build: Callable[[], keras.Model], preprocessing: str | None, expected: str, tmp_path: Path
) -> None:
    build().save(tmp_path / "model.keras")
    recipe = Recipe(
        model=str(tmp_path / "model.keras"), preprocessing=preprocessing, calibration="synthetic", out=tmp_path / "out"
    )
    with pytest.raises(UsageProblemError, match=expected):
        run(recipe)
    assert not (tmp_path / "out").exists()


@pytest.mark.large
def test_int8_files_calibrated_without_data_keep_the_predictions_on_real_photos(
    trained: keras.Model, tmp_path: Path
) -> None:
    trained.save(tmp_path / "clothes.keras")
    recipe = Recipe(
        model=str(tmp_path / "clothes.keras"),
        preprocessing="tf",
        schemes=(INT8,),
        formats=("tflite",),
        calibration="synthetic",
        calibration_count=24,
        reconstruct=False,
        probe_count=8,
        out=tmp_path,
    )
    delivery = run(recipe)
    assert delivery.passed
    assert delivery.folder is not None
    (file,) = delivery.manifest["files"]
    assert {"fidelity", "storage", "convention", "calibration"} <= {check["id"] for check in file["checks"]}
    assert delivery.manifest["calibration"]["source"].startswith("synthetic images")
    assert any("synthetic" in warning for warning in delivery.manifest["probe"]["warnings"])
    photos = fashion(PREPROCESSING)[1]
    samples = Samples(
        inputs={"image": PREPROCESSING.normalise(photos)}, photos=photos, photo_input="image", source="tests", seed=0
    )
    samples.save(tmp_path / "samples")
    (expected,) = reference.outputs(trained, samples).values()
    (found,) = measure(delivery.folder / file["file"], tmp_path / "samples", camera_bytes=True).real.values()
    compared = compare(reference=expected, actual=found)
    print(f"{compared.sqnr_db:.1f} dB, same answers {compared.top1_agreement}")
    assert compared.sqnr_db > SQNR_DB
    assert compared.top1_agreement is not None
    assert compared.top1_agreement > SAME_TOP1
