"""Show a model of the user's from its file, without TensorFlow: layers, weights, inputs, outputs, exported sizes."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.cli.console import print_command
from export.cli.tables.fitting import Column, number, print_fitting
from export.model.stored.saved_signature import saved_signature
from export.model.stored.stored_model import INPUT, StoredInput, StoredModel, stored_model
from export.model.stored.structure import read_config
from export.model.stored.weight_counts import weight_counts
from export.preflight.model_facts import ModelFacts, check_exists, facts_of
from export.recipe import Recipe
from export.scheme import FLOAT16, FLOAT32, INT8
from export.units import count_in_words, size_in_words
from zoo import own_file

if TYPE_CHECKING:
    from rich.console import Console

_MOST_LAYERS = 40  # printed; --json has all
_DENSE = ("Dense", "EinsumDense")
LAYERS = (
    Column(heading="layer", breaks=True, narrowest=12, style="bold cyan"),
    Column(heading="layer type", breaks=True),
    number("parameters"),
)


def record(path: Path) -> dict[str, Any]:
    """Return what a model's file says about the model, as plain data.

    Raises:
        UsageProblemError: there is no such file, or it is damaged.
    """
    check_exists(path)
    config = read_config(path, unsafe_lambda=True)  # nothing is loaded, so no code runs
    facts = facts_of(Recipe(model=str(path), unsafe_lambda=True))
    model = stored_model(config) if config is not None else None
    counts = weight_counts(path, model) if model is not None else {}
    inputs, outputs = (model.inputs, _outputs(model)) if model is not None else saved_signature(path)
    total = sum(counts.values()) if model is not None else None
    known = own_file.read(path)
    return {
        "file": str(path),
        "bytes": _size(path),
        "kind": "SavedModel" if model is None else model.kind,
        "name": (model.name if model is not None else "") or path.stem,
        "task": known.task if known else "",
        "classes": list(known.labels) if known else [],
        "parameters": total,
        "inputs": [asdict(one) for one in inputs],
        "outputs": [asdict(one) for one in outputs],
        "layers": _layers(model, counts) if model is not None else [],
        # The files of a SavedModel hold more than weights.
        "exports": {str(scheme): (total or 0) * scheme.weight_bits // 8 for scheme in (FLOAT32, FLOAT16, INT8)},
        "command": _command(path, model, facts),
    }


def _layers(model: StoredModel, counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the layers; those of an inner model whose weights are counted together have its number at the first."""
    found, told = [], set()
    for layer in model.layers:
        outer = layer.name.partition("/")[0]
        key = layer.name if layer.name in counts else outer
        number = counts.get(key, 0) if key not in told else 0
        told.add(key)
        found.append({"name": layer.name, "kind": layer.kind, "parameters": number})
    return found


def _outputs(model: StoredModel) -> tuple[StoredInput, ...]:
    """Return the outputs; of dense layers the size is known."""
    by_name = {layer.name: layer for layer in model.layers}
    found = []
    for name in model.outputs:
        layer = by_name.get(name)
        units = layer.settings.get("units") if layer is not None and layer.kind in _DENSE else None
        before = layer.built_for[1:-1] if layer is not None and layer.built_for else ()
        shape = (*before, units) if isinstance(units, int) else ()
        found.append(StoredInput(name=name, shape=shape, dtype="float32"))
    return tuple(found)


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(one.stat().st_size for one in files)


def _command(path: Path, model: StoredModel | None, facts: ModelFacts) -> str:
    """Return the command that exports the model to int8, with what it needs beside."""
    words = ["zoo", "export", str(path), "--int8"]
    if model is None:
        words += ["--calibration", "samples.npz"]
    else:
        for one in model.inputs:
            if None in one.shape:
                sizes = ",".join(str(size or (224 if len(one.shape) == 3 else 128)) for size in (1, *one.shape))
                words += ["--set-input", f"{one.name}={sizes}"]
        is_image = len(model.inputs) == 1 and len(model.inputs[0].shape) == 3
        if facts.contracts is None and is_image and not facts.is_photo:
            words += ["--preprocessing", "unit"]
        words += ["--calibration", "photos/" if is_image else "samples.npz"] if facts.contracts is None else []
    return shlex.join(words)


def print_own_model(console: Console, facts: Mapping[str, Any]) -> None:
    """Print the facts about a model and its layers."""
    from rich.table import Table

    console.print(f"{facts['name']}: {facts['kind']}, {facts['file']}", style="bold", soft_wrap=True)
    console.print()
    grid = Table.grid(padding=(0, 3))
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column(overflow="fold")
    for title, words in _facts(facts):
        grid.add_row(title, words)
    console.print(grid)
    console.print()
    if shown := facts["layers"][:_MOST_LAYERS]:
        rows = [(one["name"], one["kind"], f"{one['parameters']:,}" if one["parameters"] else "-") for one in shown]
        print_fitting(console, LAYERS, rows)
    more = len(facts["layers"]) - _MOST_LAYERS
    if more > 0:
        print_command(console, f"and {more} more layers: zoo show {shlex.quote(facts['file'])} --json", style="dim")
    print_command(console, f"next: {facts['command']}", style="dim")


def _facts(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    layers = [layer for layer in facts["layers"] if layer["kind"] != INPUT]
    sizes = ", ".join(f"{name} about {size_in_words(size)}" for name, size in facts["exports"].items())
    classes = f", {len(facts['classes'])} classes" if facts["classes"] else ""
    found = [
        ("size", size_in_words(facts["bytes"])),
        ("parameters", _count(facts["parameters"]) if facts["parameters"] is not None else ""),
        ("task", f"{facts['task']}{classes}" if facts["task"] else ""),
        ("layers", str(len(layers)) if layers else ""),
        *(("input", _words(one)) for one in facts["inputs"]),
        *(("output", _words(one)) for one in facts["outputs"]),
        ("exports to", f"{sizes} of weights, in every format" if any(facts["exports"].values()) else ""),
    ]
    return [(title, words) for title, words in found if words]


def _count(number: int) -> str:
    short, whole = count_in_words(number), f"{number:,}"
    return whole if short == whole else f"{short} ({whole})"


def _words(tensor: Mapping[str, Any]) -> str:
    sizes: Sequence[int | None] = tensor["shape"]
    shape = " x ".join("any" if size is None else str(size) for size in sizes)
    return f"{tensor['name']}: {tensor['dtype']}" + (f", {shape}" if shape else "")
