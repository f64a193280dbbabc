"""Every layer of keras.layers in a small network of its own, exported in both formats: docs/layers.md.

The weights are random and large, so that activations saturate; they count as trained, so that int8 is judged.
"""

from __future__ import annotations

import argparse
import inspect
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from export import pipeline
from export.bundle.report.rows import Row, rows
from export.recipe import Recipe
from export.scheme import FLOAT32, INT8, W8A16, W8A32

PAGE = Path(__file__).resolve().parents[1] / "docs" / "layers.md"
SCHEMES = (FLOAT32, W8A32, W8A16, INT8)
BEGIN, END = "<!-- the table -->", "<!-- the end of the table -->"

# Why classes of keras.layers have no network here.
LEFT_OUT = {
    "Layer": "abstract",
    "InputLayer": "every network has one",
    "Wrapper": "abstract",
    "RNN": "takes cells, as LSTM does",
    "StackedRNNCells": "a cell, not a layer of a network",
    "Lambda": "Python code, see --unsafe-lambda",
    "Pipeline": "prepares data",
    "TextVectorization": "takes strings",
    "StringLookup": "takes strings",
    "HashedCrossing": "takes two categories",
    "Hashing": "takes strings",
    "TFSMLayer": "holds a SavedModel",
    "TorchModuleWrapper": "holds another framework's code",
    "JaxLayer": "holds another framework's code",
    "FlaxLayer": "holds another framework's code",
    "MaxNumBoundingBoxes": "prepares data",
}
AUGMENTATION = ("Random", "RandAugment", "AugMix", "AutoContrast", "CutMix", "MixUp", "Equalization", "Solarization")

VECTOR, SERIES, IMAGE, VOLUME, IDS = (12,), (10, 4), (12, 12, 3), (6, 6, 6, 2), (6,)
BY_RANK = {"1D": SERIES, "2D": IMAGE, "3D": VOLUME}
SHAPES: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN", "Bidirectional", "TimeDistributed", "LayerNormalization"), SERIES),
    **dict.fromkeys(("Attention", "AdditiveAttention", "MultiHeadAttention", "GroupQueryAttention", "Masking"), SERIES),
    **dict.fromkeys(("CenterCrop", "Resizing", "GroupNormalization", "BatchNormalization"), IMAGE),
    **dict.fromkeys(("Embedding", "CategoryEncoding", "IntegerLookup", "ReversibleEmbedding"), IDS),
    "ConvLSTM1D": (4, 6, 2),
    "ConvLSTM2D": (4, 6, 6, 2),
    "ConvLSTM3D": (3, 4, 4, 4, 1),
    "STFTSpectrogram": (256, 1),
    "MelSpectrogram": (1024,),
}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "Activation": {"activation": "swish"},
    "CategoryEncoding": {"num_tokens": 12},
    "CenterCrop": {"height": 8, "width": 8},
    "Dense": {"units": 6},
    "Discretization": {"bin_boundaries": [-0.5, 0.0, 0.5]},
    "Dot": {"axes": 1},
    "EinsumDense": {"equation": "ab,bc->ac", "output_shape": 6},
    "Embedding": {"input_dim": 12, "output_dim": 5},
    "GRU": {"units": 5},
    "GaussianNoise": {"stddev": 0.1},
    "GroupNormalization": {"groups": 3},
    "IntegerLookup": {"vocabulary": list(range(11))},
    "LSTM": {"units": 5},
    "MelSpectrogram": {"fft_length": 128, "sequence_stride": 64, "sampling_rate": 2000, "num_mel_bins": 16},
    "Permute": {"dims": (1,)},
    "RepeatVector": {"n": 3},
    "Rescaling": {"scale": 0.5},
    "Reshape": {"target_shape": (3, 4)},
    "Resizing": {"height": 8, "width": 8},
    "ReversibleEmbedding": {"input_dim": 12, "output_dim": 5},
    "STFTSpectrogram": {"frame_length": 32, "frame_step": 16},
    "SimpleRNN": {"units": 5},
}
BY_PREFIX: Mapping[str, Mapping[str, Any]] = {
    "ConvLSTM": {"filters": 3, "kernel_size": 3},
    "Conv": {"filters": 4, "kernel_size": 3},
    "SeparableConv": {"filters": 4, "kernel_size": 3},
    "DepthwiseConv": {"kernel_size": 3},
    "AveragePooling": {"pool_size": 2},
    "MaxPooling": {"pool_size": 2},
    "Adaptive": {"output_size": 2},
}
MERGES = frozenset({"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot"})


def names() -> list[str]:
    """Return the layers that have a network here: classes of keras.layers without aliases."""
    from keras import layers

    found = (name for name, one in vars(layers).items() if inspect.isclass(one) and one.__name__ == name)
    return sorted(name for name in found if reason_left_out(name) is None)


