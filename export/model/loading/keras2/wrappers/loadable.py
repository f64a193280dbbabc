"""Classes of tensorflow-model-optimization as a .keras file needs them: with the variables that the file holds.

tf_keras 2.21 writes .keras files of models that `quantize_model` returned, and then cannot load them: it builds a
QuantizeLayer twice, and a wrapper whose layer was built before it was wrapped lists the layer's weights twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from export.model.loading.keras2.wrappers.known import classes


def loadable_classes() -> Mapping[str, Any]:
    """Return the classes by the names that files give them.

    The three that are changed keep their names: a .keras file finds the variables of a layer by its class name.
    """
    known = dict(classes())
    for name in ("QuantizeWrapper", "QuantizeWrapperV2"):
        known[name] = type(name, (known[name],), {"load_own_variables": _load_own_variables})
    known["QuantizeLayer"] = type("QuantizeLayer", (known["QuantizeLayer"],), {"build_from_config": _build_later})
    return known


def _build_later(layer: Any, config: Any) -> None:
    """Create no variables: the call does it, and would create them once more."""


def _load_own_variables(wrapper: Any, store: Any) -> None:
    """Set the weights before rounding and the ranges, which come last in the file, in this order.

    What precedes them are the weights once more, if the layer was built before it was wrapped.

    Raises:
        ValueError: the file has other variables.
    """
    floats = [weight for weight, _, _ in wrapper._weight_vars]
    own = [*floats, *wrapper._non_trainable_weights]
    stored = [store[str(index)] for index in range(len(store.keys()))]
    if len(stored) - len(own) not in (0, len(floats) + len(wrapper.layer._trainable_weights)):
        raise ValueError(f"the wrapper {wrapper.name} has {len(own)} variables, and {len(stored)} in the file")
    for variable, value in zip(own, stored[len(stored) - len(own) :], strict=True):
        variable.assign(value)
