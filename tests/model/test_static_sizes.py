"""Unknown sizes come from the user or from the calibration data; a fixed batch becomes any batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.model import signature
from export.model.loading import model_file
from export.model.loading.static_sizes import Sizes
from zoo.errors import UsageProblemError


@pytest.fixture
def image_net(tmp_path: Path) -> Path:
    """A network for pictures of any size, with a model in the model."""
    import keras
    from keras import layers

    inner = keras.Sequential([keras.Input((None, None, 4)), layers.Conv2D(4, 3, padding="same")], name="inner")
    image = keras.Input((None, None, 3), name="image")
    x = inner(layers.Conv2D(4, 3, padding="same", activation="relu")(image))
    keras.Model(image, layers.UpSampling2D()(layers.MaxPooling2D()(x)), name="net").save(tmp_path / "own.keras")
    return tmp_path / "own.keras"


def refusal(path: Path, sizes: Sizes) -> str:
    with pytest.raises(UsageProblemError) as caught:
        model_file.load(path, sizes)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["image", ""])
def test_given_size_changes_no_output(image_net: Path, name: str) -> None:
    import keras

    loaded = model_file.load(image_net, Sizes(given={name: (1, 8, 12, 3)}))
    assert signature.inputs(loaded.model)[0].shape == (1, 8, 12, 3)
    assert signature.outputs(loaded.model)[0].shape == (1, 8, 12, 4)
    picture = np.random.default_rng(0).random((2, 8, 12, 3), np.float32)
    original = keras.saving.load_model(image_net)
    np.testing.assert_allclose(loaded.model(picture), original(picture), rtol=1e-5, atol=1e-6)
    assert loaded.notes == (
        "the input 'image' has the shape (None, None, None, 3) in Keras, and (1, 8, 12, 3) in the files",
    )


@pytest.mark.parametrize("suffix", [".npz", ".npy"])
def test_size_is_that_of_the_rows_of_the_calibration_data(image_net: Path, suffix: str, tmp_path: Path) -> None:
    data = tmp_path / f"data{suffix}"
    rows = np.zeros((5, 10, 6, 3), np.float32)
    np.save(data, rows) if suffix == ".npy" else np.savez(data, pictures=rows)
    loaded = model_file.load(image_net, Sizes(data=data))
    assert signature.inputs(loaded.model)[0].shape == (1, 10, 6, 3)


def test_given_size_goes_before_that_of_the_data(image_net: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", np.zeros((5, 10, 6, 3), np.float32))
    loaded = model_file.load(image_net, Sizes(given={"image": (1, 4, 4, 3)}, data=tmp_path / "data.npy"))
    assert signature.inputs(loaded.model)[0].shape == (1, 4, 4, 3)


@pytest.mark.parametrize("shape", [(1, 8, 8, 4), (2, 8, 8, 3), (8, 8, 3)])
def test_a_size_that_does_not_fit_is_refused_with_both_shapes(image_net: Path, shape: tuple[int, ...]) -> None:
    message = refusal(image_net, Sizes(given={"image": shape}))
    assert f"--set-input image={','.join(map(str, shape))}" in message
    assert "(None, None, None, 3)" in message


def test_an_unknown_input_is_refused(image_net: Path) -> None:
    assert "did you mean 'image'" in refusal(image_net, Sizes(given={"imag": (1, 8, 8, 3)}))


def test_a_size_with_which_the_layers_do_not_fit_together_is_refused(tmp_path: Path) -> None:
    import keras
    from keras import layers

    image = keras.Input((None, None, 3), name="image")
    x = layers.Concatenate()([layers.UpSampling2D()(layers.MaxPooling2D()(image)), image])
    keras.Model(image, x).save(tmp_path / "own.keras")
    message = refusal(tmp_path / "own.keras", Sizes(given={"image": (1, 7, 7, 3)}))
    assert "own.keras does not work with the input image=1,7,7,3" in message


def test_a_fixed_batch_becomes_one(tmp_path: Path) -> None:
    import keras

    values = keras.Input(batch_shape=(8, 4), name="values")
    model = keras.Model(values, keras.layers.Dense(2)(values))
    model.save(tmp_path / "own.keras")
    loaded = model_file.load(tmp_path / "own.keras")
    row = np.ones((1, 4), np.float32)
    expected: Any = model(np.repeat(row, 8, axis=0))[:1]
    np.testing.assert_allclose(loaded.model(row), expected, rtol=1e-6)
    assert loaded.notes == ("the input 'values' has a batch of 8 in Keras, and of 1 in the files",)
