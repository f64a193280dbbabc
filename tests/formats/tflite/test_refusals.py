"""A model that LiteRT cannot hold is refused in one sentence that names operator and layer."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from export.errors import ConversionError
from export.formats import PRIMARY

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
