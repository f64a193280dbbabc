"""Models and arrays in memory as the files that an export reads."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_KERAS = ("keras", "tf_keras")


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """The path or name of a model, and whether only this process can load it."""

    path: str
    needs_this_process: bool


@dataclass(frozen=True, kw_only=True)
class Samples:
    """A source that the command takes, or a function that returns samples."""

    source: str | None = None
    function: Callable[[], Any] | None = None


def model_file(model: Any, name: str | None, work: Path) -> ModelFile:
    """Return the name or path of a model; one in memory is saved in the folder `work`.

    Raises:
        UsageProblemError: it is no model, or a name is given to a file.
    """
    from zoo.errors import UsageProblemError
    from zoo_export.quiet import quiet

    if isinstance(model, str | Path):
        if name is not None:
            raise UsageProblemError("name is for a model in memory; a file has its own name")
        return ModelFile(path=str(model), needs_this_process=_has_own_code())
    if not any(f"{one.__module__}.".startswith(f"{_KERAS[0]}.") for one in type(model).__mro__):
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        raise UsageProblemError(f"model is a {kind}; give a Keras model, a name from `zoo list`, or the path of a file")
    word = name or str(model.name)
    path = work / f"{''.join(c if c.isalnum() or c in '._-' else '_' for c in word)}.keras"
    try:
        with quiet(True):  # of layers and settings that a file does not hold, which no export needs
            model.save(path)
    except (ValueError, TypeError, NotImplementedError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise UsageProblemError(f"the model {word!r} cannot be saved: {first}") from error
    return ModelFile(path=str(path), needs_this_process=_has_own_code() or _is_own(model))


def samples(calibration: Any, work: Path) -> Samples:
    """Return samples as a source; arrays are saved in the folder `work`.

    Raises:
        UsageProblemError: they are nothing that samples can be.
    """
    from zoo.errors import UsageProblemError

    if calibration is None:
        return Samples()
    if isinstance(calibration, str | Path):
        return Samples(source=str(calibration))
    if isinstance(calibration, Mapping):
        return Samples(source=_saved(work / "calibration.npz", {str(key): one for key, one in calibration.items()}))
    if hasattr(calibration, "__array__"):
        return Samples(source=_saved(work / "calibration.npy", calibration))
    if callable(calibration):
        return Samples(function=calibration)
    if isinstance(calibration, Iterable):
        return Samples(function=_named(calibration))
    raise UsageProblemError(
        f"calibration is a {type(calibration).__name__}; give an array, a mapping of arrays by input name, or a path"
    )


def _named(calibration: Iterable[Any]) -> Callable[[], Iterable[Any]]:
    """Return a function that returns the samples, with the name under which the manifest records them."""

    def samples() -> Iterable[Any]:
        return calibration

    samples.__name__ = f"over a {type(calibration).__name__}"
    return samples


def labelled(evaluate: Any, work: Path) -> str | None:
    """Return labelled data as a source; a pair (inputs, targets) is saved in the folder `work`.

    Raises:
        UsageProblemError: it is neither a path nor a pair.
    """
    from zoo.errors import UsageProblemError

    if evaluate is None or isinstance(evaluate, str | Path):
        return None if evaluate is None else str(evaluate)
    if not isinstance(evaluate, tuple | list) or len(evaluate) != 2:
        raise UsageProblemError("evaluate takes a path, or a pair of arrays (inputs, targets)")
    inputs, targets = evaluate
    by_name = dict(inputs) if isinstance(inputs, Mapping) else {"x": inputs}
    by_name |= dict(targets) if isinstance(targets, Mapping) else {"y": targets}
    return _saved(work / "evaluation.npz", by_name)


def _saved(path: Path, values: Any) -> str:
    import numpy as np

    if isinstance(values, Mapping):
        arrays: dict[str, Any] = {name: np.ascontiguousarray(one) for name, one in values.items()}
        np.savez(path, **arrays)
    else:
        np.save(path, np.ascontiguousarray(values))
    return str(path)


def _has_own_code() -> bool:
    """Return whether this process registered layers or functions that a new process does not know."""
    keras = sys.modules.get(_KERAS[0])
    ours = ("zoo.", "export.")
    return keras is not None and any(
        not str(getattr(one, "__module__", "")).startswith((*ours, "keras."))
        for one in keras.saving.get_custom_objects().values()
    )


def _is_own(model: Any) -> bool:
    """Return whether the model or a layer in it has a class that is not of Keras."""
    found = [model, *getattr(model, "_flatten_layers", lambda: ())()]
    return any(type(one).__module__.partition(".")[0] != _KERAS[0] for one in found)
