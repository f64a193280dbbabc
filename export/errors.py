"""Errors of an export, beside those of zoo.errors."""

from __future__ import annotations

from zoo.errors import ZooError


class PassRefusedError(Exception):
    """A pass cannot work on this model; the message says why, in words that fit behind "skipped: "."""


class ConversionError(ZooError):
    """A model cannot be written in a format; the message names the operator, tensor or limit."""
