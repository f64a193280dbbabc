"""Accuracy, size and speed of a trained network after pruning, clustering and quantization-aware training.

`python -m benchmarks compression --out FOLDER` runs the commands that a user would type, for the ResNet-8 of MLPerf
Tiny at twice its width on CIFAR-10, and prints the table of docs/pruning.md. Files that FOLDER already contains are
reused.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

SEED, DATA = 0, "cifar10"
_LEARN = ("--data", DATA, "--batch", "128")
# Name of the file -> title of the row, and the options of `zoo train base.keras`.
ROWS: Mapping[str, tuple[str, Sequence[str]]] = {
    "more": ("4 epochs more, for comparison", ("--epochs", "4", "--learning-rate", "3e-4")),
    "prune50": ("`--prune 0.5`", ("--prune", "0.5")),
    "prune24": ("`--prune 2:4`", ("--prune", "2:4")),
    "channels30": (
        "`--prune-channels 0.3`",
        ("--prune-channels", "0.3", "--stage-epochs", "8", "--stage-learning-rate", "1e-3"),
    ),
    "cluster32": ("`--cluster 32`", ("--cluster", "32", "--stage-epochs", "3")),
    "qat": ("`--qat`", ("--qat", "--stage-epochs", "3")),
    "all": (
        "all four",
        ("--prune-channels", "0.3", "--prune", "0.5", "--cluster", "32", "--qat", "--stage-learning-rate", "1e-3"),
    ),
}


def build(width: int = 32) -> Any:
    """Return ResNet-8 (Banbury et al. 2021, https://arxiv.org/abs/2106.07597): three residual blocks."""
    import keras
    from keras import layers

    def convolved(x: Any, channels: int, size: int, stride: int = 1) -> Any:
        x = layers.Conv2D(channels, size, stride, "same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    keras.utils.set_random_seed(SEED)
    image = keras.Input((32, 32, 3))
    x = layers.ReLU()(convolved(image, width, 3))
    for block in range(3):
        channels, stride = width << block, 2 if block else 1
        y = layers.ReLU()(convolved(x, channels, 3, stride))
        y = convolved(y, channels, 3)
        x = convolved(x, channels, 1, stride) if block else x
        x = layers.ReLU()(layers.Add()([x, y]))
    return keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)), name="resnet8")


def main(arguments: Sequence[str]) -> int:
    """Train and export the missing networks, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks compression")
    parser.add_argument("--out", type=Path, required=True, help="a folder to work in")
    out = parser.parse_args(arguments).out
    out.mkdir(parents=True, exist_ok=True)
    if not (out / "new.keras").exists():
        build().save(out / "new.keras")
    learn = ("--preprocessing", "unit", "--epochs", "12", "--learning-rate", "4e-3")
    _train(out, "new.keras", "base", learn)
    for name, (_, words) in ROWS.items():
        _train(out, "base.keras", name, words)
    for name in ("base", *ROWS):
        _export(out, name)
    times = _times(out)
    print("| | top-1 %, float32 | int8 | .tflite kB, float32, zipped | int8 | int8, zipped | ms .tflite | .onnx |")
    print("|---|---|---|---|---|---|---|---|")
    for name, title in {"base": "original", **{name: title for name, (title, _) in ROWS.items()}}.items():
        print(f"| {title} | {' | '.join(_cells(out, name, times))} |", flush=True)
    return 0


def _train(out: Path, begin: str, name: str, words: Sequence[str]) -> None:
    if not (out / f"{name}.keras").exists():
        _zoo("train", str(out / begin), *_LEARN, *words, "--out", str(out / f"{name}.keras"))


def _export(out: Path, name: str) -> None:
    if (out / name / "manifest.json").exists():
        return
    words = ("--calibration", DATA, "--evaluate", DATA, "--original", str(out / "base.keras"), "--out", str(out))
    _zoo("export", str(out / f"{name}.keras"), "--int8", *words)


def _zoo(*words: str) -> str:
    program = "import sys; from export.cli.main import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run([sys.executable, "-c", program, *words], check=True, stdout=subprocess.PIPE, text=True).stdout


def _times(out: Path) -> Mapping[str, float]:
    """Return the median milliseconds of every int8 file, measured in turn."""
    files = [str(out / name / f"{name}-int8.{kind}") for name in ("base", *ROWS) for kind in ("tflite", "onnx")]
    rows = json.loads(_zoo("bench", "--runs", "2000", "--json", *files))
    return {Path(row["file"]).name: row["p50_ms"] for row in rows}


def _cells(out: Path, name: str, times: Mapping[str, float]) -> Iterator[str]:
    manifest = json.loads((out / name / "manifest.json").read_text())
    files = {row["file"]: row for row in (*manifest["files"], *manifest["not_delivered"])}
    sizes = manifest["pruning"]["files"]
    int8 = f"{name}-int8.tflite"
    yield f"{100 * manifest['evaluation']['scores']['top1']:.2f}"
    yield " / ".join(f"{100 * files[f'{name}-int8.{kind}']['scores']['top1']:.2f}" for kind in ("tflite", "onnx"))
    yield f"{sizes[f'{name}-float32.tflite']['bytes_zipped'] / 1000:.0f}"
    yield f"{sizes[int8]['bytes'] / 1000:.0f}"
    yield f"{sizes[int8]['bytes_zipped'] / 1000:.0f}"
    for kind in ("tflite", "onnx"):
        file = f"{name}-int8.{kind}"
        yield f"{times[file]:.3f} ({times[f'base-int8.{kind}'] / times[file]:.2f} x)"
