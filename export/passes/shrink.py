"""Remove unread channels from the graph: fewer filters, smaller weights, the same outputs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.samples import Array, Samples
from export.model.graph import copy
from export.passes import PassRecord, PassResult
from export.passes.channels.units import ChannelUnits, Numbers

if TYPE_CHECKING:
    import keras

NAME = "shrink"


class Shrink:
    """The shrinking pass, for a flat model with folded batch norms."""

    def __call__(self, model: keras.Model, samples: Samples) -> PassResult:
        """Return the model without the channels whose readers' weights are all zero.

        Raises:
            PassRefusedError: the model cannot be copied.
        """
        start = time.perf_counter()
        units = ChannelUnits(model)
        dead = unread(units)
        changed = _changed(units, dead)
        weights: dict[int, list[Array]] = {}

        def replaced(layer: keras.Layer) -> keras.Layer | None:
            if id(layer) not in changed:
                return None
            config, weights[id(layer)] = changed[id(layer)]
            return type(layer).from_config(config)

        new, others = copy(model, replaced)
        for key, layer in others.items():
            layer.set_weights(weights[key])
        record = PassRecord(
            name=NAME,
            exact=True,
            seconds=round(time.perf_counter() - start, 2),
            layers=tuple(layer.name for layer in model.layers if id(layer) in changed),
            measured={"channels_removed": len(dead), "weights_kept": new.count_params() / model.count_params()},
        )
        return PassResult(new, record)


def unread(units: ChannelUnits) -> Numbers:
    """Return the removable units that every reader multiplies by zero."""
    read = [units.fixed()]
    for node in units.graph.nodes:
        if units.is_weighing(node):
            (source,) = node.input_tensors
            _, kernel = units.mixing(node.operation)
            rows = np.abs(kernel).max(axis=tuple(axis for axis in range(kernel.ndim) if axis != kernel.ndim - 2))
            read.append(units.of(source)[rows > 0])
    known = np.concatenate([units.of(node.outputs[0]) for node in units.graph.nodes if units.is_weighing(node)])
    return np.setdiff1d(known, np.concatenate(read))


def _changed(units: ChannelUnits, dead: Numbers) -> dict[int, tuple[dict[str, Any], list[Array]]]:
    """Return the new configuration and weights of the layers that lose channels, by layer id."""
    import keras

    found = {}
    for node in units.graph.nodes:
        layer, (source, *_), result = node.operation, node.input_tensors, node.outputs[0]
        taken, given = (~np.isin(units.of(tensor), dead) for tensor in (source, result))
        if taken.all() and given.all():
            continue
        if units.is_weighing(node):
            count = "units" if isinstance(layer, keras.layers.Dense) else "filters"
            separate = isinstance(layer, keras.layers.SeparableConv2D)
            depthwise = [layer.depthwise_kernel.numpy()[:, :, taken]] if separate else []
            kernel, *bias = layer.get_weights()[len(depthwise) :]
            weights = [*depthwise, kernel[..., taken, :][..., given], *(one[given] for one in bias)]
            found[id(layer)] = {**layer.get_config(), count: int(given.sum())}, weights
        elif isinstance(layer, keras.layers.DepthwiseConv2D):
            kernel, *bias = layer.get_weights()
            found[id(layer)] = layer.get_config(), [kernel[:, :, taken], *(one[taken] for one in bias)]
        elif isinstance(layer, keras.layers.Reshape):
            shape = (*layer.target_shape[:-1], int(given.sum()))
            found[id(layer)] = {**layer.get_config(), "target_shape": shape}, []
    return found
