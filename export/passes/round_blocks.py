"""Round the matrices of a network that reads text to grids of 4 bits, layer by layer, and keep the sensitive ones.

Every matrix sees the outputs of the rounded matrices before it. The new weights lie on the grids of
`export.formats.blocks` exactly, which is how each format recognizes them; the others become integers of 8 bits there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from calibration.samples import Samples
from export.errors import PassRefusedError
from export.formats import blocks
from export.model.graph import Graph, copy, functional
from export.passes import PassRecord, PassResult
from export.passes.block_sensitivity import Loss, Sensitivity, chosen, measured
from export.passes.fitting.block_rounding import DAMPING, round_blocks
from export.passes.fitting.inside import Handler, Stream
from export.passes.fitting.streaming import Traversal, announced
from export.progress import Counted, uncounted

if TYPE_CHECKING:
    import keras

NAME = "round_blocks"
SMALLEST_NORM = 1e-2  # of an output relative to the largest of its layer, so that dead ones do not count
KEPT = "8 bits: among the most sensitive for their size"


@dataclass(frozen=True, kw_only=True)
class RoundBlocks:
    """The pass.

    Attributes:
        loss: of the outputs by rounding, by which the sensitive matrices are found.
        mask: name of the input that is 0 for padding, whose rows do not count; empty without one.
        counted: is called with the number of matrices that are done.
    """

    loss: Loss
    mask: str = ""
    counted: Counted = field(default=uncounted, compare=False, repr=False)

    def __call__(self, model: keras.Model, samples: Samples) -> PassResult:
        """Return the model with rounded matrices.

        Raises:
            PassRefusedError: no matrix can be divided into blocks, or the model cannot be copied.
        """
        start = time.perf_counter()
        matrices = of(model)
        if not matrices:
            raise PassRefusedError(f"no dense layer has a multiple of {blocks.BLOCK} inputs")
        found = measured(model, matrices, samples, self.loss)
        kept = chosen(found)
        rounding = _Rounding(_masks(samples, self.mask))
        handlers = {id(layer): rounding.handler(layer, kept=name in kept) for name, layer in matrices.items()}
        for _ in Traversal(_until(model, matrices), samples).run(announced(handlers, self.counted)):
            pass
        new, _ = copy(model, lambda _: None)
        done = tuple(name for name, layer in matrices.items() if id(layer) in rounding.kernels)
        for name in done:
            new.get_layer(name).kernel.assign(rounding.kernels[id(matrices[name])])
        record = PassRecord(
            name=NAME,
            parameters={
                "weight_bits": 4,
                "block_size": blocks.BLOCK,
                "damping": DAMPING,
                "samples": len(samples),
            },
            seconds=round(time.perf_counter() - start, 2),
            layers=done,
            skipped={name: KEPT for name in matrices if name in kept},
            measured=_record(found),
        )
        return PassResult(new, record)


def of(model: keras.Model) -> dict[str, keras.Layer]:
    """Return the dense layers whose matrices can be divided into blocks, by name in graph order."""
    import keras

    layers = {id(node.operation): node.operation for node in Graph(functional(model)).nodes}.values()
    return {
        layer.name: layer
        for layer in layers
        if type(layer) is keras.layers.Dense and blocks.fits(tuple(layer.kernel.shape)[::-1])
    }


def moved(before: keras.Model, after: keras.Model, names: Sequence[str]) -> tuple[float, str]:
    """Return the largest change of an output's weights relative to their norm, and the layer of that output."""
    worst, where = 0.0, ""
    for name in names:
        one, other = (model.get_layer(name).kernel.numpy() for model in (before, after))
        norms = np.maximum(np.linalg.norm(one, axis=0), np.finfo(np.float32).tiny)
        norms = np.maximum(norms, SMALLEST_NORM * norms.max())
        worst, where = max((worst, where), (float((np.linalg.norm(one - other, axis=0) / norms).max()), name))
    return worst, where


@dataclass
class _Rounding:
    """A rounding in progress.

    Attributes:
        masks: (N, length) for each sample, 1 for tokens that count; None if all do.
        kernels: new kernels (inputs, outputs) by layer id.
    """

    masks: NDArray[np.float32] | None
    kernels: dict[int, NDArray[np.float32]] = field(default_factory=dict)

    def handler(self, layer: keras.Layer, *, kept: bool) -> Handler:
        """Return the handler that rounds a layer at its first call; a layer that is kept only runs."""

        def handle(_: Stream, changed: Stream) -> tuple[Stream, Stream]:
            import tensorflow as tf

            kernel = layer.kernel.numpy()
            if not kept:
                if id(layer) not in self.kernels:
                    self.kernels[id(layer)] = round_blocks(kernel.T, self._moments(changed)).values.T
                kernel = self.kernels[id(layer)]
            bias = 0.0 if layer.bias is None else layer.bias
            stored = tf.constant(kernel)
            for place, chunk in enumerate(changed):
                changed[place] = layer.activation(tf.tensordot(chunk, stored, 1) + bias)
            return changed, changed  # One stream is enough: only the rounded network is run.

        return handle

    def _moments(self, stream: Stream) -> NDArray[np.float64]:
        """Return the second moments of all rows that count."""
        total, count, place = np.zeros((stream[0].shape[-1],) * 2), 0, 0
        for chunk in stream:
            rows = chunk.numpy().reshape(-1, chunk.shape[-1])
            if self.masks is not None:
                some = self.masks[place : place + len(chunk)].reshape(-1)
                place += len(chunk)
                rows = rows[some > 0] if len(some) == len(rows) and some.any() else rows
            total += rows.T @ rows
            count += len(rows)
        return total / count


def _masks(samples: Samples, name: str) -> NDArray[np.float32] | None:
    return np.asarray(samples.inputs[name], np.float32) if name else None


def _until(model: keras.Model, matrices: Mapping[str, keras.Layer]) -> keras.Model:
    """Return the model up to its last matrices: the logits of all samples would take gigabytes."""
    import keras

    ids = {id(layer) for layer in matrices.values()}
    outputs = [node.outputs[0] for node in Graph(functional(model)).nodes if id(node.operation) in ids]
    return keras.Model(model.inputs, outputs[-1:])


def _record(found: Mapping[str, Sensitivity]) -> dict[str, float]:
    return {f"loss of {kind}": float(f"{one.loss:.3g}") for kind, one in found.items()}
