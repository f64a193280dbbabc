"""Every reader refuses a damaged file with its documented error: truncated or with a byte changed anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from tests.zoo.tfjs_files import write_tfjs
from tests.zoo.torch_files import write as write_torch
from zoo.weights import readers
from zoo.weights.readers import llama2_c, npz

ARRAYS = {"conv1/kernel": np.linspace(-1, 1, 216, dtype=np.float32).reshape(3, 3, 3, 8), "conv1/bias": np.ones(8)}


def write_darknet(folder: Path) -> list[Path]:
    (folder / "a.weights").write_bytes(np.array([0, 2, 0, 7, 0], "<i4").tobytes() + ARRAYS["conv1/kernel"].tobytes())
    return [folder / "a.weights"]


def write_keras_h5(folder: Path) -> list[Path]:
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        file.attrs["layer_names"] = [b"conv1"]
        group = file.create_group("conv1")
        group.attrs["weight_names"] = [name.encode() for name in ARRAYS]
        for name, array in ARRAYS.items():
            group[name] = array
    return [folder / "a.h5"]


def write_llama2_c(folder: Path) -> list[Path]:
    sizes = (4, 6, 2, 2, 1, 5, 8)
    count = sum(int(np.prod(shape)) for shape in llama2_c._shapes(*sizes).values())
    (folder / "a.bin").write_bytes(np.array(sizes, "<i4").tobytes() + np.ones(count, "<f4").tobytes())
    return [folder / "a.bin"]


def write_npz(folder: Path) -> list[Path]:
    npz.write(folder / "a.npz", ARRAYS)
    return [folder / "a.npz"]


def write_onnx(folder: Path) -> list[Path]:
    from onnx import helper, numpy_helper, save

    tensors = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in ARRAYS.items()]
    save(helper.make_model(helper.make_graph([], "a", [], [], tensors)), folder / "a.onnx")
    return [folder / "a.onnx"]


def write_safetensors(folder: Path) -> list[Path]:
    from safetensors.numpy import save_file

    save_file(ARRAYS, folder / "a.safetensors")
    return [folder / "a.safetensors"]


def write_tflite(folder: Path) -> list[Path]:
    import keras
    import tensorflow as tf

    image = keras.Input((6, 6, 3), batch_size=1)
    model = keras.Model(image, keras.layers.Conv2D(4, 3)(image))
    (folder / "a.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    return [folder / "a.tflite"]


def write_tf_checkpoint(folder: Path) -> list[Path]:
    import tensorflow as tf

    variables = {name.rpartition("/")[2]: tf.Variable(array) for name, array in ARRAYS.items()}
    layer = tf.train.Checkpoint(**variables)
    tf.train.Checkpoint(**{"layer_with_weights-0": layer}).write(str(folder / "a"))
    return [folder / "a.index", folder / "a.data-00000-of-00001"]


WRITERS: Mapping[str, Callable[[Path], list[Path]]] = {
    "darknet": write_darknet,
    "keras_h5": write_keras_h5,
    "llama2_c": write_llama2_c,
    "npz": write_npz,
    "onnx": write_onnx,
    "safetensors": write_safetensors,
    "tf_checkpoint": write_tf_checkpoint,
    "tfjs": lambda folder: write_tfjs(folder, ARRAYS),
    "tflite": write_tflite,
    "torch_state": lambda folder: [write_torch(folder / "a.pth", "zip")],
}
# Damage that random changes seldom cause: (reader, file).
HOSTILE = {
    "tfjs without a manifest": ("tfjs", b"{}"),
    "tfjs of a list": ("tfjs", b"[]"),
    "tflite with its root outside": ("tflite", b"\xff\xff\xff\x7fTFL3"),
    "tflite of a head alone": ("tflite", b"\x08\0\0\0TFL3"),
    "keras_h5 of a signature alone": ("keras_h5", b"\x89HDF\r\n\x1a\n"),
}


@pytest.mark.parametrize("reader", sorted(readers.READERS))
def test_a_damaged_file_is_refused_as_promised(reader: str, tmp_path: Path) -> None:
    files = WRITERS[reader](tmp_path)
    readers.read(reader, files)
    whole = files[0].read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for place in sorted(rng.integers(0, len(whole), 100)):
        changed = bytearray(whole)
        changed[place] ^= int(rng.integers(1, 256))
        for content in (whole[:place], bytes(changed)):
            files[0].write_bytes(content)
            try:
                readers.read(reader, files)
            except ValueError:
                refused += 1
    assert refused > 40  # a byte of a weight may be any; few files can be cut and still be one


@pytest.mark.parametrize("case", sorted(HOSTILE))
def test_a_hostile_file_is_refused_as_promised(case: str, tmp_path: Path) -> None:
    reader, content = HOSTILE[case]
    (tmp_path / "hostile").write_bytes(content)
    with pytest.raises(ValueError, match="hostile"):
        readers.read(reader, [tmp_path / "hostile"])


def test_a_stride_beyond_all_memory_is_refused(tmp_path: Path) -> None:
    from tests.zoo.torch_files import Tensor

    path = write_torch(tmp_path / "state.pth", "zip", [Tensor(shape=(1,), strides=(2**62,))])
    with pytest.raises(ValueError, match=r"state\.pth"):
        readers.read("torch_state", [path])


def test_a_file_that_is_not_there_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        readers.read("npz", [tmp_path / "none.npz"])
