"""Ranges are narrowed only where that improves the outputs."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from calibration.ranges import Ranges
from calibration.samples import Samples
from export.quantization import sample_selection, sensitivity

HIDDEN = {"a": ("hidden",)}


def model() -> keras.Model:
    """Return x -> relu(x) -> its weighted mean, for which the effect of a peak of x is known."""
    image = keras.Input((64,), name="image")
    hidden = layers.ReLU(name="hidden")(image)
    return keras.Model(image, layers.Dense(4, use_bias=False, name="outputs")(hidden))


def samples(peak: float, count: int = 16) -> Samples:
    inputs = np.random.default_rng(0).normal(size=(count, 64)).astype(np.float32)
    inputs[:, 0] = peak
    return Samples(inputs={"image": inputs}, source="tests", seed=0)


def chosen(weight_of_peak: float, peak: float = 100.0) -> tuple[float, float]:
    network, given = model(), samples(peak)
    kernel = np.random.default_rng(1).normal(size=(64, 4)).astype(np.float32)
    kernel[0] *= weight_of_peak
    network.get_layer("outputs").set_weights([kernel])
    observed = Ranges(by_tensor={"a": (0.0, float(np.maximum(given.inputs["image"], 0).max()))}, observer="min-max")
    return sensitivity.choose(network, given, observed, HIDDEN).by_tensor["a"]


def test_peak_without_effect_on_predictions_is_clipped() -> None:
    low, high = chosen(weight_of_peak=0.0)
    assert low == 0
    assert 2 < high < 10


def test_peak_with_effect_on_predictions_is_kept() -> None:
    assert chosen(weight_of_peak=1.0) == (0.0, 100.0)


def test_range_without_peaks_is_kept() -> None:
    assert chosen(weight_of_peak=1.0, peak=2.0) == (0.0, float(samples(peak=2.0).inputs["image"].max()))


def test_small_peak_is_kept_without_effect_on_predictions() -> None:
    """To clip 3.5 to 3.1 would make steps a tenth smaller, which is too little to rely on."""
    assert chosen(weight_of_peak=0.0, peak=3.5) == (0.0, 3.5)


@pytest.mark.parametrize("index", [0, 8, 14])
def test_predicted_error_matches_the_error_of_clipping_and_rounding(index: int) -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(size=4000)
    observed = (float(values.min()), float(values.max()))
    low, high = (end * sensitivity.SHARES[index] for end in observed)
    step = (high - low) / 255
    predicted, made = [], []
    for _ in range(200):
        gradient = generator.normal(size=values.size)
        predicted.append(sensitivity._cost(values, gradient, observed)[index, index])
        stored = np.rint(np.clip(values, low, high) / step)
        made.append(float(gradient @ (stored * step - values)) ** 2)
    assert np.mean(predicted) == pytest.approx(np.mean(made), rel=0.25)


def test_tensor_outside_the_network_keeps_its_range() -> None:
    """The peak of 100 would be clipped, as above, if the tensor were taken for one of the network's."""
    network, given = model(), samples(100.0)
    kernel = network.get_layer("outputs").get_weights()[0]
    network.get_layer("outputs").set_weights([kernel * (np.arange(64) > 0)[:, None]])
    observed = Ranges(by_tensor={"b": (0.0, 100.0)}, observer="min-max")
    assert sensitivity.choose(network, given, observed, {}).by_tensor["b"] == (0.0, 100.0)


def test_activation_inside_a_nested_model_is_clipped() -> None:
    image, given = keras.Input((64,), name="image"), samples(100.0)
    kernel = np.random.default_rng(1).normal(size=(64, 4)).astype(np.float32)
    kernel[0] = 0
    network = keras.Model(image, keras.Sequential([keras.Input((64,)), *model().layers[1:]], name="body")(image))
    network.get_layer("body").get_layer("outputs").set_weights([kernel])
    observed = Ranges(by_tensor={"a": (0.0, 100.0)}, observer="min-max")
    low, high = sensitivity.choose(network, given, observed, {"a": ("body/hidden",)}).by_tensor["a"]
    assert (low, high < 10) == (0.0, True)


def test_peak_that_matters_for_one_sample_is_kept() -> None:
    """An even selection of the samples would not contain this sample."""
    network, given = model(), samples(peak=1.0, count=90)
    given.inputs["image"][53, 0] = 100.0
    network.get_layer("outputs").set_weights([np.random.default_rng(1).normal(size=(64, 4)).astype(np.float32)])
    observed = Ranges(by_tensor={"a": (0.0, 100.0)}, observer="min-max")
    assert sensitivity.choose(network, given, observed, HIDDEN).by_tensor["a"] == (0.0, 100.0)


def test_samples_with_the_largest_activations_are_weighted_individually() -> None:
    peaks = np.random.default_rng(0).uniform(1, 2, (100, 5))
    loud = [3, 17, 18, 44, 61, 62, 80, 99]
    peaks[loud] *= 4
    indices, stands_for = sample_selection.choose(peaks, 32)
    assert sorted(indices[: sample_selection.LOUD]) == loud
    assert (stands_for[: sample_selection.LOUD] == 1).all()
    assert stands_for.sum() == pytest.approx(100)
    assert len(set(indices)) == 32


def test_few_samples_are_all_used() -> None:
    indices, stands_for = sample_selection.choose(np.ones((20, 3)), 32)
    assert indices.tolist() == list(range(20))
    assert (stands_for == 1).all()


def test_clipping_at_both_ends_adds_up_with_signs() -> None:
    """With one gradient for all samples, the error at the low end would cancel the error at the high end."""
    values = np.append(np.random.default_rng(0).normal(size=4000), [-9.0, 9.0])
    gradient = np.ones(values.size)
    cost = sensitivity._cost(values, gradient, (-9.0, 9.0))
    for low in (4, 8, 12):
        for high in (4, 10):
            ends = -9 * sensitivity.SHARES[low], 9 * sensitivity.SHARES[high]
            made = float(gradient @ (np.clip(values, *ends) - values)) ** 2
            rounding = ((ends[1] - ends[0]) / 255) ** 2 / 12 * values.size
            assert cost[low, high] == pytest.approx(made + rounding, rel=1e-4)


def test_samples_with_tiny_outputs_do_not_determine_the_ranges() -> None:
    """Half of the pictures are empty. Their outputs are close to zero and need the whole range, but do not matter."""
    network, given = model(), samples(peak=100.0, count=16)
    empty = np.arange(16) // 2 % 2 == 1
    given.inputs["image"][empty] = 0.0
    given.inputs["image"][empty, 1] = 100.0
    kernel = np.random.default_rng(1).normal(size=(64, 4)).astype(np.float32)
    kernel[0], kernel[1] = 0, 1e-6
    network.get_layer("outputs").set_weights([kernel])
    observed = Ranges(by_tensor={"a": (0.0, 100.0)}, observer="min-max")
    low, high = sensitivity.choose(network, given, observed, HIDDEN).by_tensor["a"]
    assert low == 0
    assert 2 < high < 20
