"""Find the first layer whose output the file's graph does not compute, even with the model's constants.

Outputs are compared as sorted numbers, because a file may order their axes in another way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from calibration.samples import Array
from export.errors import ConversionError
from export.formats.opened import Role
from export.model.layer_outputs import layer_calls
from export.proof.foreign.evidence import ForeignEvidence, save_for_file
from export.proof.foreign.skeleton import Skeleton, replaced
from export.proof.tolerances import PARITY
from export.runtime.run_file import measure, written
from zoo.errors import OutsideError

SAME = 1e-3  # relative to the largest value: float32 in another order, summed over many layers


def first_layer(evidence: ForeignEvidence, built: Skeleton) -> str:
    """Return the name of that layer; empty if all layers with weights are computed, or if it cannot be found.

    Args:
        evidence: of the file.
        built: its graph with the model's constants, whose outputs are not the model's.
    """
    opened, pairing = evidence.file.opened, evidence.pairing
    if opened is None or pairing is None:
        return ""
    pairs = [pair for pair in pairing.pairs if pair.stored.role is Role.WEIGHTS]
    biases = {one.stored.position: one.stored.place for one in pairing.pairs if one.stored.role is Role.BIAS}
    places = {id(pair): biases.get(pair.stored.position, pair.stored.place) for pair in pairs}  # a sum may add the bias
    is_rare = evidence.enlarged is not None and built.sqnr_db >= PARITY.min_sqnr_db  # only large inputs reach a cap
    samples = evidence.enlarged.samples if evidence.enlarged is not None and is_rare else evidence.run.samples.probe
    one = samples.take(np.arange(1))
    try:
        content = opened.in_float(replaced(pairing.pairs), tuple(places.values()), built.capped)
        path = written(evidence.run.work, f"places{evidence.file.format.suffix}", content)
        folder = save_for_file(one, evidence.file.inputs, evidence.run.work / "one")
        found = measure(path, folder, camera_bytes=False).stored
    except (ConversionError, OutsideError):
        return ""
    calls = layer_calls(evidence.run.subject.model, {name: np.asarray(rows) for name, rows in one.inputs.items()})
    known = [np.sort(call.output.reshape(-1)) for call in calls if np.issubdtype(call.output.dtype, np.floating)]
    layers = {layer.name: layer for layer in evidence.run.subject.model._flatten_layers(include_self=False)}
    for pair in pairs:
        values = found[places[id(pair)]].astype(np.float32)
        layer = layers.get(pair.layer.split(" ")[0])
        if not (_is_known(values, known) or _is_known(_activated(values, layer), known)):
            return pair.layer
    return ""


def _activated(values: Array, layer: Any) -> Array:
    """Return the values behind a layer's own activation, which a file may compute by an operator of its own."""
    import keras

    activation = getattr(layer, "activation", None)
    return values if activation is None else np.asarray(keras.ops.convert_to_numpy(activation(values)))


def _is_known(values: Array, known: Sequence[Array]) -> bool:
    """Return whether a layer of the model has these values in any order."""
    own = np.sort(values.reshape(-1))
    same_size = (other for other in known if other.size == own.size)
    return any(float(np.abs(own - other).max()) <= SAME * max(float(np.abs(other).max()), 1e-6) for other in same_size)
