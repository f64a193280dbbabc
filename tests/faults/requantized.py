"""Integer files as a wrong converter would write them: quantized from a faulty float file.

The quantizer and its ranges are the right ones, so that the file's numbers fit to each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.ranges import Ranges
from export.errors import ConversionError
from export.formats import FORMATS, PRIMARY
from export.passes.fold import flat, foldable
from export.quantization.build import plan
from export.quantization.integer_base import IntegerBase, observed
from export.runtime.file_content import FileContent
from export.scheme import FLOAT32, INT8
from tests.faults.float_faults import float_variants
from tests.faults.networks import Network
from zoo.errors import OutsideError

if TYPE_CHECKING:
    import keras

EPSILONS = {1e-3: 1e-5}  # What other frameworks use in place of Keras' value; others become 1e-3.
Range = tuple[float, float]


def faulty_floats(network: Network, per_kind: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield kind, place and content of faulty float files, from which integer files are quantized."""
    yield from float_variants(network.base.content.read(), per_kind)
    yield from other_epsilons(network, per_kind)


def other_epsilons(network: Network, per_kind: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield files whose weights were folded with another epsilon of a batch norm; last of all of them."""
    pairs = [(layer.name, norm) for layer, norm in foldable(flat(network.model))]
    if not pairs:
        return
    chosen = [[pair] for pair in pairs[:: max(1, len(pairs) // per_kind)][: per_kind - 1]]
    for few in (*chosen, pairs):
        wrong = copied(network.base.model)
        for name, norm in few:
            scale_weights(wrong.get_layer(name), factors(norm))
        place = few[0][0] if len(few) == 1 else "all layers"
        yield "epsilon of a batch norm", place, PRIMARY.convert(wrong)


def factors(norm: Any) -> Any:
    """Return by what another epsilon multiplies the channels."""
    variance, epsilon = np.asarray(norm.moving_variance, np.float64), float(norm.epsilon)
    return np.sqrt((variance + epsilon) / (variance + EPSILONS.get(round(epsilon, 6), 1e-3)))


def scale_weights(layer: Any, by: Any) -> None:
    kernel, *rest = layer.get_weights()
    shape = kernel.shape
    is_depthwise = "depthwise" in type(layer).__name__.lower()
    layer.set_weights([(kernel * by.reshape(*shape[2:])) if is_depthwise else kernel * by, *rest])


def copied(model: keras.Model) -> keras.Model:
    import keras

    wrong = keras.models.clone_model(model)
    wrong.set_weights(model.get_weights())
    return wrong


class Requantizer:
    """Quantizes faulty float files by the export of the right model."""

    def __init__(self, network: Network, folder: str) -> None:
        """Use that folder of the network for files."""
        self._network = network
        self._run = network.run(network.model, folder)
        self._plan = plan(self._run, network.base, INT8, {})

    def __call__(self, content: bytes, *, own_ranges: bool) -> bytes | None:
        """Return the int8 .tflite of a float one; None if it cannot run or be quantized.

        Args:
            content: the faulty float file.
            own_ranges: whether its ranges are its own; otherwise those of the right file, where it has the tensor.
        """
        path = self._run.work / f"faulty{PRIMARY.suffix}"
        path.write_bytes(content)
        try:
            base = observed(
                self._run, replace(self._network.base, content=FileContent.held(content), path=path), narrow=False
            )
            ranges = self._ranges(base, own_ranges)
            return None if ranges is None else PRIMARY.quantize(content, replace(self._plan, ranges=ranges), {})
        except (ConversionError, OutsideError):
            return None

    def derived(self, content: bytes) -> bytes | None:
        """Return the int8 .onnx derived from an int8 .tflite; None if there can be none."""
        (other,) = (name for name in FORMATS if name != PRIMARY.name)
        parent = self._network.content((other, FLOAT32))
        try:
            return FORMATS[other].quantize(parent, self._plan, {PRIMARY.name: content})
        except (ConversionError, OutsideError):
            return None

    def _ranges(self, base: IntegerBase, own: bool) -> Ranges | None:
        right, planned = self._network.base.observation, self._plan.ranges
        if base.observation is None or right is None or planned is None:
            return None
        seen, before = base.observation.ranges.by_tensor, right.ranges.by_tensor
        chosen = {name: self._range(name, one, before, planned.by_tensor, own) for name, one in seen.items()}
        return replace(planned, by_tensor=chosen)

    def _range(
        self, name: str, seen: Range, before: Mapping[str, Range], planned: Mapping[str, Range], own: bool
    ) -> Range:
        """Return the range of an activation: the right one, as much wider or narrower as its values are."""
        if name not in planned or name not in before:
            return seen
        if not own:
            return planned[name]
        ends = zip(planned[name], seen, before[name], strict=True)
        low, high = (end * now / was if was else now for end, now, was in ends)
        return low, high
