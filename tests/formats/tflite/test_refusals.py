"""A model that LiteRT cannot hold is refused in one sentence that names operator and layer."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from export.errors import ConversionError
from export.formats import PRIMARY
from export.formats.onnx import ONNX

MODELS = {
    "LiteRT has no operator for MaxPool3D (layer pool)": ((4, 4, 4, 1), layers.MaxPooling3D(2, name="pool")),
    "LiteRT has no operator for ResizeBicubic (layer larger)": (
        (5, 5, 1),
        layers.Resizing(9, 9, interpolation="bicubic", name="larger"),
    ),
    "LiteRT has no operator for Asin": ((5,), keras.ops.arcsin),
}


@pytest.mark.parametrize("sentence", MODELS)
def test_sentence_names_operator_and_layer_and_no_compiler(sentence: str) -> None:
    shape, layer = MODELS[sentence]
    x = keras.Input(shape)
    with pytest.raises(ConversionError) as caught:
        PRIMARY.convert(keras.Model(x, layer(x)))
    assert str(caught.value) == f"{sentence}; use another layer there, or type --format onnx or --allow-select-tf-ops"


class Sampling(layers.Layer):
    """Draws a sample, as a variational autoencoder does."""

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self.numbers = keras.random.SeedGenerator(1)

    def call(self, mean: object) -> object:
        return mean + keras.random.normal(keras.ops.shape(mean), seed=self.numbers)


def test_a_layer_that_draws_random_numbers_is_refused_by_name() -> None:
    x = keras.Input((5,))
    model = keras.Model(x, Sampling(name="sampling")(x))
    with pytest.raises(ConversionError, match=r"draws random numbers when it runs.*layer sampling.*as an input"):
        PRIMARY.convert(model)
    with pytest.raises(ConversionError, match=r"layer sampling.*give random numbers to the model as an input"):
        ONNX.convert(model)
