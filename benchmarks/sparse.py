"""Size, memory and speed of files that encode their zeros: TFLite's sparse encoding, ONNX's sparse initializers.

The smallest weights of each 1x1 convolution are set to zero. This ruins accuracy, but does not affect size and speed.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.samples import Array, Samples
from export import process
from export.formats import FORMATS, format_of
from export.model.subject import load_subject
from export.quantization.samples import draw
from export.recipe import Recipe
from export.runtime.jobs.timing import time_file, time_in_turns
from export.scheme import INT8

if TYPE_CHECKING:
    import keras

SHARES = (0.5, 0.7, 0.8, 0.9)
THREADS = (1, 2)
ROUNDS, RUNS = 30, 5  # of many short turns, some are not disturbed by other processes
CALIBRATION, COMPARED = 16, 4  # samples
MANY = 0.4  # share of zeros from which on an initializer is written as sparse

Writer = Callable[["keras.Model", bool], bytes]  # model, whether to encode the zeros -> file


def run(models: list[str]) -> None:
    """Print size, memory and times of the sparse files relative to the dense ones with the same weights."""
    print("\n## Zeros in the 1x1 convolutions (size, zipped, memory: sparse / dense; time: / dense without zeros)\n")
    print("| model | file | zeros | dense, MB | size | zipped | memory | outputs | time, dense | time, sparse |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in models:
        with tempfile.TemporaryDirectory() as folder:
            _measure(name, Path(folder))


def _measure(name: str, work: Path) -> None:
    recipe = Recipe(model=name, schemes=(INT8,), calibration_count=CALIBRATION)
    subject = load_subject(recipe)
    samples = draw(subject, recipe, work).calibration
    writers: dict[str, Writer] = {
        "float32.tflite": partial(tflite, samples=None),
        "int8.tflite": partial(tflite, samples=samples),
        "float32.onnx": onnx,
    }
    kernels = pointwise_kernels(subject.model)
    for share in (0.0, *SHARES):
        prune(subject.model, kernels, share)
        for kind, write in writers.items():
            (work / f"dense-{share}-{kind}").write_bytes(write(subject.model, False))
            if share:
                (work / f"sparse-{share}-{kind}").write_bytes(write(subject.model, True))
    for kind in writers:
        pairs = [(work / f"dense-{share}-{kind}", work / f"sparse-{share}-{kind}") for share in SHARES]
        times = _times([work / f"dense-0.0-{kind}", *(path for pair in pairs for path in pair)])
        for share, (dense, sparse) in zip(SHARES, pairs, strict=True):
            size, zipped, memory = (one(sparse) / one(dense) for one in (_size, _zipped, _memory))
            print(
                f"| {name} | {kind} | {share:.0%} | {_size(dense) / 1e6:.1f} | {size:.2f} | {zipped:.2f} "
                f"| {memory:.2f} | {_difference(dense, sparse, samples)} | {times[dense]} | {times[sparse]} |"
            )


def pointwise_kernels(model: keras.Model) -> dict[str, Array]:
    """Return the kernels of the 1x1 convolutions by path."""
    kernels = {weight.path: weight.numpy() for weight in model.weights if weight.path.endswith("/kernel")}
    return {path: kernel for path, kernel in kernels.items() if kernel.ndim == 4 and kernel.shape[:2] == (1, 1)}


def prune(model: keras.Model, kernels: Mapping[str, Array], share: float) -> None:
    """Write the kernels into the model, with the smallest `share` of each set to zero."""
    for weight in model.weights:
        if weight.path in kernels:
            sizes = np.abs(kernels[weight.path])
            weight.assign(np.where(sizes < np.quantile(sizes, share), 0, kernels[weight.path]))


def tflite(model: keras.Model, sparse: bool, samples: Samples | None) -> bytes:
    """Return the model as TensorFlow's converter writes it: int8 if there are samples, float32 if there are none."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY] if sparse else []
    if samples:
        (image,) = samples.inputs
        converter.optimizations = [*converter.optimizations, tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([sample[image]] for sample in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    with contextlib.redirect_stdout(io.StringIO()):  # Keras lists every variable
        return bytes(converter.convert())


def onnx(model: keras.Model, sparse: bool) -> bytes:
    """Return the float32 .onnx; if sparse, kernels with many zeros are stored as nonzero values with positions."""
    from onnx import TensorProto, helper, load_from_string, numpy_helper

    proto: Any = load_from_string(FORMATS["onnx"].convert(model))
    initializers = list(proto.graph.initializer)
    for initializer in initializers if sparse else ():
        array = numpy_helper.to_array(initializer)
        if array.ndim > 1 and np.mean(array == 0) > MANY:
            places = np.flatnonzero(array)  # int64: the standard has no smaller type for them
            values = helper.make_tensor(initializer.name, TensorProto.FLOAT, places.shape, array.ravel()[places])
            indices = helper.make_tensor("", TensorProto.INT64, places.shape, places)
            proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, array.shape))
            proto.graph.initializer.remove(initializer)
    return bytes(proto.SerializeToString())


def _times(paths: list[Path]) -> dict[Path, str]:
    """Return the time of each file as a share of the first one's, by number of threads."""
    found: dict[Path, list[str]] = {path: [] for path in paths}
    for threads in THREADS:
        timed = process.call(time_in_turns, paths=list(map(str, paths)), rounds=ROUNDS, runs=RUNS, threads=threads)
        for path, milliseconds in zip(paths, timed["p50_ms"], strict=True):
            found[path].append(f"{milliseconds / timed['p50_ms'][0]:.2f}")
    return {path: ", ".join(ratios) for path, ratios in found.items()}


def _size(path: Path) -> int:
    return path.stat().st_size


def _zipped(path: Path) -> int:
    return len(zlib.compress(path.read_bytes()))


def _memory(path: Path) -> float:
    timed = process.call(time_file, fresh=True, path=path, runs=1, threads=1)
    return float(timed["peak_mb"] - timed["empty_mb"])


def _difference(dense: Path, sparse: Path, samples: Samples) -> str:
    sessions = [format_of(path).open(path) for path in (dense, sparse)]
    (name,) = (spec.name for spec in sessions[0].inputs)
    inputs = [{name: image} for sample in list(samples)[:COMPARED] for image in sample.values()]
    pairs = [[next(iter(session.run(one).values())) for session in sessions] for one in inputs]
    worst = max(float(np.abs(ours - theirs).max()) for ours, theirs in pairs)
    return f"within {worst:.1g}" if worst else "bit-equal"
