"""Networks of keras.applications whose files identify arrays by the order of the layers only.

The weights of such a file, loaded into the zoo's network, give the same logits, so each is in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zoo
from tests.zoo.contents import quick
from tests.zoo.photos import photos_for
from zoo.weights import assign, random_weights, readers
from zoo.weights.stored_order import in_order

if TYPE_CHECKING:
    import keras

# Name and size in keras.applications, and how many classes: VGG's thousand are 4 million numbers.
REFERENCES = {
    "vgg16": ("VGG16", {"resolution": 32, "classes": 10}),
    "vgg19": ("VGG19", {"resolution": 47, "classes": 10}),
    "inception_v3": ("InceptionV3", {"resolution": 107, "classes": 1000}),
    "xception": ("Xception", {"resolution": 97, "classes": 1000}),
    "inception_resnet_v2": ("InceptionResNetV2", {"resolution": 107, "classes": 1000}),
}


DEEP = "inception_resnet_v2"  # two networks of 780 layers
CASES = [pytest.param(DEEP, marks=pytest.mark.large), *quick(name for name in REFERENCES if name != DEEP)]


@pytest.mark.parametrize("name", CASES)
def test_from_their_file_the_logits_are_those_of_keras(name: str, tmp_path: Path) -> None:
    import keras

    architecture, (their_name, options) = zoo.find(name), REFERENCES[name]
    ours = architecture.build(**options)
    theirs = getattr(keras.applications, their_name)(
        input_shape=ours.input_shape[1:], classes=options["classes"], weights=None, classifier_activation=None
    )
    random_weights.fill(ours, architecture.preprocess(), seed=3)
    theirs.set_weights(ours.get_weights())
    for weight in ours.weights:
        weight.assign(np.zeros(weight.shape))
    write(tmp_path / "theirs.h5", theirs)
    (adapt,) = {source.adapt for source in architecture.weights[0].sources}
    assert adapt is not None
    assign(ours, adapt(readers.read("keras_h5", [tmp_path / "theirs.h5"]), ours))
    (tmp_path / "theirs.h5").unlink()  # a quarter of a gigabyte
    photos = photos_for(architecture, options)
    logits = ours(photos).numpy()
    assert logits.std() > 0.05
    assert np.abs(logits - theirs(photos).numpy()).max() < 1e-4


def write(path: Path, model: keras.Model) -> None:
    """Write a file as Keras 2 did, layers in the order of the graph, by names as meaningless as the oldest ones."""
    import h5py

    with h5py.File(path, "w") as file:
        layers = [layer for layer in model.layers if layer.weights]
        file.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        for layer in layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}_{weight.name}_1:0" for weight in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.weights, strict=True):
                group[name] = weight.numpy()


ARRAYS: Mapping[str, Any] = {"a/kernel": np.zeros(1), "predictions/kernel": np.ones(1)}


def test_arrays_are_matched_by_name_if_the_names_are_ours() -> None:
    assert in_order(ARRAYS, ["logits/kernel", "a/kernel"]) == {"a/kernel": np.zeros(1), "logits/kernel": np.ones(1)}


def test_a_file_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="the file has 2 arrays, the model has 3"):
        in_order(ARRAYS, ["x/kernel", "y/kernel", "z/kernel"])
