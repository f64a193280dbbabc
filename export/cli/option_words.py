"""Read the values of options as a user types them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import zoo
from export.passes import registry
from export.passes.chosen import ChosenPass
from export.recipe import Budget, Io, Preset, Width
from export.scheme import FLOAT16, FLOAT32, INT8, INT8_DYNAMIC, SCHEMES, Scheme
from zoo import own_file
from zoo.datasets import DATA_SETS
from zoo.errors import UsageProblemError, unknown
from zoo.inputs import Tokens, sound_of
from zoo.preprocessing.conventions import CONVENTIONS
from zoo.spelling import spelled

_SHORTHANDS = {"int8": INT8, "fp16": FLOAT16, "fp32": FLOAT32, "w8a8": INT8}


def budget(
    *,
    max_drop: str | None,
    max_size: str | None,
    max_latency: str | None,
    max_ram: str | None,
    max_flash: str | None,
    preset: str | None,
    raise_to: str | None,
) -> Budget:
    """Return the budget of an export, from the words of its options."""
    from export.analysis.budget import words

    preset = spelled(preset, Preset) if preset is not None else None
    if preset is not None and preset not in list(Preset):
        raise unknown("preset", preset, Preset)
    budget = Budget(
        max_drop=words.drop(max_drop) if max_drop is not None else None,
        max_bytes=words.size(max_size) if max_size is not None else None,
        max_latency_ms=words.latency(max_latency) if max_latency is not None else None,
        max_ram_bytes=words.size(max_ram, "--max-ram", "256kB") if max_ram is not None else None,
        max_flash_bytes=words.size(max_flash, "--max-flash", "1MB") if max_flash is not None else None,
        preset=Preset(preset) if preset is not None else None,
        widths=tuple(width(word.strip()) for word in raise_to.split(",")) if raise_to is not None else tuple(Width),
    )
    if raise_to is not None and not budget.is_asked:
        raise UsageProblemError("--raise-to needs a budget; add --max-drop 1%")
    return budget


def schemes(text: str | None, int8: bool, model: str = "") -> tuple[Scheme, ...]:
    """Return the precisions of `--precision A,B`, with that of `--int8` for the model; default: float32."""
    found = [_scheme(word.strip()) for word in text.split(",")] if text is not None else []
    if int8:
        found.append(int8_of(model))
    return tuple(dict.fromkeys(found)) if found else (FLOAT32,)


def int8_of(model: str) -> Scheme:
    """Return what `--int8` means for a model: int8_dynamic if it reads text, which static ranges would ruin."""
    return INT8_DYNAMIC if reads_text(model) else INT8


def reads_text(model: str) -> bool:
    """Return whether a network of the zoo, or one that `zoo train` wrote to a .keras file, reads text.

    Raises:
        UsageProblemError: the file records facts about its network that make no sense.
    """
    if model in zoo.names():
        return zoo.find(model).reads_text
    path = Path(model).expanduser()
    facts = own_file.read(path) if path.is_file() else None
    return facts is not None and any(isinstance(one, Tokens) for one in facts.inputs.values())


def hears_sounds(model: str) -> bool:
    """Return whether a network of the zoo, or one that `zoo train` wrote to a .keras file, hears sounds."""
    if model in zoo.names():
        architecture = zoo.find(model)
        return sound_of(architecture.inputs(**architecture.settings({}))) is not None
    path = Path(model).expanduser()
    facts = own_file.read(path) if path.is_file() else None
    return facts is not None and sound_of(facts.inputs) is not None


def _scheme(word: str) -> Scheme:
    word = spelled(word, [*SCHEMES, *_SHORTHANDS])
    if word in _SHORTHANDS:
        return _SHORTHANDS[word]
    if word not in SCHEMES:
        raise unknown("precision", word, SCHEMES)
    return SCHEMES[word]


def formats(text: str | None) -> tuple[str, ...]:
    """Return the names of the formats of `--format A,B`; empty for all."""
    from export.formats import FORMATS, find

    words = text.split(",") if text is not None else ()
    return tuple(dict.fromkeys(find(spelled(word.strip().lstrip("."), FORMATS)).name for word in words))


def io(word: str | None) -> Io | None:
    """Return the type of inputs and outputs of `--io TYPE`."""
    word = spelled(word, Io) if word is not None else None
    if word is not None and word not in list(Io):
        raise unknown("io type", word, Io)
    return Io(word) if word is not None else None


def raised(text: str) -> tuple[str, Width]:
    """Return the layer and the width of a `--raise LAYER=WIDTH` option; by default float32."""
    layer, _, word = text.partition("=")
    return layer, width(word) if word else Width.FLOAT32


def shape(text: str) -> tuple[str, tuple[int, ...]]:
    """Return the input's name, "" if it is left out, and the shape of a `--set-input NAME=1,224,224,3` option."""
    name, _, sizes = text.rpartition("=")
    try:
        shape = tuple(int(size) for size in sizes.split(","))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise UsageProblemError(f"--set-input {text!r} is not a shape; type for example --set-input image=1,224,224,3")
    return name, shape


def width(word: str) -> Width:
    """Return the higher precision of a layer that a word names."""
    word = spelled(word, Width)
    if word not in list(Width):
        raise unknown("width", word, Width)
    return Width(word)


def model(name: str) -> str:
    """Return the registered name of a network, however it is spelled; a path is left as it is."""
    return name if Path(name).expanduser().exists() else spelled(name, zoo.names())


def as_spelled(model: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of a command with the registered names of observers, weights, data sets and preprocessing."""
    from calibration.observers import OBSERVERS, SENSITIVITY
    from calibration.sources.synthetic import NAME as SYNTHETIC

    tags = [weights.tag for weights in zoo.find(model).weights] if model in zoo.names() else []
    known: dict[str, Iterable[str]] = {
        "observer": (SENSITIVITY, *OBSERVERS),
        "weights": (*tags, "random"),
        "preprocessing": CONVENTIONS,
        "calibration": (*DATA_SETS, SYNTHETIC),
        "evaluate": DATA_SETS,
        "data": DATA_SETS,
    }
    return {
        key: spelled(value, known[key]) if key in known and isinstance(value, str) and not _exists(value) else value
        for key, value in options.items()
    }


def _exists(text: str) -> bool:
    return Path(text).expanduser().exists()


def chosen_passes(options: dict[str, Any]) -> tuple[ChosenPass, ...]:
    """Remove the pass options from a command's `options`, and return the passes that they select."""
    texts = {name: options.pop(name, None) for name in registry.PASSES}
    return registry.from_record({name: text for name, text in texts.items() if text is not None})


def option(text: str) -> tuple[str, int | float | str]:
    """Return the key and the number or word of a `--set KEY=VALUE` option."""
    key, _, value = text.partition("=")
    key = key.strip().replace("-", "_").lower()
    if not value:
        raise UsageProblemError(f"--set {text!r} is not KEY=VALUE; type for example --set alpha=0.5")
    if value.lstrip("-").isdigit():
        return key, int(value)
    try:
        return key, float(value)
    except ValueError:
        return key, value
