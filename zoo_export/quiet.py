"""Keep the lines of native libraries away from the user's screen, for work in this process."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from tempfile import TemporaryFile

_STANDARD = (1, 2)  # descriptors of standard output and standard error


@contextlib.contextmanager
def quiet(wanted: bool) -> Iterator[None]:
    """Discard what is printed in a block, also by native code; print everything if it is not `wanted`."""
    if not wanted:
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported, if it is not yet
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(TemporaryFile("w+", encoding="utf-8"))
        for descriptor in _STANDARD:
            stack.callback(_restored, descriptor, os.dup(descriptor))
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor in _STANDARD:
            os.dup2(log.fileno(), descriptor)
        # In a notebook these two do not write to the descriptors.
        stack.enter_context(contextlib.redirect_stdout(log))
        stack.enter_context(contextlib.redirect_stderr(log))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.callback(logging.disable, logging.root.manager.disable)
        logging.disable(logging.WARNING)
        yield


def _restored(descriptor: int, copy: int) -> None:
    os.dup2(copy, descriptor)
    os.close(copy)
