"""A large model is converted in a process of its own, to the same bytes, and its troubles come back as a sentence."""

from __future__ import annotations

import keras
import pytest

import zoo
from export.errors import ConversionError
from export.formats.tflite import convert as converting
from export.formats.tflite.convert import convert


def test_a_process_of_its_own_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    model = zoo.find("lenet5").build()
    here = convert(model, {})
    monkeypatch.setattr(converting, "LARGE_BYTES", 0)
    assert convert(model, {}) == here


def test_what_the_converter_refuses_there_is_said_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converting, "LARGE_BYTES", 0)
    image = keras.Input((4,))
    model = keras.Model(image, keras.ops.erfinv(keras.layers.Dense(3)(image)))
    with pytest.raises(ConversionError, match="Erfinv"):
        convert(model, {})
