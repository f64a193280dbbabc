"""A table of mistakes: wrong values of every option of every command, and what a user may confuse.

Run as a program, it types every line of the table in one process that never starts TensorFlow, and prints what came of
each: `python -m tests.cli.mistakes < CASES`.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from export.cli.main import command_names, load_command, main
from export.process import Worker
from export.runtime import background
from zoo.errors import OutsideError

STARTED = "the work began"
HEAVY = ("tensorflow", "keras", "tf_keras", "onnxruntime")

# What each command is typed with beside the wrong value; files are those of `tests.cli.test_mistakes.files`.
BASE: Mapping[str, tuple[str, ...]] = {
    "list": (),
    "show": ("lenet5",),
    "inspect": ("delivered/lenet5/lenet5-float32.tflite",),
    "doctor": ("numpy",),
    "cache": (),
    "train": ("lenet5", "--data", "pets"),
    "export": ("lenet5", "--int8"),
    "sweep": ("sweep.toml",),
    "pack": ("delivered/lenet5", "--target", "browser"),
    "prove": ("delivered/lenet5/lenet5-float32.tflite", "--model", "lenet5"),
    "verify": ("delivered/lenet5",),
    "run": ("delivered/lenet5", "pets/cat/0.png"),
    "serve": ("delivered/lenet5",),
    "bench": ("delivered/lenet5",),
}
OWN = ("own.keras", "--int8", "--calibration", "rows.npy")
MISSING, FOLDER = "nowhere", "empty"
SAMPLES = ("nowhere", "empty", "pet", "heic", "saved", "texts.txt", "texts.csv", "pets/cat/0.png", "photos.zip",
           "broken.npz", "rows.npy", "cut.npy", "objects.npy", "none.csv", "no_module:function", "fashion-mnst",
           "heic/a.heic", "own.keras")  # fmt: skip
LABELLED = ("nowhere", "empty", "pet", "heic", "saved", "texts.txt", "texts.csv", "pets/cat/0.png", "broken.npz",
            "one", "loose", "no_module:function", "mnits", "list_of_missing.csv", "none.csv")  # fmt: skip
TRAINING = ("nowhere", "empty", "pet", "heic", "saved", "texts.txt", "texts.csv", "pets/cat/0.png", "rows.npy", "one",
            "loose", "list_of_missing.csv", "none.csv", "own.keras")  # fmt: skip
MODELS = ("mobilnet", "nowhere.keras", "cut.keras", "empty.keras", "text.keras", "zip.keras", "code.keras", "h5.keras",
          "no_weights.keras", "changed.keras", "cut.h5", "weights.h5", "text.h5", "delivered/lenet5", "empty", "pets",
          "pets/cat/0.png", "saved_without_variables", "saved_cut", "saved_half", "rows.npy",
          "delivered/lenet5/lenet5-float32.tflite", "spaced.keras")  # fmt: skip
WEIGHTS = ("imagnet", "nowhere.h5", "empty.keras", "tiny/")

# Wrong values by command and option; those of whole numbers and numbers are generated.
WRONG: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("show", "NAME|FILE"): tuple(one for one in MODELS if one not in ("code.keras", "spaced.keras")),
    ("show", "--diagram"): ("net.txt", "nowhere/net.svg"),
    ("inspect", "FILE"): ("nowhere.tflite", "own.keras", "empty", "pets/cat/0.png"),
    ("inspect", "--model"): ("lenet5",),  # without --layers
    ("inspect", "--samples"): ("pets",),
    ("doctor", "[PACKAGE]..."): ("numpyy",),
    ("cache", "--clear"): ("result", "weights", ""),
    ("train", "NAME|FILE.keras"): tuple(one for one in MODELS if one != "spaced.keras"),
    ("train", "--data"): TRAINING,
    ("train", "--epochs"): ("-1",),
    ("train", "--out"): ("mine", "nowhere/mine.keras", "mine.h5", "empty", "/proc/mine.keras"),
    ("train", "--devices"): ("cpu:1", "cpu:x", "tpu", "0", "cpu:3"),
    ("train", "--weights"): WEIGHTS,
    ("train", "--set"): ("alpha", "alpha=1", "=1"),
    ("train", "--preprocessing"): ("unit", "unti"),
    ("train", "--prune-channels"): ("2", "0", "x", "-1"),
    ("train", "--prune"): ("2", "0", "x", "9:4", "2:"),
    ("export", "MODEL..."): MODELS,
    ("export", "--precision"): ("int9", "", "int8,,w8a16", "float", "int4"),
    ("export", "--format"): ("tflit", "", "pb"),
    ("export", "--set"): ("alpha", "alpha=1", "=1"),
    ("export", "--set-input"): ("image=a,b", "1,32,32,1", "image=0"),
    ("export", "--import"): ("nowhere.py", "own_layers.py"),
    ("export", "--weights"): WEIGHTS,
    ("export", "--calibration"): SAMPLES,
    ("export", "--observer"): ("minmx", ""),
    ("export", "--original"): ("nowhere.keras", "pets", "rows.npy"),
    ("export", "--raise"): ("c1=int9", "c1=int8", "c9", "nothing"),
    ("export", "--max-drop"): ("1", "200%", "one"),
    ("export", "--max-size"): ("3", "0MB", "big"),
    ("export", "--max-latency"): ("3", "0ms", "soon"),
    ("export", "--max-ram"): ("3", "0kB", "little"),
    ("export", "--max-flash"): ("3", "0MB", "little"),
    ("export", "--preset"): ("small",),
    ("export", "--raise-to"): ("int16", "int9"),
    ("export", "--prune-channels"): ("2", "0", "x", "-1"),
    ("export", "--prune"): ("2", "0", "x", "9:4", "2:"),
    ("export", "--preprocessing"): ("unit", "unti"),
    ("export", "--evaluate"): LABELLED,
    ("export", "--io"): ("uint9", "int16"),
    ("export", "--out"): ("pets/cat/0.png", "/proc/out"),
    ("export", "--target"): ("rasbery", "tflite"),
    ("export", "--sign"): ("nowhere.pem", "texts.txt"),
    ("sweep", "FILE.toml"): ("nowhere.toml", "texts.txt", "empty", "own.keras", "typo.toml", "refused.toml"),
    ("sweep", "--out"): ("texts.txt", "texts.txt/out"),
    ("sweep", "--store"): ("nonsense://x", "texts.txt"),
    ("sweep", "--on"): ("cluster", "ray:", "ray://", "ray://host"),
    ("pack", "FOLDER"): ("nowhere", "empty", "own.keras"),
    ("pack", "--target"): ("phone", "browse"),
    ("pack", "--precision"): ("int9",),
    ("pack", "--out"): ("pets",),
    ("prove", "FILE"): ("nowhere.tflite", "own.keras", "pets"),
    ("prove", "--model"): MODELS,
    ("prove", "--calibration"): SAMPLES,
    ("prove", "--weights"): WEIGHTS,
    ("prove", "--preprocessing"): ("unit", "unti"),
    ("prove", "--import"): ("own_layers.py",),
    ("prove", "--report"): ("proof.txt", "empty", "nowhere/proof.html"),
    ("verify", "FOLDER"): ("nowhere", "empty", "own.keras"),
    ("verify", "--key"): ("nowhere.pub", "texts.txt"),
    ("verify", "--on"): ("pi9",),
    ("verify", "--format"): ("tflit",),
    ("run", "FOLDER"): ("nowhere", "empty", "own.keras"),
    ("run", "PHOTO|SOUND|TEXT..."): ("nowhere.png", "pets", "texts.txt", "heic/a.heic"),
    ("run", "--file"): ("lenet5-int9.tflite",),
    ("run", "--out"): ("nowhere/out.npz", "empty", "mask.png"),
    ("serve", "FOLDER"): ("nowhere", "empty"),
    ("serve", "--host"): ("1.2.3.4.5",),
    ("bench", "DIR|FILE..."): ("nowhere", "empty", "own.keras"),
}

# Options that exclude each other, or that need another one.
TOGETHER: tuple[tuple[str, ...], ...] = (
    ("export", "own.keras", "--int8"),  # takes neither photos nor texts, and is given no samples
    ("export", "lenet5", "lenet5", "--int8"),
    ("export", "lenet5", "nowhere.keras", "--int8"),
    ("show", "lenet5", "--full"),
    ("show", "lenet5", "--code", "--json"),
    ("show", "own.keras", "--code"),
    ("show", "lenet5", "--json", "--diagram", "net.svg"),
    ("inspect", "delivered/lenet5/lenet5-float32.tflite", "--layers", "--model", "nowhere.keras"),
    ("inspect", "delivered/lenet5/lenet5-float32.tflite", "--layers", "--samples", "nowhere"),
    ("train", "lenet5", "--data", "pets", "--epochs", "0"),
    ("train", "lenet5", "--data", "pets", "--evaluate"),
    ("train", "own.keras", "--data", "pets", "--evaluate", "--batch", "8"),
    ("train", "lenet5", "--data", "pets", "--resume"),
    ("train", "lenet5", "--data", "pets", "--validation", "1.5"),
    ("train", "lenet5", "--data", "pets", "--epochs", "2", "--head-epochs", "3"),
    ("train", "lenet5", "--data", "pets", "--cluster", "1"),
    ("train", "minilm", "--data", "pets"),
    ("train", "minilm", "--data", "texts.csv", "--qat"),
    ("train", "minilm", "--data", "texts.csv", "--no-augment"),
    ("train", "yolo_v3_tiny", "--data", "pets"),
    ("train", "unet", "--data", "pets"),
    ("train", "gpt_small", "--data", "pets"),
    ("export", "lenet5", "--raise", "c1"),
    ("export", "lenet5", "--diagnose"),
    ("export", "lenet5", "--max-drop", "1%", "--random-calibration"),
    ("export", "lenet5", "--int8", "--max-size", "3MB"),
    ("export", "lenet5", "--precision", "float16", "--max-ram", "256kB"),
    ("export", "lenet5", "--max-ram", "256kB", "--preset", "compact"),
    ("export", "lenet5", "--precision", "float16", "--target", "microcontroller"),
    ("export", "lenet5", "--int8", "--io", "float32", "--target", "ethos-u"),
    ("export", "lenet5", "--max-size", "3MB", "--preset", "compact"),
    ("export", "lenet5", "--max-size", "3MB", "--raise", "c1"),
    ("export", "lenet5", "--calibration", "pets", "--random-calibration"),
    ("export", "lenet5", "--streaming", "--evaluate", "pets"),
    ("export", "lenet5", "--resume"),
    ("export", "lenet5", "--evaluate", "mnist", "--resume", "--no-cache"),
    ("sweep", "sweep.toml", "--store", "memory://x", "--on", "ray"),
    ("export", "lenet5", "--format", "tflite", "--opset", "17"),
    ("export", "lenet5", "--format", "tflite", "--dynamic-batch"),
    ("export", "lenet5", "--unsafe-lambda"),
    ("export", "lenet5", "--zip"),
    ("export", "lenet5", "--max-flash", "10kB", "--format", "onnx"),
    ("export", "lenet5", "--max-ram", "16kB", "--io", "float32"),
    ("export", "vgg16", "--precision", "int4"),
    ("export", "minilm", "--calibration", "pets"),
    ("export", "minilm", "--evaluate", "pets"),
    ("export", "minilm", "--calibration", "mnist"),
    ("export", "own.keras", "--weights", "imagenet"),
    ("export", "own.keras", "--set", "alpha=1"),
    ("export", "own.keras", "--preprocessing", "unit"),
    ("export", "own.keras", "--calibration", "pets"),
    ("export", "own.keras", "--calibration", "wide.npy"),
    ("export", "own.keras", "--calibration", "other.npz"),
    ("export", "own.keras", "--calibration", "holes.npy"),
    (*("export", *OWN), "--evaluate", "holes_labelled.npz"),
    (*("export", *OWN), "--evaluate", "no_targets.npz"),
    (*("export", *OWN), "--evaluate", "unequal.npz"),
    (*("export", *OWN), "--evaluate", "nope.csv"),
    (*("export", *OWN), "--set-input", "1,9"),
    (*("export", *OWN), "--set-input", "2,8"),
    (*("export", *OWN), "--set-input", "row=1,8"),
    ("export", "open.keras", "--set-input", "1,32,32,1", "--preprocessing", "unit"),
    ("export", "minilm", "--calibration", "short_tokens.npz", "--int8"),
    ("export", "lenet5", "--calibration", "unreadable", "--int8"),
    ("train", "grey.keras", "--data", "pets"),  # its preprocessing is unknown
    (*("export", *OWN), "--raise", "hiden"),
    (*("export", *OWN), "--import", "broken.py"),
    ("verify", "delivered/lenet5", "--samples", "3"),
    ("verify", "delivered/lenet5", "--on", "pi4", "--format", "tflite"),
    ("run", "delivered/lenet5", "pets/cat/0.png", "--max-tokens", "5"),
    ("run", "delivered/lenet5", "pets/cat/0.png", "rows.npy"),
    ("lst",),
    ("export", "lenet5", "--int9"),
    ("export", "own"),  # the file without its suffix
    ("export", "rescaled.keras", "--evaluate", "one"),
)

# What must not be refused: the work begins, after the notes.
HEALTHY: Mapping[tuple[str, ...], str] = {
    ("export", "LeNet5", "--precision", "INT8,Float16", "--format", "TFLITE", "--observer", "MinMax"): "",
    ("export", "lenet5", "--weights", "Fashion-MNIST", "--calibration", "pets", "--int8"): "",
    ("export", "lenet5", "--calibration", "bytes.npy", "--io", "UINT8", "--int8"): "",
    ("export", "lenet5", "--calibration", "pets"): "--calibration only gives the samples of the proof: float32 files",
    ("export", "lenet5", "--io", "int8"): "--io has no effect on float32 files",
    ("export", "lenet5", "--no-reconstruct"): "--no-reconstruct has no effect",
    ("export", "lenet5", "--unroll", "9"): "--unroll has no effect",
    ("export", "lenet5", "--observer", "mse"): "--observer has no effect",
    ("export", "lenet5", "--calibration-count", "100"): "--calibration-count has no effect",
    ("export", "lenet5", "--format", "onnx", "--allow-select-tf-ops"): "--allow-select-tf-ops has no effect",
    ("export", *OWN, "--raise", "hidden=INT16"): "",
    ("export", *OWN, "--raise", "inner/first"): "",
    ("export", "own.keras", "--calibration", "named.npz"): "",
    ("export", "own.keras", "--calibration", "samples:rows", "--int8"): "",
    ("export", "own.keras", "--import", "own_layers.py", "--calibration", "rows.npy"): "",
    ("export", "own.h5", "--random-calibration"): "",
    ("export", "saved"): "",
    ("export", *OWN, "--evaluate", "labelled.npz"): "",
    ("export", *OWN, "--set-input", "rows=1,8"): "",
    ("export", "open.keras", "--set-input", "1,32,32,3", "--calibration", "pets", "--preprocessing", "unit"): "",
    ("export", "own.keras", "--calibration", "late_hole.npy", "--int8"): "",
    ("export", "minilm", "--calibration", "tokens.npz", "--precision", "int8"): "",
    ("export", "lenet5", "--calibration", "one_readable", "--int8"): "",
    ("train", "grey.keras", "--data", "pets", "--preprocessing", "unit"): "",
    ("export", "code.keras", "--unsafe-lambda", "--random-calibration"): "",
    ("export", "open.keras", "--calibration", "pets", "--preprocessing", "Unit", "--int8"): "",
    ("export", "minilm", "--calibration", "texts.txt", "--precision", "int8"): "",
    ("export", "minilm", "--calibration", "texts.csv", "--precision", "int8"): "",
    ("export", "rescaled.keras", "--evaluate", "pets", "--calibration", "pets", "--int8"): "",
    ("export", "resnet50", "--int8", "--raise", "logits"): "",
    ("export", "rescaled.keras", "--calibration", "photos.npy", "--int8"): "",
    ("train", "lenet5", "--data", "pets", "--patience", "20"): "--patience 20 has no effect on 10 epochs",
    ("train", "lenet5", "--data", "pets", "--stage-epochs", "2"): "--stage-epochs has no effect",
    ("train", "LeNet5", "--data", "Fashion-MNIST"): "",
    ("train", "minilm", "--data", "texts.csv"): "",
    ("train", "lenet5", "--data", "list.csv"): "",
}


def wrong_values(option: click.Parameter, command: str) -> tuple[str, ...]:
    """Return wrong values of an option; none of a switch, and of an option for which the table lacks them."""
    if isinstance(option, click.Option) and option.is_flag:
        return ()
    name = option.opts[0] if isinstance(option, click.Option) else option.make_metavar(click.Context(click.Group()))
    values = list(WRONG.get((command, name), ()))
    if isinstance(option.type, click.types.IntParamType):
        values += ["x", "1.5", ""]
    if isinstance(option.type, click.types.FloatParamType):
        values += ["x", "1,5"]
    low = getattr(option.type, "min", None)
    return (*values, *([str(low - 1)] if low is not None else []))


def cases() -> Iterator[tuple[str, ...]]:
    """Yield every line of the table as arguments of `zoo`."""
    for name in command_names():
        for option in load_command(name).params:
            for value in wrong_values(option, name):
                yield arguments(name, option, value)
    yield from TOGETHER


def arguments(name: str, option: click.Parameter, value: str) -> tuple[str, ...]:
    """Return the arguments of a command with a wrong value of one of them."""
    base = list(BASE[name])
    if isinstance(option, click.Option):
        flag = option.opts[0]
        if flag in base:
            base[base.index(flag) + 1] = value
            return (name, *base)
        return (name, *base, flag, value)
    position = [one for one in load_command(name).params if isinstance(one, click.Argument)].index(option)
    base[position] = value
    return (name, *base)


def _no_worker(*_: Any, **__: Any) -> Any:
    raise OutsideError(STARTED)


def typed(words: list[str]) -> dict[str, Any]:
    """Type a line in this process, in which no other process can start; return what came of it."""
    before = set(Path().rglob("*"))
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code: int | str = main(words)
        except Exception as error:  # a test prints it
            code = f"{type(error).__name__}: {error}"
    return {
        "code": code,
        "out": out.getvalue(),
        "err": err.getvalue(),
        "heavy": [name for name in HEAVY if name in sys.modules],
        "left": sorted(map(str, set(Path().rglob("*")) - before)),
    }


if __name__ == "__main__":
    Worker.__init__ = _no_worker  # type: ignore[method-assign]
    background.start = _no_worker
    print(json.dumps([typed(words) for words in json.load(sys.stdin)]))
