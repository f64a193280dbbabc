"""Integer files of regressions keep the variation of the outputs, whatever the scale of features and targets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from export import pipeline
from export.cli.main import main
from export.recipe import Io, Width
from export.scheme import INT8, W8A16, W8A32, Scheme
from tests.export.own_export import exported

if TYPE_CHECKING:
    import keras

Made = tuple["keras.Model", dict[str, np.ndarray]]

SCALES = np.array([1.0, 9000.0, 15.0, 2.0, 1e-3], np.float32)


def features(count: int = 120) -> np.ndarray:
    return (np.random.default_rng(0).uniform(0.1, 1, size=(count, len(SCALES))) * SCALES).astype(np.float32)


def normalized_features() -> Made:
    from keras import Input, Model, layers

    x, house = features(), Input((5,), name="house")
    normalization = layers.Normalization()
    normalization.adapt(x)
    hidden = layers.Dense(16, activation="relu")(normalization(house))
    return Model(house, layers.Dense(1, name="price")(hidden)), {"house": x}


def raw_features() -> Made:
    """Dense layers that read the raw features: their weights compensate for the scales."""
    from keras import Input, Model, layers

    house = Input((5,), name="house")
    first = layers.Dense(16, activation="relu", name="first")
    model = Model(house, layers.Dense(1, name="price")(first(house)))
    kernel, bias = first.get_weights()
    first.set_weights([kernel / SCALES[:, None], bias])
    return model, {"house": features()}


def batch_norm_of_raw_features() -> Made:
    from keras import Input, Model, layers

    x, house = features(), Input((5,), name="house")
    norm = layers.BatchNormalization(name="norm")
    hidden = layers.Dense(16, activation="relu")(norm(house))
    model = Model(house, layers.Dense(1, name="price")(hidden))
    norm.set_weights([np.ones(5), np.zeros(5), x.mean(axis=0), x.var(axis=0)])
    return model, {"house": x}


def nested_model_of_raw_features() -> Made:
    from keras import Input, Model, layers

    inner, arrays = normalized_features()
    house = Input((5,), name="house")
    return Model(house, layers.Dense(2, name="prices")(inner(house))), arrays


def sensor_channels() -> Made:
    from keras import Input, Model, layers

    x = (np.random.default_rng(0).normal(size=(120, 16, 3)) * [1000, 1, 0.01]).astype(np.float32)
    sensor = Input((16, 3), name="sensor")
    convolution = layers.Conv1D(8, 3, activation="relu", name="convolution")
    pooled = layers.GlobalAveragePooling1D()(convolution(sensor))
    model = Model(sensor, layers.Dense(1, name="load")(pooled))
    kernel, bias = convolution.get_weights()
    convolution.set_weights([kernel / np.array([1000, 1, 0.01])[None, :, None], bias])
    return model, {"sensor": x}


def two_inputs() -> Made:
    from keras import Input, Model, layers

    rng = np.random.default_rng(0)
    arrays = {"area": rng.uniform(100, 9000, (120, 1)), "ratio": rng.uniform(0, 1, (120, 2))}
    area, ratio = Input((1,), name="area"), Input((2,), name="ratio")
    joined = layers.Concatenate()([area, ratio])
    first = layers.Dense(16, activation="relu", name="first")
    model = Model([area, ratio], layers.Dense(1, name="price")(first(joined)))
    kernel, bias = first.get_weights()
    first.set_weights([kernel / np.array([9000, 1, 1])[:, None], bias])
    return model, {name: values.astype(np.float32) for name, values in arrays.items()}


def thermometer() -> Made:
    """A small variation around a large value."""
    from keras import Input, Model, layers

    x, signal = np.random.default_rng(0).normal(size=(120, 8)).astype(np.float32), Input((8,), name="signal")
    last = layers.Dense(1, name="kelvin")
    model = Model(signal, last(layers.Dense(16, activation="relu")(signal)))
    last.set_weights([last.get_weights()[0], np.array([290.0])])
    return model, {"signal": x}


def targets_of_different_scale() -> Made:
    from keras import Input, Model, layers

    x, signal = np.random.default_rng(0).normal(size=(120, 8)).astype(np.float32), Input((8,), name="signal")
    last = layers.Dense(2, name="targets")
    model = Model(signal, last(layers.Dense(16, activation="relu")(signal)))
    kernel, bias = last.get_weights()
    last.set_weights([kernel * [1000, 0.01], bias])
    model.compile(loss="mse")
    return model, {"signal": x}


def logarithm_of_features() -> Made:
    """Small features lose to the logarithm of large ones before the normalization."""
    from keras import Input, Model, layers, ops

    # LiteRT computes log(1 + x): digits of features near 0.0001 are lost in float32, too.
    x, house = features() * np.array([1, 1, 1, 1, 20], np.float32), Input((5,), name="house")
    normalization = layers.Normalization(name="norm")
    normalization.adapt(np.log1p(x))
    hidden = layers.Dense(16, activation="relu")(normalization(ops.log1p(house)))
    return Model(house, layers.Dense(1, name="price")(hidden)), {"house": x}


def columns_joined() -> Made:
    from keras import Input, Model, layers

    x, house = features(), Input((5,), name="house")
    joined = layers.Concatenate(name="joined")([house[:, :1] * 0.5, house[:, 1:]])
    norm = layers.BatchNormalization(name="norm")
    hidden = layers.Dense(16, activation="relu", name="first")(norm(joined))
    model = Model(house, layers.Dense(1, name="price")(hidden))
    halved = x * np.array([0.5, 1, 1, 1, 1], np.float32)
    norm.set_weights([np.ones(5), np.zeros(5), halved.mean(axis=0), halved.var(axis=0)])
    return model, {"house": x}


def divided_features() -> Made:
    from keras import Input, Model, layers

    x, house = features(), Input((5,), name="house")
    hidden = layers.Dense(16, activation="relu", name="first")(house / SCALES)
    return Model(house, layers.Dense(1, name="price")(hidden)), {"house": x}


COARSE = [
    normalized_features,
    raw_features,
    batch_norm_of_raw_features,
    nested_model_of_raw_features,
    sensor_channels,
    two_inputs,
    thermometer,
    targets_of_different_scale,
    logarithm_of_features,
    columns_joined,
    divided_features,
]


def fine_features() -> Made:
    from keras import Input, Model, layers

    x, signal = np.random.default_rng(0).normal(size=(120, 8)).astype(np.float32), Input((8,), name="signal")
    return Model(signal, layers.Dense(1, name="y")(layers.Dense(16, activation="relu")(signal))), {"signal": x}


def export(made: Made, folder: Path, **settings: Any) -> pipeline.Delivery:
    model, arrays = made
    return exported(model, arrays, folder, (INT8, W8A16), **settings)


@pytest.fixture(autouse=True)
def _same_weights_in_every_run() -> None:
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(0)


def files_of(delivery: pipeline.Delivery, scheme: Scheme) -> list[dict[str, Any]]:
    files = [*delivery.manifest["files"], *delivery.manifest["not_delivered"]]
    return [file for file in files if file["precision"] == str(scheme)]


# The others run with the large tests.
QUICK = {thermometer, raw_features, columns_joined}


@pytest.mark.parametrize(
    "make",
    [pytest.param(make, id=make.__name__, marks=() if make in QUICK else pytest.mark.large) for make in COARSE],
)
def test_both_files_keep_the_variation_of_the_outputs(make: Callable[[], Made], tmp_path: Path) -> None:
    delivery = export(make(), tmp_path)
    for scheme in (INT8, W8A16):
        files = files_of(delivery, scheme)
        assert [check for file in files for check in file["checks"] if not check["passed"]] == []
        r2 = [one["r2"] for file in files for one in file["comparisons"].values()]
        assert len(r2) == 2
        assert min(r2) > 0.97
        is_coarse = scheme == INT8 or make is not thermometer
        said = f"{scheme.activation_bits} bits are too coarse for the"
        assert [said in " ".join(file["notes"]) for file in files] == [is_coarse] * 2
    assert delivery.folder is not None
    assert main(["verify", str(delivery.folder)]) == 0


@pytest.mark.parametrize(
    ("make", "layer"),
    [
        (raw_features, "first"),
        pytest.param(divided_features, "first", marks=pytest.mark.large),
        pytest.param(columns_joined, "first", marks=pytest.mark.large),
        pytest.param(sensor_channels, "convolution", marks=pytest.mark.large),
    ],
)
def test_layers_whose_weights_are_of_very_different_scale_keep_them(
    make: Callable[[], Made], layer: str, tmp_path: Path
) -> None:
    """A file that stores 8-bit weights and computes in float loses the large features: their weights are small."""
    model, arrays = make()
    delivery = exported(model, arrays, tmp_path, (W8A32,))
    files = files_of(delivery, W8A32)
    assert [(file["raised"], file["passed"]) for file in files] == [({layer: "float32"}, True)] * 2
    assert min(one["r2"] for file in files for one in file["comparisons"].values()) > 0.97
    assert f"8 bits are too coarse for the weights of {layer}" in files[0]["notes"][0]
    assert main(["verify", str(delivery.folder)]) == 0


def test_inputs_of_one_scale_stay_in_integers(tmp_path: Path) -> None:
    model, arrays = fine_features()
    delivery = exported(model, arrays, tmp_path, (INT8, W8A16, W8A32))
    assert delivery.passed
    assert [file["raised"] for scheme in (INT8, W8A16, W8A32) for file in files_of(delivery, scheme)] == [{}] * 6


def test_integers_that_no_kernel_computes_are_refused_in_a_sentence(tmp_path: Path) -> None:
    delivery = export(raw_features(), tmp_path, io=Io.INT8)
    assert "cannot compute first in integers" in files_of(delivery, INT8)[0]["trouble"]
    assert "type --raise first --io float32" in files_of(delivery, INT8)[0]["trouble"]


def test_file_that_says_one_constant_is_not_proven(tmp_path: Path) -> None:
    """With integer inputs on request, the features are lost: SQNR of the signal alone would be high enough."""
    delivery = export(normalized_features(), tmp_path, io=Io.INT8)
    failed = {check["quantity"] for file in files_of(delivery, INT8) for check in file["checks"] if not check["passed"]}
    assert "variation over the samples, R2" in failed
    assert not delivery.passed


def test_layers_of_int8_by_name_are_kept_beside_those_that_the_export_finds(tmp_path: Path) -> None:
    delivery = export(raw_features(), tmp_path, raised={"price": Width.FLOAT32})
    assert delivery.manifest["recipe"]["raised"] == {"first": "float32", "price": "float32"}
    wide = files_of(delivery, W8A16)
    assert [(file["raised"], file["passed"]) for file in wide] == [({"first": "float32"}, True)] * 2
    assert delivery.passed


def test_a_width_by_name_goes_before_the_one_that_the_export_finds(tmp_path: Path) -> None:
    delivery = export(raw_features(), tmp_path, raised={"first": Width.INT16})
    assert delivery.manifest["recipe"]["raised"] == {"first": "int16"}


def test_operators_between_layers_may_be_named(tmp_path: Path) -> None:
    """The export names them itself, in the command that repeats it."""
    model, arrays = logarithm_of_features()
    delivery = exported(model, arrays, tmp_path, (INT8,), raised={"log1p": Width.FLOAT32})
    assert list(delivery.manifest["recipe"]["raised"]) == ["log1p", "norm"]
    assert delivery.passed


def test_file_of_16_bits_without_integer_operators_is_delivered_and_verified(tmp_path: Path) -> None:
    from keras import Input, Model, layers

    house = Input((5,), name="house")
    last = layers.Dense(1, name="price")
    model = Model(house, last(house))
    kernel, bias = last.get_weights()
    last.set_weights([kernel / SCALES[:, None], bias])
    delivery = export((model, {"house": features()}), tmp_path)
    assert [file["raised"] for file in files_of(delivery, W8A16)] == [{"price": "float32"}] * 2
    assert delivery.passed
    assert main(["verify", str(delivery.folder)]) == 0
