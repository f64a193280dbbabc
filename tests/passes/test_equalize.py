"""Equalization preserves the float outputs and gives every channel more int8 resolution."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
from keras import layers

from calibration.samples import Samples
from export import passes
from export.errors import PassRefusedError
from export.metrics import compare
from export.passes.channels.ranges import ChannelRange, channel_ranges
from export.passes.channels.scalable import Channels
from export.passes.equalize import Equalize
from export.passes.fold import fold
from tests.faults.networks import Network

if TYPE_CHECKING:
    Net = Callable[[Any], Any]

SHAPE = (9, 10, 4)


def built(net: Net) -> keras.Model:
    """Return a model whose channels have very different ranges and means."""
    keras.utils.set_random_seed(0)
    image = keras.Input(SHAPE, name="image")
    model = keras.Model(image, net(image))
    generator = np.random.default_rng(1)
    for layer in model.layers:
        gains = [np.exp(generator.normal(0, 1, weights.shape[-1:])) for weights in layer.get_weights()]
        layer.set_weights(
            [
                generator.normal(0.2, 1, weights.shape) * gain
                for weights, gain in zip(layer.get_weights(), gains, strict=True)
            ]
        )
    return model


def photos(count: int = 12) -> Samples:
    inputs = np.random.default_rng(2).normal(size=(count, *SHAPE)).astype(np.float32)
    return Samples(inputs={"image": inputs}, source="tests", seed=0)


def conv(channels: int, size: int = 1, **settings: Any) -> Any:
    return layers.Conv2D(channels, size, **settings)


def steps(channels: int, size: int = 1, **settings: Any) -> Any:
    return layers.Conv1D(channels, size, **settings)


def residual(x: Any) -> Any:
    y = conv(6)(x)
    z = layers.Add()([y, conv(6)(layers.ReLU()(conv(8)(y)))])
    return conv(3)(layers.Add()([z, conv(6)(layers.ReLU()(conv(8)(z)))]))


CHANGED: dict[str, Net] = {
    "rectified": lambda x: conv(3, 3)(layers.ReLU()(conv(8, 3, padding="same")(x))),
    "rectified by itself": lambda x: conv(3)(conv(8, activation="relu")(x)),
    "leaky": lambda x: conv(3)(layers.LeakyReLU()(conv(8)(x))),
    "capped far away": lambda x: conv(3)(layers.ReLU(1e4)(conv(8)(x))),
    "linear": lambda x: conv(3)(conv(8)(x)),
    "linear, then a window without padding": lambda x: conv(3, 3)(conv(8)(x)),
    "linear, then a padded window": lambda x: conv(3, 3, padding="same")(conv(8)(x)),
    "padded by a layer": lambda x: conv(3, 3)(layers.ZeroPadding2D(1)(conv(8)(x))),
    "depthwise": lambda x: conv(3)(layers.DepthwiseConv2D(3, padding="same")(layers.ReLU()(conv(8)(x)))),
    "depthwise, several per channel": lambda x: conv(3)(layers.DepthwiseConv2D(3, depth_multiplier=2)(conv(8)(x))),
    "residual": residual,
    "pooled": lambda x: layers.Dense(3)(layers.GlobalAveragePooling2D()(layers.MaxPooling2D(2)(conv(8)(x)))),
    "over steps": lambda x: steps(3, 3)(layers.ReLU()(steps(8, 3, padding="causal")(x[:, 2]))),
    "over steps, then a causal window": lambda x: steps(3, 3, padding="causal")(steps(8)(x[:, 2])),
    "over steps, then a window": lambda x: steps(3, 3)(steps(8)(x[:, 2])),
    "over steps, depthwise": lambda x: steps(3)(layers.DepthwiseConv1D(3, depth_multiplier=2)(steps(8)(x[:, 2]))),
    "over steps, pooled": lambda x: layers.Dense(3)(
        layers.GlobalAveragePooling1D()(layers.MaxPooling1D(2)(layers.SpatialDropout1D(0.1)(steps(8)(x[:, 2]))))
    ),
    "two readers": lambda x: layers.Add()([conv(3)(y := conv(8)(x)), conv(3)(y)]),
}
KEPT: dict[str, Net] = {
    "capped": lambda x: conv(3)(layers.ReLU(6.0)(conv(8)(x))),
    "bent": lambda x: conv(3)(layers.Activation("sigmoid")(conv(8)(x))),
    "bent by itself": lambda x: conv(3)(conv(8, activation="swish")(x)),
    "multiplied": lambda x: conv(3)(layers.Multiply()([y := conv(8)(x), layers.Activation("sigmoid")(y)])),
    "an output": lambda x: [conv(3)(y := conv(8)(x)), y],
    "grouped": lambda x: conv(4, groups=2)(conv(8)(x)),
    "grouped over steps": lambda x: steps(4, groups=2)(steps(8)(x[:, 2])),
    "shared": lambda x: (twice := conv(4))(twice(x)),
    "added to an input": lambda x: conv(3)(layers.Add()([x, conv(4)(x)])),
    "joined": lambda x: conv(3)(layers.Concatenate()([conv(4)(x), conv(4)(x)])),
}


@pytest.mark.parametrize("name", [*CHANGED, *KEPT])
def test_equalization_preserves_the_outputs(name: str) -> None:
    model, samples = built({**CHANGED, **KEPT}[name]), photos()
    result = passes.apply(Equalize(strength=1.0), model, samples)
    unseen = np.random.default_rng(3).normal(size=(4, *SHAPE)).astype(np.float32) * 10
    for one, other in zip(keras.tree.flatten(model(unseen)), keras.tree.flatten(result.model(unseen)), strict=True):
        assert compare(reference=np.asarray(one), actual=np.asarray(other)).sqnr_db > 100


@pytest.mark.parametrize("name", CHANGED)
def test_equalization_makes_channel_ranges_similar(name: str) -> None:
    model, samples = built(CHANGED[name]), photos()
    result = Equalize(strength=1.0)(model, samples)
    assert result.record.layers
    before, after = (unevenness(one, samples) for one in (model, result.model))
    assert after < before / 2, (before, after)


def unevenness(model: keras.Model, samples: Samples) -> float:
    """Return the excess of the largest channel range over the median one, averaged over all scalable tensors."""
    channels = Channels(model)
    tensors = [tensor for group in channels.groups() for tensor in group.tensors if channels.is_stored(tensor)]
    ranges = channel_ranges(model, samples, tensors).values()
    extents = [np.maximum(one.high, -one.low) for one in ranges]
    return float(np.mean([extent.max() / np.median(extent) - 1 for extent in extents]))


@pytest.mark.parametrize("name", KEPT)
def test_channels_that_cannot_be_scaled_exactly_stay_unchanged(name: str) -> None:
    model, samples = built(KEPT[name]), photos()
    result = Equalize(strength=1.0)(model, samples)
    assert not result.record.layers
    assert all(np.array_equal(*pair) for pair in zip(model.get_weights(), result.model.get_weights(), strict=True))


def test_scales_that_would_clip_the_other_half_of_the_samples_are_rejected() -> None:
    """One sample exceeds all others, so larger values are possible and the group must stay unchanged."""
    model = built(lambda x: conv(3)(layers.ReLU(60.0)(conv(8)(x))))
    calm, wild = photos(32), photos(32)
    wild.inputs["image"][5] *= 6  # only the half with this sample shows the large values
    assert Equalize()(model, calm).record.layers
    assert not Equalize()(model, wild).record.layers


@pytest.mark.parametrize("period", [3, 6])
def test_alternating_samples_are_all_used(period: int) -> None:
    """Built-in samples are crops of three alternating photos; every third one shows the astronaut."""
    model, samples = built(lambda x: conv(3)(layers.ReLU(60.0)(conv(8)(x)))), photos(96)
    samples.inputs["image"][::period] /= 8
    result = Equalize()(model, samples)
    given = np.asarray(samples.inputs["image"])
    assert np.allclose(np.asarray(model(given)), np.asarray(result.model(given)), rtol=1e-4, atol=1e-4)


def test_channels_that_can_be_shifted_get_a_mean_of_zero() -> None:
    model, samples = built(CHANGED["linear"]), photos(32)
    moved = Equalize()(model, samples).model
    (hidden,) = (layer for layer in moved.layers if layer.name == model.layers[1].name)
    values = np.asarray(keras.Model(moved.input, hidden.output)(np.asarray(samples.inputs["image"])))
    assert np.abs(values.mean(axis=(0, 1, 2))).max() < 1e-4 * np.abs(values).max()


def test_a_trained_residual_network_has_groups_that_span_blocks(network: Callable[[str], Network]) -> None:
    model = fold(network("mobilenet_v2_tiny").model)
    assert max(len(group.makers) for group in Channels(model).groups()) > 1


@pytest.mark.parametrize("fault", ["a weight", "a channel scaled by its maker only", "an uncompensated offset"])
def test_an_exact_pass_that_changes_the_outputs_is_refused(fault: str) -> None:
    model, samples = built(CHANGED["linear"]), photos()

    def broken_pass(given: keras.Model, some: Samples) -> passes.PassResult:
        result = Equalize()(given, some)
        maker, reader = result.model.layers[-2:]
        layer = reader if fault == "a weight" else maker
        kernel, bias = layer.get_weights()
        if fault == "an uncompensated offset":
            bias += 0.1
        else:
            kernel[..., 0] *= 1.01
        layer.set_weights([kernel, bias])
        return result

    with pytest.raises(PassRefusedError, match="equalize changed the outputs"):
        passes.apply(broken_pass, model, samples)


def scales(high: list[float], cap: float) -> Any:
    """Return the scale of channels with largest values `high` before an activation with the upper limit `cap`."""
    keras.utils.set_random_seed(0)
    image = keras.Input(SHAPE, name="image")
    channels = Channels(keras.Model(image, conv(3)(layers.ReLU(cap)(conv(len(high))(image)))))
    (group,) = channels.groups()
    seen = ChannelRange(low=-np.asarray(high), high=np.asarray(high), mean=np.zeros(len(high)))
    return Equalize(strength=1.0)._scale(channels, group, {id(tensor): seen for tensor in group.tensors}, {}, 2.0)


def test_a_capped_channel_keeps_a_margin_of_two() -> None:
    """An equal range needs the scale 1.25; the margin of two allows only 18 / 16 with cap 18 and none with cap 15."""
    assert scales([10.0] + [8.0] * 9, cap=18) == pytest.approx([1.0] + [18 / 16] * 9)
    assert scales([10.0] + [8.0] * 9, cap=15) == pytest.approx([1.0] * 10)


def test_a_small_capped_channel_keeps_a_margin_for_the_range_of_large_ones() -> None:
    """Such a channel may detect a class without a sample."""
    assert scales([10.0] * 9 + [0.1], cap=60) == pytest.approx([1.0] * 9 + [6.0])
