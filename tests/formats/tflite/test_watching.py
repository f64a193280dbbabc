"""Observed activations do not depend on the number that is observed at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from calibration.samples import Array, Samples
from export.formats import FORMATS
from export.formats.tflite import flatbuffer, partition, watching

TFLITE = FORMATS["tflite"]
SAMPLES = 3


def conv(x: Any, stride: int = 1) -> Any:
    return layers.Conv2D(4, 3, stride, padding="same", activation="relu")(x)


def residual(image: Any) -> Any:
    x = conv(image)
    for _ in range(3):
        x = layers.Add()([x, conv(conv(x))])
    return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))


def branched(image: Any) -> Any:
    x = conv(image, 2)
    joined = layers.Concatenate()([conv(x), layers.MaxPooling2D(2, 1, padding="same")(x), conv(image, 2)])
    return [conv(joined), layers.Softmax()(layers.Dense(3)(layers.Flatten()(joined)))]


NETS: dict[str, Callable[[Any], Any]] = {"residual": residual, "branched": branched}


def seen(path: Path, samples: Samples) -> tuple[dict[tuple[int, str], Array], list[tuple[int, str]]]:
    """Return every activation of every sample, and in which order they came."""
    found: dict[tuple[int, str], Array] = {}

    def update_of(index: int) -> Callable[[str, Array], None]:
        return lambda name, values: found.update({(index, name): np.array(values)})

    TFLITE.watch(path).watch(samples, update_of)
    return found, list(found)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("most_bytes", [1, 5000, 9000])
def test_activations_are_equal_with_and_without_partition(
    name: str, most_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras.utils.set_random_seed(0)
    image, more = keras.Input((16, 16, 3), name="image"), keras.Input((16, 16, 3), name="more")
    model = keras.Model([image, more], NETS[name](layers.Multiply()([image, more])))
    path = tmp_path / "model.tflite"
    path.write_bytes(TFLITE.convert(model))
    generator = np.random.default_rng(0)
    inputs = {one: generator.normal(size=(SAMPLES, 16, 16, 3)).astype(np.float32) for one in ("image", "more")}
    samples = Samples(inputs=inputs, source="tests", seed=0)
    together, _ = seen(path, samples)
    monkeypatch.setattr(watching, "MOST_BYTES", most_bytes)
    assert len(partition.split(flatbuffer.read(path.read_bytes()), most_bytes)) > 1
    apart, order = seen(path, samples)
    assert apart.keys() == together.keys()
    assert all(np.array_equal(values, together[key]) for key, values in apart.items())
    for activation in {name for _, name in order}:
        assert [index for index, name in order if name == activation] == list(range(SAMPLES))


def test_part_contains_only_its_own_weights(tmp_path: Path) -> None:
    image = keras.Input((16, 16, 3), name="image")
    model = flatbuffer.read(TFLITE.convert(keras.Model(image, residual(image))))
    found = partition.split(model, 1)
    sizes = [len(partition.content(model, part)) for part in found]
    assert len(found) == len(model.subgraphs[0].operators)
    assert max(sizes) < len(flatbuffer.write(model)) / 1.5
