"""Samples from a Python function that returns an iterable of dicts, arrays, or tuples in the order of the inputs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from traceback import extract_tb
from typing import Any

import numpy as np

from calibration.inputs import InputSpec, Sample, are_texts, describe, numbers_of
from calibration.samples import Array
from calibration.sources.conversion import as_sample, watched
from calibration.sources.request import Request, Stream
from zoo.errors import UsageProblemError, ZooError, unknown


def open_function(spec: str, request: Request) -> Stream:
    """Return the samples of `module:function`; the current folder is on the import path.

    Raises:
        UsageProblemError: there is no such module or function, or it fails.
    """
    return open_callable(imported(spec, "--calibration"), spec, request)


def imported(spec: str, flag: str) -> Callable[[], Any]:
    """Return the function that `module:function` names; the current folder is on the import path.

    Raises:
        UsageProblemError: there is no such module or function, or importing the module fails; the message names `flag`.
    """
    module_name, _, function_name = spec.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise UsageProblemError(
            f"{flag} {spec}: there is no module {error.name!r}; install it or change to its folder"
        ) from None
    except Exception as error:  # the user's module may raise anything
        raise UsageProblemError(f"{flag} {spec}: the module cannot be imported: {_words(error)}") from error
    finally:
        sys.path.remove(str(Path.cwd()))
    function = getattr(module, function_name, None)
    if not callable(function):
        raise unknown(
            f"function of {module_name}",
            function_name,
            [n for n in dir(module) if callable(getattr(module, n))],
        )
    found: Callable[[], Any] = function
    return found


def open_callable(function: Callable[[], Any], name: str, request: Request) -> Stream:
    """Return the samples that `function()` yields, one by one or in batches.

    Raises:
        UsageProblemError: the function fails, yields nothing, or yields values that the model does not take.
    """
    with blamed(name):
        result = function()
    if isinstance(result, Mapping):
        result = [result]
    if not isinstance(result, Iterable):
        raise UsageProblemError(f"{name} must return an iterable of samples, not {type(result).__name__}")
    samples = (sample for item in items(name, result) for sample in _samples(name, item, request))
    first = next(samples, None)
    if first is None:
        raise UsageProblemError(f"{name} yielded no sample; it must yield {describe(request.inputs)}")
    photos = first.photo is not None
    stream = Stream(source=f"function {name}", samples=iter(()), photos=photos)
    same_kind = _of_one_kind(name, chain([first], samples), photos=photos)
    stream.samples = watched(same_kind, request, stream.warnings)
    return stream


@contextmanager
def blamed(name: str) -> Iterator[None]:
    """Convert any exception of the user's code to a UsageProblemError that names it; a ZooError passes unchanged."""
    try:
        yield
    except ZooError:
        raise
    except Exception as error:
        raise UsageProblemError(f"{name} failed: {_words(error)}") from error


def items(name: str, result: Iterable[object]) -> Iterator[object]:
    """Yield the items of the user's iterable; only exceptions of the iterable itself are converted.

    Raises:
        UsageProblemError: the iterable raises.
    """
    end = object()
    with blamed(name):
        iterator = iter(result)
    while True:
        with blamed(name):
            item = next(iterator, end)
        if item is end:
            return
        yield item


def _words(error: Exception) -> str:
    """Return the error in one line with its place in the user's code: "KeyError 'x' (my_data.py line 3)"."""
    words = " ".join(f"{type(error).__name__} {error}".split())
    if isinstance(error, SyntaxError):  # its message names the place
        return words
    frames = [frame for frame in extract_tb(error.__traceback__) if _is_users(frame.filename)]
    return f"{words} ({Path(frames[0].filename).name} line {frames[0].lineno})" if frames else words


def _is_users(file: str) -> bool:
    """Return whether a traceback frame is in the user's code: not in this package, importlib or contextlib."""
    ours = Path(__file__).parents[1] in Path(file).parents
    return not ours and not file.startswith("<frozen") and Path(importlib.__file__).parent != Path(file).parent


def _of_one_kind(name: str, samples: Iterator[Sample], *, photos: bool) -> Iterator[Sample]:
    for sample in samples:
        if (sample.photo is not None) != photos:
            raise UsageProblemError(f"{name} yields both camera bytes (uint8) and floats; yield only one of them")
        yield sample


def _samples(name: str, item: object, request: Request) -> Iterator[Sample]:
    values = by_name(name, item, request.inputs)
    batches = {key: len(array) for key, array in values.items() if array.ndim == len(request.inputs[key].shape) + 1}
    if not batches:
        yield as_sample(name, values, request)
        return
    if len(batches) != len(values) or len(set(batches.values())) != 1:
        raise UsageProblemError(f"{name} yields arrays with different numbers of samples")
    for row in range(next(iter(batches.values()))):
        yield as_sample(name, {key: array[row] for key, array in values.items()}, request)


def by_name(name: str, item: object, inputs: Mapping[str, InputSpec]) -> dict[str, Array]:
    """Return what a function yielded as arrays by input name, with the numbers of texts.

    Raises:
        UsageProblemError: an input is missing.
    """
    if isinstance(item, Mapping):
        given = dict(item)
    elif isinstance(item, (list, tuple)) and len(item) == len(inputs):
        given = dict(zip(inputs, item, strict=True))
    elif len(inputs) == 1:
        given = {next(iter(inputs)): item}
    else:
        raise UsageProblemError(f"{name} must yield a dict with: {describe(inputs)}")
    missing = [key for key in inputs if key not in given]
    if missing:
        raise UsageProblemError(
            f"{name} does not yield {', '.join(map(repr, missing))}; the model takes {describe(inputs)}"
        )
    arrays = {key: np.asarray(given[key]) for key in inputs}
    return {key: _numbers(name, key, inputs[key], values) for key, values in arrays.items()}


def _numbers(name: str, key: str, spec: InputSpec, values: Array) -> Array:
    """Return values, or the numbers of texts: with a batch axis, but for the texts of one sample."""
    if spec.texts is None or not are_texts(spec, values):
        return values
    found = numbers_of(name, key, spec, values)
    return found[0] if values.shape in ((), spec.texts.shape) else found
