"""Errors of an export, in addition to those of zoo.errors."""

from __future__ import annotations

from zoo.errors import ZooError


class PassRefusedError(Exception):
    """A pass does not apply to this model; the message is the reason and completes "skipped: ..."."""


class ConversionError(ZooError):
    """A model cannot be converted to a format; the message names the operator, tensor or limit."""
