"""The error of a conversion from Keras 2."""

from __future__ import annotations


class ConversionError(Exception):
    """A Keras 2 model cannot be converted; the message is a clause that names the layer and the reason."""
