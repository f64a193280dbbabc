"""Look at the inputs of products, layer by layer, in the unchanged network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from export.passes.fitting.feedback import MOST_ROWS_SHARE, Inputs, Rows
from export.passes.fitting.inside import Handler, Stream
from export.passes.fitting.moments import moments
from export.passes.fitting.product import Kind, Product
from export.passes.fitting.products import products

if TYPE_CHECKING:
    import keras

POSITIONS = 50  # Per feature map and sample: enough for large maps, whose inputs are many and alike.
MOST_VALUES = 50_000  # Per feature map and sample, if more positions are requested.


@dataclass
class Survey:
    """Reports the inputs of each layer in the unchanged network.

    Attributes:
        positions: number of sampled positions per feature map and sample.
        seed: random seed of the positions.
        look: receives the name ("layer/0"), product and inputs of every product at the layer's first call.
        seen: names of the products reported so far.
    """

    positions: int
    seed: int
    look: Callable[[str, Product, Inputs], None]
    seen: set[str] = field(default_factory=set)

    def handlers(self, layers: Mapping[str, keras.Layer]) -> dict[int, Handler]:
        """Return the traversal handlers, by layer id, that report the inputs of layers and run them."""
        return {id(layer): self._handler(name, layer) for name, layer in layers.items()}

    def _handler(self, name: str, layer: keras.Layer) -> Handler:
        def handle(true: Stream, _: Stream) -> tuple[Stream, Stream]:
            generator = np.random.default_rng(self.seed)
            for number, product in enumerate(products(layer)):
                own = f"{name}/{number}"
                if own not in self.seen:
                    self.seen.add(own)
                    self.look(own, product, inputs_of(product, true, self.positions, generator))
                bias = 0.0 if product.bias is None else product.bias
                true = [product.activation(product.apply(one, product.kernel) + bias) for one in true]
            return true, true

        return handle


def inputs_of(product: Product, stream: Stream, positions: int, generator: np.random.Generator) -> Inputs:
    """Return statistics of a product's inputs about their mean; the bias accounts for the mean itself."""
    groups, inputs, _ = product.grouped(product.kernel).shape
    positions = min(positions, max(POSITIONS, MOST_VALUES // (groups * inputs)))
    if product.kind is Kind.DEPTHWISE:
        positions = max(1, positions // 4)  # the few inputs of each channel need fewer positions
    sampled = (product.rows(chunk, positions, generator) for chunk in stream)
    first = next(sampled)
    groups, count, size = first.shape
    if groups == 1 and len(stream) * count <= MOST_ROWS_SHARE * size:
        rows = np.concatenate([some[0].numpy() for some in (first, *sampled)])
        rows -= rows.mean(axis=0)
        rows /= np.float32(np.sqrt(len(rows)))
        return Rows(rows)
    return moments(chain((first,), sampled))
