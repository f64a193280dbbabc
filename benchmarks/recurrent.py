"""An LSTM of 16, 64 and 256 steps: fused, unrolled and as a loop, in size, operators, speed and SQNR.

The fused integer kernel is what TFLiteConverter writes for a tf_keras LSTM; ours are the unrolled files and, with
`--unroll 0`, those whose loop stays in float. All are calibrated on the same rows and judged on the same other rows.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.page import between, machine
from export import pipeline
from export.metrics import compare
from export.recipe import Recipe
from export.scheme import FLOAT32, INT8

PAGE = Path(__file__).resolve().parents[1] / "docs" / "recurrent.md"
BEGIN, END = "<!-- the table -->", "<!-- the end of the table -->"
CALIBRATION, HELD_OUT, UNITS, CLASSES, RUNS = 160, 100, 32, 3, 50

Call = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Measured:
    """One file of one network.

    Attributes:
        form: how the file computes the layer.
        kilobytes: size.
        operators: number of operators that the runtime executes, of all subgraphs.
        ms: median latency on one thread.
        sqnr_db: on held-out rows, each after a reset of the variables.
        repeats: whether a second call with the same input gives the same output.
    """

    form: str
    kilobytes: float
    operators: int
    ms: float
    sqnr_db: float
    repeats: bool


def series(steps: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return noisy sines (N, steps, 3) of one of three frequencies, and the frequency's number."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, CALIBRATION + HELD_OUT)
    phase = np.arange(steps)[None, :, None] * (0.2 + 0.25 * labels[:, None, None])
    values = np.sin(phase + rng.uniform(0, 6, (len(labels), 1, 3))) + rng.normal(0, 0.2, (len(labels), steps, 3))
    return values.astype(np.float32), labels


def trained(steps: int, seed: int) -> tuple[Any, np.ndarray]:
    """Return a trained tf_keras network around an LSTM, and all rows."""
    import tensorflow as tf
    import tf_keras

    values, labels = series(steps, seed)
    tf.random.set_seed(seed)
    layers = tf_keras.layers
    model = tf_keras.Sequential([layers.Input((steps, 3), name="series"), layers.LSTM(UNITS), layers.Dense(CLASSES)])
    model.compile("adam", tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(values, labels, epochs=6, batch_size=16, verbose=0)
    return model, values


def fused(model: Any, values: np.ndarray) -> bytes:
    """Return the plain converter's int8 file, with a fused LSTM operator."""
    import tensorflow as tf

    call = tf.function(lambda x: model(x)).get_concrete_function(tf.TensorSpec((1, *values.shape[1:])))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([call], model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([row[None]] for row in values[:CALIBRATION])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return bytes(converter.convert())


def ours(model: Any, values: np.ndarray, work: Path, unroll: int) -> Iterator[Path]:
    """Yield the paths of our float32 and int8 files."""
    work.mkdir()
    model.save(work / "lstm.h5")
    rows: Any = {model.input_names[0]: values[:CALIBRATION]}
    np.savez(work / "rows.npz", **rows)
    recipe = Recipe(
        model=str(work / "lstm.h5"),
        calibration=str(work / "rows.npz"),
        schemes=(FLOAT32, INT8),
        unroll=unroll,
        keep_failed=True,
        out=work,
    )
    delivery = pipeline.run(recipe)
    assert delivery.folder is not None  # the float32 files are always written
    yield from (delivery.folder / file["file"] for file in delivery.manifest["files"])


def measured(form: str, path: Path, expected: np.ndarray, rows: np.ndarray) -> Measured:
    """Run a file on the held-out rows, with its variables reset before each, if it has any."""
    call, reset, count = _onnx(path) if path.suffix == ".onnx" else _tflite(path)
    outputs = []
    for row in rows:
        reset()
        outputs.append(call(row[None]))
    found = np.concatenate(outputs)
    first, second = call(rows[:1]), call(rows[:1])
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        call(rows[:1])
        seconds.append(time.perf_counter() - start)
    sqnr_db = compare(reference=expected, actual=found).sqnr_db
    size = path.stat().st_size / 1e3
    return Measured(form, size, count, 1e3 * float(np.median(seconds)), sqnr_db, bool((first == second).all()))


def _tflite(path: Path) -> tuple[Call, Callable[[], None], int]:
    from ai_edge_litert.interpreter import Interpreter

    from export.formats.tflite import flatbuffer

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def call(row: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(source, row)
        interpreter.invoke()
        return np.array(interpreter.get_tensor(result))

    return (
        call,
        interpreter.reset_all_variables,
        sum(len(one.operators) for one in flatbuffer.read(path.read_bytes()).subgraphs),
    )


def _onnx(path: Path) -> tuple[Call, Callable[[], None], int]:
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options)
    name = session.get_inputs()[0].name

    def call(row: np.ndarray) -> np.ndarray:
        return np.asarray(session.run(None, {name: row})[0])

    return call, lambda: None, sum(1 for _ in _nodes(onnx.load(str(path)).graph))


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g)


def files(steps: int, seed: int, work: Path) -> list[Measured]:
    """Return the measurements of all forms of one trained network."""
    model, values = trained(steps, seed)
    rows = values[CALIBRATION:]
    expected = np.asarray(model(rows))
    plain = work / "fused.tflite"
    plain.write_bytes(fused(model, values))
    found = [measured("fused int8 .tflite, TFLiteConverter", plain, expected, rows)]
    for title, unroll in (("unrolled", max(steps, 1)), ("float loop", 0)):
        for path in ours(model, values, work / title, unroll):
            if "float32" not in path.name:
                found.append(measured(f"{title} int8 {path.suffix}", path, expected, rows))
            elif not unroll and path.suffix == ".tflite":
                found.insert(0, measured("float32 .tflite", path, expected, rows))
    return found


def table(by_steps: dict[int, list[list[Measured]]]) -> list[str]:
    """Return the lines of the table; times are ratios to the float32 .tflite of the same run, SQNR is of each seed."""
    lines = [
        "| steps | file | kB | operators | time, float32 .tflite = 1 | SQNR dB, one per seed | a second call |",
        "|---|---|---|---|---|---|---|",
    ]
    for steps, runs in by_steps.items():
        for form in zip(*runs, strict=True):
            first = form[0]
            base = [next(one for one in run if one.form == "float32 .tflite").ms for run in runs]
            ratio = float(np.median([one.ms / ms for one, ms in zip(form, base, strict=True)]))
            quality = ", ".join(f"{one.sqnr_db:.1f}" for one in form)
            again = "same output" if all(one.repeats for one in form) else "**another output**"
            size = f"{first.kilobytes:.1f} | {first.operators}"
            lines.append(f"| {steps} | {first.form} | {size} | {ratio:.2f} | {quality} | {again} |")
    return lines


def main(arguments: list[str]) -> int:
    """Measure every form and write the table of docs/recurrent.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks recurrent", description=__doc__)
    parser.add_argument("--steps", default="16,64,256")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args(arguments)
    found: dict[int, list[list[Measured]]] = {}
    for steps in map(int, options.steps.split(",")):
        for seed in range(options.seeds):
            with tempfile.TemporaryDirectory() as folder:
                found.setdefault(steps, []).append(files(steps, seed, Path(folder)))
            print(*found[steps][-1], sep="\n", flush=True)
    text = "\n".join([*table(found), "", f"Machine: {machine()}."])
    PAGE.write_text(between(PAGE.read_text(encoding="utf-8"), BEGIN, END, text), encoding="utf-8")
    return 0
