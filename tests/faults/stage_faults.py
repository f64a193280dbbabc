"""Faults in the passes that prepare a model for quantization."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from export.formats import PRIMARY
from export.passes.channels.scalable import Channels
from export.passes.fold import fold
from export.passes.integer_model import Reconstruction, worst_channel
from tests.faults.networks import Key, Network, Planted
from tests.faults.range_faults import cut_in_the_plan
from tests.faults.tflite_file import TfliteFile

if TYPE_CHECKING:
    import keras


def reconstruction(network: Network) -> Reconstruction:
    """Return the right one, with its model."""
    found = network.base.reconstruction
    assert found.model is not None
    return found


def base(network: Network) -> bytes:
    assert reconstruction(network)
    return network.base.content.read()


def lost_channel(network: Network, _key: Key) -> Planted:
    """Let the reconstruction lose one output channel of a layer, neither the strongest nor the weakest."""
    right = reconstruction(network)
    names = right.records[-1]["layers"]
    wrong, layer = _copied(right.model, names[len(names) // 2])
    kernel, bias = layer.get_weights()
    channels = _channels(layer, kernel)
    norms = np.linalg.norm(channels.reshape(len(channels), -1), axis=1)
    channels[np.argsort(norms)[len(norms) // 2]] = 0
    layer.set_weights([kernel, bias])
    moved, where = worst_channel(right.model, wrong, names)  # the result of the pass
    return _planted(replace(right, model=wrong, moved=moved, where=where))


def swapped_layers(network: Network, _key: Key) -> Planted:
    """Write the new weights of two layers of one shape into the places of each other."""
    file = TfliteFile(base(network))
    one, other = next(
        pair for pair in combinations(range(len(file)), 2) if len({file.kernel(layer).shape for layer in pair}) == 1
    )
    kernels = file.kernel(one), file.kernel(other)
    file.set_kernel(one, kernels[1])
    file.set_kernel(other, kernels[0])
    return Planted(base=file.content(), remade=True)


def scaled_by_its_maker_only(network: Network, _key: Key) -> Planted:
    """Let equalization forget to divide by the scale of one channel, not the largest, where it is read."""
    folded, wrong = fold(network.model), _equalized(network)
    makers = {group.makers[0].name: group.readers[0][0].name for group in Channels(folded).groups() if group.capped}
    scales = {maker: _scales(folded.get_layer(maker), wrong.get_layer(maker)) for maker in makers}
    maker = next(maker for maker, scale in scales.items() if scale.max() > 1.2)
    scaled = np.flatnonzero(scales[maker] > 1.05)
    channel = scaled[np.argsort(scales[maker][scaled])[len(scaled) // 2]]
    reader = wrong.get_layer(makers[maker])
    kernel, bias = reader.get_weights()
    kernel[..., channel, :] *= scales[maker][channel]
    reader.set_weights([kernel, bias])
    return Planted(reconstruction=replace(reconstruction(network), equalized=wrong))


def offset_not_made_good(network: Network, _key: Key) -> Planted:
    """Let equalization forget to correct the reader's bias for the offset of one channel, not the largest."""
    folded, wrong = fold(network.model), _equalized(network)
    chains = (group for group in Channels(folded).groups() if group.cap == math.inf and len(group.makers) == 1)
    group = next(chains)
    original, (reader, _) = group.makers[0], group.readers[0]
    maker, reader = wrong.get_layer(original.name), wrong.get_layer(reader.name)
    offsets = np.asarray(original.bias) * _scales(original, maker) - np.asarray(maker.bias)
    channel = np.argsort(np.abs(offsets))[len(offsets) // 2]
    kernel, bias = reader.get_weights()
    reader.set_weights([kernel, bias - offsets[channel] * kernel.sum(axis=(0, 1))[channel]])
    return Planted(reconstruction=replace(reconstruction(network), equalized=wrong))


def _equalized(network: Network) -> keras.Model:
    import keras

    right = reconstruction(network).equalized
    assert right is not None
    copied = keras.models.clone_model(right)
    copied.set_weights(right.get_weights())
    return copied


def _scales(one: keras.Layer, other: keras.Layer) -> Any:
    """Return by what the output channels of a layer were multiplied."""
    norms = [
        np.linalg.norm(channels.reshape(len(channels), -1), axis=1)
        for channels in (_channels(layer, np.array(layer.kernel)) for layer in (one, other))
    ]
    return norms[1] / norms[0]


def _planted(wrong: Reconstruction) -> Planted:
    return Planted(reconstruction=wrong, base=PRIMARY.convert(wrong.model), remade=True)


def _copied(model: keras.Model, name: str) -> tuple[keras.Model, keras.Layer]:
    import keras

    copied = keras.models.clone_model(model)
    copied.set_weights(model.get_weights())
    return copied, copied.get_layer(name)


def _channels(layer: keras.Layer, kernel: Any) -> Any:
    """Return a view of a kernel, its output channels first."""
    import keras

    return np.moveaxis(kernel, 2 if isinstance(layer, keras.layers.DepthwiseConv2D) else kernel.ndim - 1, 0)


STAGE_FAULTS: dict[str, Callable[[Network, Key], Planted]] = {
    "channel lost in reconstruction": lost_channel,
    "layers swapped in the float file": swapped_layers,
    "scaled at its maker only": scaled_by_its_maker_only,
    "offset not made good": offset_not_made_good,
    "range cut in the plan": cut_in_the_plan,
}
