"""The layers that Keras defines for its own networks (`keras.applications`) and knows by no public name.

An .h5 file stores the name of a class alone, so that these layers look like a user's.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from typing import Any

_DEFINED_IN = {"convnext": ("LayerScale", "StochasticDepth"), "inception_resnet_v2": ("CustomScaleLayer",)}


@cache
def application_layers(library: str) -> Mapping[str, type[Any]]:
    """Return the classes of these layers in "keras" or "tf_keras", by name."""
    return {
        name: getattr(importlib.import_module(f"{library}.src.applications.{module}"), name)
        for module, names in _DEFINED_IN.items()
        for name in names
    }
