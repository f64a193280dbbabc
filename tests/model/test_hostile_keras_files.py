"""A .keras file that asks for too much, or for code and files outside of it, is refused in one sentence."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from export.model.loading import model_file
from zoo.errors import UsageProblemError


def refusal(path: Path) -> str:
    with pytest.raises(UsageProblemError) as caught:
        model_file.load(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    return str(caught.value)


def saved(folder: Path, layer: Any) -> Path:
    """Return a file whose model is one layer of four numbers."""
    import keras

    values = keras.Input((4,))
    path = folder / "own.keras"
    keras.Model(values, layer(values)).save(path)
    return path


def rewrite(path: Path, before: str, after: str) -> None:
    """Replace a part of the configuration of a model in its file."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    config = entries["config.json"].decode()
    assert before in config
    entries["config.json"] = config.replace(before, after).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def own_function(values: Any) -> Any:
    return values * 2


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            '"units": 3',
            '"units": 4000000000000',
            "needs more memory than there is for a tensor of the shape [4,4000000000000]",
        ),
        ('"units": 3', f'"units": {10**22}', "cannot be loaded as a Keras 3 model"),
        ('"units": 3', '"units": -3', "Received an invalid value for `units`"),
        ('"units": 3', f'"units": {"[" * 100_000}', "nests its layers or settings too deeply"),
    ],
)
def test_sizes_that_nothing_holds_are_refused(before: str, after: str, words: str, tmp_path: Path) -> None:
    from keras import layers

    path = saved(tmp_path, layers.Dense(3))
    rewrite(path, before, after)
    assert words in refusal(path)


@pytest.mark.parametrize(
    ("activation", "words"),
    [
        (own_function, "uses the Python function 'own_function', for example as an activation"),
        (lambda values: values * 2, "has a lambda as an activation"),
    ],
)
def test_a_function_as_activation_is_named(activation: Callable[[Any], Any], words: str, tmp_path: Path) -> None:
    from keras import layers

    message = refusal(saved(tmp_path, layers.Dense(3, activation=activation)))
    assert words in message
    assert "--import FILE.py" in message


def test_a_saved_model_inside_of_a_model_is_named(tmp_path: Path) -> None:
    import tensorflow as tf
    from keras import layers

    class Doubling(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec((None, 4))])  # type: ignore[untyped-decorator]
        def serve(self, x: Any) -> Any:
            return {"y": x * 2}

    module = Doubling()
    tf.saved_model.save(module, str(tmp_path / "inner"), signatures=module.serve)
    layer = layers.TFSMLayer(str(tmp_path / "inner"), call_endpoint="serving_default")
    message = refusal(saved(tmp_path, lambda values: layer(values)["y"]))
    assert "has a TFSMLayer, which runs a SavedModel in another folder" in message
    assert "Lambda" not in message


def test_a_vocabulary_outside_of_the_file_is_named(tmp_path: Path) -> None:
    import keras
    from keras import layers

    text = keras.Input((1,), dtype="string")
    path = tmp_path / "own.keras"
    keras.Model(text, layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")(text)).save(path)
    rewrite(path, '["a", "b"]', '"/etc/hosts"')
    message = refusal(path)
    assert "has the layer StringLookup, which reads its words from another file, '/etc/hosts'" in message
    assert "Lambda" not in message
