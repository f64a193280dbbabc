"""Models that cannot be exported are rejected with a suggestion, and nothing is written."""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from export import pipeline
from export.recipe import Recipe
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras

Save = Callable[["keras.Model"], str]
Zoo = Callable[..., subprocess.CompletedProcess[str]]


def refusal(model: str, out: Path, **recipe: Any) -> str:
    """Return the one line with which an export of `model` is refused, by a pipeline that writes nothing."""
    with pytest.raises(UsageProblemError) as caught:
        pipeline.run(Recipe(model=model, out=out / "artifacts", **recipe))
    assert "\n" not in str(caught.value)
    assert not (out / "artifacts").exists()
    return str(caught.value)


@pytest.fixture
def vector_net() -> Callable[..., keras.Model]:
    """Build a functional net on vectors around a layer."""
    import keras

    def build(layer: Any, shape: tuple[int | None, ...] = (4,)) -> keras.Model:
        inputs = keras.Input(shape)
        return keras.Model(inputs, layer(inputs))

    return build


def test_an_unknown_size_is_refused_with_the_shape_and_a_suggestion(
    vector_net: Callable[..., keras.Model], saved: Save, tmp_path: Path
) -> None:
    from keras import layers

    message = refusal(saved(vector_net(layers.Conv2D(2, 3), (None, None, 3))), tmp_path)
    assert "(None, None, None, 3)" in message
    assert "=1,224,224,3, or give --calibration an .npz or .npy" in message
    assert "--set-input" in message


def test_a_sequential_net_that_was_never_built_is_refused_with_a_suggestion(saved: Save, tmp_path: Path) -> None:
    import keras

    message = refusal(saved(keras.Sequential([keras.layers.Dense(2)])), tmp_path)
    assert "begin the model with keras.Input" in message
    assert "--set-input" in message


def test_subclassed_model_is_rejected_with_a_suggestion(saved: Save, tmp_path: Path) -> None:
    import keras

    @keras.saving.register_keras_serializable("test_own_refusals")
    class Subclassed(keras.Model):
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self.dense = keras.layers.Dense(2)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    model = Subclassed()
    model(np.zeros((1, 4), np.float32))
    message = refusal(saved(model), tmp_path)
    assert "Subclassed that is neither functional nor Sequential" in message
    assert "keras.Model(inputs, model(inputs))" in message


def test_error_names_a_custom_layer(vector_net: Callable[..., keras.Model], saved: Save, tmp_path: Path) -> None:
    import keras

    class Doubling(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return 2 * inputs

    message = refusal(saved(vector_net(Doubling())), tmp_path)
    assert "needs the custom layer 'Doubling'" in message
    assert "export.run" in message


def test_python_code_in_a_lambda_layer_is_never_run(
    vector_net: Callable[..., keras.Model], saved: Save, tmp_path: Path
) -> None:
    import keras

    trap = tmp_path / "trap"
    # Only a lambda is stored with its code, and only without defaults or a closure Keras can load it again.
    code = f"lambda x: (__import__('pathlib').Path({str(trap)!r}).touch(), x)[1]"
    spring = keras.layers.Lambda(eval(code), output_shape=(4,))
    path = saved(vector_net(spring))
    trap.unlink(missing_ok=True)
    message = refusal(path, tmp_path)
    assert "Lambda layer" in message
    assert "not run from a file" in message
    assert not trap.exists()


def test_error_names_layers_whose_names_tensorflow_cannot_use(
    vector_net: Callable[..., keras.Model], saved: Save, tmp_path: Path
) -> None:
    from keras import layers

    message = refusal(saved(vector_net(layers.Dense(2, name="last layer"))), tmp_path)
    assert "'last layer'" in message
    assert "rename the layer" in message


def test_truncated_or_changed_file_is_rejected(photo_net: Path, tmp_path: Path) -> None:
    content = photo_net.read_bytes()
    truncated, altered = tmp_path / "truncated.keras", tmp_path / "altered.keras"
    truncated.write_bytes(content[: len(content) // 2])
    assert "damaged or truncated" in refusal(str(truncated), tmp_path)
    middle = len(content) // 2
    altered.write_bytes(
        content[:middle] + bytes(byte ^ 0xFF for byte in content[middle : middle + 8]) + content[middle + 8 :]
    )
    assert "damaged: its entry" in refusal(str(altered), tmp_path)


def test_archive_with_paths_outside_its_folder_is_rejected(photo_net: Path, tmp_path: Path) -> None:
    path = tmp_path / "climber.keras"
    path.write_bytes(photo_net.read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../climbed", "out")
    assert "would be written outside the target folder" in refusal(str(path), tmp_path)
    assert not list(tmp_path.parent.parent.glob("climbed"))


def test_photos_for_a_net_of_unknown_preprocessing_require_the_option(
    vector_net: Callable[..., keras.Model], saved: Save, photo_folder: Path, tmp_path: Path
) -> None:
    from keras import layers

    path = saved(vector_net(layers.Conv2D(2, 3), (32, 32, 1)))
    assert "--preprocessing raw, unit, tf, caffe or torch" in refusal(path, tmp_path, calibration=str(photo_folder))


def test_photos_for_a_net_with_two_inputs_require_an_npz(saved: Save, photo_folder: Path, tmp_path: Path) -> None:
    import keras

    inputs = [keras.Input((32, 32, 1), name="left"), keras.Input((32, 32, 1), name="right")]
    path = saved(keras.Model(inputs, keras.layers.Subtract()(inputs)))
    message = refusal(path, tmp_path, calibration=str(photo_folder))
    assert "give an .npz with: left: float32 (N, 32, 32, 1); right: float32 (N, 32, 32, 1)" in message


def test_folders_without_photos_or_with_broken_ones_are_rejected(photo_net: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    assert f"no image in {folder}" in refusal(str(photo_net), tmp_path, calibration=str(folder))
    for index in range(3):
        (folder / f"{index}.jpg").write_bytes(b"\xff\xd8\xff not a photo")
    assert "photos" in refusal(str(photo_net), tmp_path, calibration=str(folder))


def test_arrays_of_the_wrong_shape_are_rejected_with_both_shapes(photo_net: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "small.npz", photo=np.zeros((20, 28, 28, 1), np.float32))
    message = refusal(str(photo_net), tmp_path, calibration=str(tmp_path / "small.npz"))
    assert "(N, 28, 28, 1)" in message
    assert "(N, 32, 32, 1)" in message


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["mobilnet", "--int8"], "unknown architecture 'mobilnet'; did you mean 'mobilenet'"),
        (["nowhere/own.keras", "--int8"], "there is no file 'nowhere/own.keras'"),
    ],
)
def test_usage_error_prints_one_line_and_exits_with_code_2(words: list[str], expected: str, zoo: Zoo) -> None:
    result = zoo("export", *words)
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"error: {expected}")
