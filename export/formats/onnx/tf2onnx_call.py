"""Call tf2onnx without log output and without its safety copies, and report failures as ConversionError."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from export.errors import ConversionError
from export.formats.onnx.operators import register
from export.formats.onnx.patches import with_clipped_activations, with_shapes_of_squares, without_rewriting_protos

OPSET = 18  # The newest opset that tf2onnx 1.17 writes.
# tf2onnx copies the graph before each optimization, to undo it on failure; this takes half of the time.
_COPIES = "TF2ONNX_CATCH_ERRORS"
_FAILURES = (
    ValueError, NotImplementedError, RuntimeError, KeyError, AttributeError, IndexError, TypeError,
)  # fmt: skip


def call(convert: Callable[[], tuple[Any, Any]], subject: str) -> Any:
    """Return the model of `convert()`, tried once without and, if that fails, once with tf2onnx's safety copies.

    Raises:
        ConversionError: both failed; the message names `subject`.
    """
    register()
    with _quiet(), with_clipped_activations(), with_shapes_of_squares():
        try:
            with _environment(_COPIES, "false"), without_rewriting_protos():
                return convert()[0]
        except _FAILURES:
            try:
                return convert()[0]
            except _FAILURES as error:
                raise ConversionError(f"tf2onnx cannot convert {subject}: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tf2onnx uses TensorFlow's deprecated interpreter.
            yield
    finally:
        logger.setLevel(level)


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
