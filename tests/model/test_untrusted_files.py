"""No code of a model file is run, and no other file is read or written by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.model.loading import model_file
from zoo.errors import UsageProblemError

SaveOld = Callable[..., Path]


def refusal(path: Path) -> str:
    with pytest.raises(UsageProblemError) as caught:
        model_file.load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["old.h5", "old.keras", "old_folder"])
def test_lambda_of_keras_2_is_never_run(name: str, keras_2_file: SaveOld, tmp_path: Path) -> None:
    import tf_keras

    trap = tmp_path / "trap"
    code = f"lambda x: (__import__('pathlib').Path({str(trap)!r}).touch(), x)[1]"
    values = tf_keras.Input((4,))
    path = keras_2_file(tf_keras.Model(values, tf_keras.layers.Lambda(eval(code))(values)), name)
    trap.unlink()
    assert "contains Python code (a Lambda layer)" in refusal(path)
    assert not trap.exists()


def test_lambda_of_keras_3_in_an_h5_file_is_never_run(tmp_path: Path) -> None:
    import keras

    trap, path = tmp_path / "trap", tmp_path / "own.h5"
    code = f"lambda x: (__import__('pathlib').Path({str(trap)!r}).touch(), x)[1]"
    values = keras.Input((4,))
    keras.Model(values, keras.layers.Lambda(eval(code), output_shape=(4,))(values)).save(path)
    trap.unlink(missing_ok=True)
    assert "contains Python code (a Lambda layer)" in refusal(path)
    assert not trap.exists()


def test_a_tensorflow_function_outside_of_the_table_is_refused_before_it_is_called(keras_2_file: SaveOld) -> None:
    import tensorflow as tf
    import tf_keras

    values = tf_keras.Input((4,))
    path = keras_2_file(tf_keras.Model(values, tf.math.top_k(values, 2)[0]))
    assert "calls tf.math.top_k between its layers" in refusal(path)


def test_a_module_of_python_in_a_configuration_is_refused(keras_2_file: SaveOld) -> None:
    import h5py
    import tf_keras

    values = tf_keras.Input((4,))
    path = keras_2_file(tf_keras.Model(values, tf_keras.layers.Dense(2)(values)))
    with h5py.File(path, "a") as file:
        config = file.attrs["model_config"]
        assert '"class_name": "Dense"' in config
        file.attrs["model_config"] = config.replace('"class_name": "Dense"', '"module": "os", "class_name": "Dense"')
    assert "the Python module 'os'" in refusal(path)


@pytest.mark.parametrize("way", ["link", "storage"])
def test_an_h5_file_that_reads_another_file_is_refused(way: str, keras_2_file: SaveOld, tmp_path: Path) -> None:
    import h5py
    import tf_keras

    values = tf_keras.Input((4,))
    path = keras_2_file(tf_keras.Model(values, tf_keras.layers.Dense(2, name="dense")(values)))
    (tmp_path / "secret").write_bytes(b"0" * 32)
    with h5py.File(path, "a") as file:
        if way == "link":
            file["model_weights/link"] = h5py.ExternalLink("secret.h5", "/")
        else:
            file.create_dataset("model_weights/far", (8,), "f4", external=[("secret", 0, 32)])
    assert "another file" in refusal(path)


def test_a_saved_model_that_writes_files_is_refused(tmp_path: Path) -> None:
    import tensorflow as tf

    trap, path = tmp_path / "trap", tmp_path / "folder"

    class Writing(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec((None, 4))])  # type: ignore[untyped-decorator]
        def serve(self, x: Any) -> Any:
            tf.io.write_file(str(trap), "written")
            return x

    module = Writing()
    tf.saved_model.save(module, str(path), signatures=module.serve)
    assert "contains the operator WriteFile" in refusal(path)
    assert not trap.exists()


def test_weights_without_a_model_are_refused_with_what_to_type(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.save_weights(tmp_path / "own.weights.h5")
    message = refusal(tmp_path / "own.weights.h5")
    assert "holds only weights" in message
    assert "model.load_weights('own.weights.h5')" in message


def test_files_that_are_damaged_or_of_another_kind_are_refused(tmp_path: Path) -> None:
    (tmp_path / "old.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    assert "damaged or truncated" in refusal(tmp_path / "old.h5")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "saved_model.pb").write_bytes(b"\xff" * 9)
    assert "damaged" in refusal(tmp_path / "folder")
    (tmp_path / "own.pt").write_bytes(np.zeros(3).tobytes())
    assert "model.save('model.keras')" in refusal(tmp_path / "own.pt")