def reason_left_out(name: str) -> str | None:
    """Return why a class of keras.layers has no network here; None if it has one."""
    from keras import layers

    if not issubclass(getattr(layers, name), layers.Layer) or name.endswith("Cell"):
        return "not a layer of a network"
    if name.startswith(AUGMENTATION) or "HistogramEqualization" in name:
        return "changes training data only"
    return LEFT_OUT.get(name)


def network(name: str) -> tuple[Any, np.ndarray]:
    """Return a network around one layer of keras.layers, and 110 rows of inputs."""
    import keras
    from keras import layers

    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    rng, shape = np.random.default_rng(0), _shape(name)
    rows = rng.integers(0, 11, (110, *shape)).astype(np.int32) if shape == IDS else rng.normal(size=(110, *shape))
    x = keras.Input(shape, dtype="int32" if shape == IDS else "float32", name="x")
    y = _CALLS.get(name, _call)(name, x, rows)
    if keras.backend.standardize_dtype(y.dtype) != "float32":
        y = keras.ops.cast(y, "float32")
    model = keras.Model(x, layers.Dense(3, name="scores")(layers.Flatten()(y)))
    for variable in model.trainable_variables:
        variable.assign(1.5 * variable.numpy())
    return model, rows if shape == IDS else rows.astype(np.float32)


def _shape(name: str) -> tuple[int, ...]:
    return SHAPES.get(name) or BY_RANK.get(name[-2:]) or BY_RANK.get(name.removesuffix("Transpose")[-2:], VECTOR)


def _settings(name: str) -> Mapping[str, Any]:
    if name in SETTINGS:
        return SETTINGS[name]
    if "Dropout" in name:
        return {"rate": 0.1}
    return next((settings for prefix, settings in BY_PREFIX.items() if name.startswith(prefix)), {})


def _call(name: str, x: Any, rows: np.ndarray) -> Any:
    from keras import layers

    layer = getattr(layers, name)(**_settings(name))
    if name == "Normalization":
        layer.adapt(rows)
    return layer([layers.Dense(6)(x), layers.Dense(6)(x)] if name in MERGES else x)


def _attention(name: str, x: Any, rows: np.ndarray) -> Any:
    from keras import layers

    if name == "MultiHeadAttention":
        return layers.MultiHeadAttention(2, 4)(x, x)
    if name == "GroupQueryAttention":
        return layers.GroupQueryAttention(4, 4, 2)(x, x)
    return getattr(layers, name)()([layers.Dense(4)(x), x])


def _wrapper(name: str, x: Any, rows: np.ndarray) -> Any:
    from keras import layers

    return getattr(layers, name)(layers.LSTM(4) if name == "Bidirectional" else layers.Dense(4))(x)


_CALLS: dict[str, Callable[[str, Any, np.ndarray], Any]] = {
    **dict.fromkeys(("Attention", "AdditiveAttention", "MultiHeadAttention", "GroupQueryAttention"), _attention),
    **dict.fromkeys(("Bidirectional", "TimeDistributed", "SpectralNormalization"), _wrapper),
}


def exported(name: str, work: Path) -> list[Row]:
    """Return the rows of the table of an export of the network around one layer."""
    model, values = network(name)
    model.save(work / "own.keras")
    np.savez(work / "rows.npz", x=values)
    recipe = Recipe(
        model=str(work / "own.keras"),
        calibration=str(work / "rows.npz"),
        schemes=SCHEMES,
        calibration_count=60,
        probe_count=40,
        out=work / "out",
    )
    return rows(pipeline.run(recipe).manifest)


def cells(found: list[Row]) -> tuple[str, ...]:
    """Return for each precision whether its .tflite and .onnx are proven: "yes", ".tflite", ".onnx" or "no"."""
    proven = {(row.scheme.split(",")[0], row.format) for row in found if row.state != "failed"}
    words = {(True, True): "yes", (True, False): ".tflite", (False, True): ".onnx", (False, False): "no"}
    return tuple(words[(str(scheme), ".tflite") in proven, (str(scheme), ".onnx") in proven] for scheme in SCHEMES)


def reason(found: list[Row]) -> str:
    """Return why the first file failed, without measured numbers; empty if none did."""
    first = next((row.reason.split(";")[0] for row in found if row.state == "failed"), "")
    return re.split(r"\s-?\d", first)[0]


def main(arguments: list[str]) -> int:
    """Export every layer and write the table of docs/layers.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks layers", description=__doc__)
    parser.parse_args(arguments)
    lines = [f"| layer | {' | '.join(map(str, SCHEMES))} | the first reason |", "|---|" + "---|" * (len(SCHEMES) + 1)]
    for name in names():
        with tempfile.TemporaryDirectory() as folder:
            found = exported(name, Path(folder))
        lines.append(f"| {name} | {' | '.join(cells(found))} | {reason(found)} |")
        print(lines[-1], flush=True)
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    PAGE.write_text(before + "\n".join([BEGIN, *lines, END]) + rest.split(END)[1], encoding="utf-8")
    return 0
