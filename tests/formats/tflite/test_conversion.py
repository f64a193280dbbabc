"""Large models are converted in a child process, with the same bytes and clear errors."""

from __future__ import annotations

import keras
import pytest

import zoo
from export.errors import ConversionError
from export.formats.tflite import convert as converting
from export.formats.tflite.convert import convert


def test_conversion_in_a_child_process_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    model = zoo.find("lenet5").build()
    here = convert(model, {})
    monkeypatch.setattr(converting, "LARGE_BYTES", 0)
    assert convert(model, {}) == here


def test_converter_error_in_the_child_process_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converting, "LARGE_BYTES", 0)
    image = keras.Input((4,))
    model = keras.Model(image, keras.ops.erfinv(keras.layers.Dense(3)(image)))
    with pytest.raises(ConversionError, match="Erfinv"):
        convert(model, {})
