"""Name the operators in an .h5 of Keras 3, which stores them as if they were layers.

`x + y` is stored under the class name Add, as the layer Add is, and `x / 2` under TrueDivide, which no layer has, so
that Keras cannot load its own file. Operators are told by their settings: every layer has `trainable`, no operator has.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

MARK = "operator>"


def named(config: Any) -> Any:
    """Return the configuration of a model, with the class names of its operators marked, also in nested models."""
    if isinstance(config, Mapping):
        marked = {key: named(value) for key, value in config.items()}
        return {**marked, "class_name": MARK + config["class_name"]} if _is_operator(config) else marked
    return [named(value) for value in config] if isinstance(config, list) else config


@cache
def operators() -> Mapping[str, type[Any]]:
    """Return the operators of Keras by marked class name."""
    return {MARK + kind.__name__: kind for kind in _operators()}


def _is_operator(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry among a model's layers is an operator that Keras knows."""
    settings, kind = entry.get("config"), entry.get("class_name")
    if "inbound_nodes" not in entry or not isinstance(settings, Mapping) or not isinstance(kind, str):
        return False
    is_layer = not settings.keys().isdisjoint({"trainable", "layers", "batch_shape", "batch_input_shape"})
    return not is_layer and MARK + kind in operators()


def _operators() -> Iterator[type[Any]]:
    from keras.src import ops
    from keras.src.ops.operation import Operation

    for module in pkgutil.iter_modules(ops.__path__):
        if not module.name.endswith("_test"):
            for kind in vars(importlib.import_module(f"{ops.__name__}.{module.name}")).values():
                if inspect.isclass(kind) and issubclass(kind, Operation) and kind is not Operation:
                    yield kind
