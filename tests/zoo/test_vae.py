from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo import vae
from zoo.generation.noise import standard_normal
from zoo.generation.scores import EQUAL_PSNR_DB, elbo, psnr_db
from zoo.pretraining.generation import evaluate, fit, training_step
from zoo.weights import load, random_weights

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def clothes():
    with np.load(DATA / "fashion_mnist_500.npz") as stored:
        return stored["photos"][:, 2:30, 2:30]  # without the frame


@pytest.fixture
def model():
    built = vae.build()
    random_weights.fill(built, vae.preprocess(), seed=0)
    return built


@pytest.fixture
def images(clothes):
    return vae.preprocess().normalise(clothes[:6])


def test_with_the_same_noise_the_outputs_are_the_same(model, images):
    noise = standard_normal(model, len(images), np.random.default_rng(1))
    one, same = (model([images, noise], training=training) for training in (False, True))
    assert all(np.array_equal(first, second) for first, second in zip(one, same, strict=True))
    other = model([images, -noise])
    assert not np.array_equal(one[0], other[0])
    assert np.array_equal(one[1], other[1])
    assert np.array_equal(one[2], other[2])


def test_the_point_is_the_mean_plus_the_noise_times_the_deviation(model, images):
    import keras

    noise = standard_normal(model, len(images), np.random.default_rng(1))
    point = keras.Model(model.inputs, model.get_layer("point").output)([images, noise]).numpy()
    _, mean, log_variance = (output.numpy() for output in model([images, noise]))
    assert np.allclose(point, mean + np.sqrt(np.exp(log_variance)) * noise, atol=1e-5)


def test_noise_is_standard_normal(model):
    noise = standard_normal(model, 20_000, np.random.default_rng(0))
    assert noise.shape == (20_000, 16)
    assert abs(noise.mean()) < 0.01
    assert abs(noise.std() - 1) < 0.01


def test_the_shipped_weights_reconstruct_test_clothes(clothes):
    architecture = zoo.find("vae")
    trained = architecture.build()
    assert load(trained, architecture).trained
    psnr, bound = evaluate(trained, architecture.preprocess(), clothes)
    assert psnr > 17.5
    assert bound > -250


@pytest.mark.large
def test_training_raises_the_bound_and_is_repeatable(clothes):
    weights = []
    for _ in range(2):
        model = vae.build()
        random_weights.fill(model, vae.preprocess(), seed=0)
        _, before = evaluate(model, vae.preprocess(), clothes)
        fit(model, vae.preprocess(), clothes, epochs=4, batch=50)
        _, after = evaluate(model, vae.preprocess(), clothes)
        weights.append([weight.numpy() for weight in model.weights])
    assert after > before + 100
    assert all(np.array_equal(first, second) for first, second in zip(*weights, strict=True))


def test_the_training_loss_equals_the_metric(model, images):
    import keras

    noise = standard_normal(model, len(images), np.random.default_rng(1))
    measured = elbo(images, *(output.numpy() for output in model([images, noise])))
    assert float(training_step(model, keras.optimizers.Adam(1e-3))(images, noise)) == pytest.approx(measured, rel=1e-5)


def test_the_bound_equals_a_count_by_hand():
    pictures, latent = np.array([[0.0, 1.0], [0.0, 1.0]]).reshape(2, 2, 1, 1), np.zeros((2, 3))
    undecided = np.zeros_like(pictures)
    assert elbo(pictures, undecided, latent, latent) == pytest.approx(-2 * np.log(2), abs=1e-12)
    sure = np.array([[-50.0, 50.0], [50.0, -50.0]]).reshape(pictures.shape)
    assert elbo(pictures, sure, latent, latent) == pytest.approx(-100 / 2, abs=1e-12)  # right, and wrong twice by 50
    moved = elbo(pictures, undecided, latent + 2, latent)
    assert moved == pytest.approx(-2 * np.log(2) - 3 * 2**2 / 2, abs=1e-12)
    wide = elbo(pictures, undecided, latent, latent + np.log(4))
    assert wide == pytest.approx(-2 * np.log(2) - 3 * (4 - 1 - np.log(4)) / 2, abs=1e-12)


def test_psnr_of_an_error_of_a_tenth_is_20_db():
    pictures = np.full((2, 4, 4, 1), 0.5)
    logits = np.full(pictures.shape, np.log(0.6 / 0.4))
    assert psnr_db(pictures, logits) == pytest.approx(20)
    assert psnr_db(pictures, np.zeros_like(pictures)) == EQUAL_PSNR_DB


def test_scores_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="the shapes differ"):
        psnr_db(np.zeros((2, 4, 4, 1)), np.zeros((2, 4, 4)))
    with pytest.raises(ValueError, match="the shapes differ"):
        elbo(np.zeros((1, 2)), np.zeros((1, 2)), np.zeros((1, 3)), np.zeros((1, 1)))
