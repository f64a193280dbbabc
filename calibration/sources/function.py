"""Samples from Python: a callable gives an iterable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from calibration.sources.request import Request, Stream


def open_function(spec: str, request: Request) -> Stream:
    """Return what `module:function` yields."""
    raise NotImplementedError


def open_callable(function: Callable[[], Any], name: str, request: Request) -> Stream:
    """Return what `function()` yields."""
    raise NotImplementedError
