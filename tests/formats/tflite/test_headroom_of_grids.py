"""An int8 .tflite has headroom where no activation function and no fixed grid limits the values."""

from __future__ import annotations

import keras
import numpy as np

from calibration.ranges import Ranges
from export.formats import FORMATS, QuantizationPlan
from export.formats.tflite import flatbuffer
from export.formats.tflite.quantize import planned
from export.recipe import Io
from export.scheme import INT8

LIMITS = {"linear": (-np.inf, np.inf), "relu": (0.0, np.inf), "relu6": (0.0, 6.0), "sigmoid": (-1.0, 5.5)}


def test_headroom_ends_at_the_limit_of_the_activation() -> None:
    x = keras.Input((4,))
    heads = {kind: keras.layers.Dense(size, activation=kind)(x) for size, kind in enumerate(LIMITS, start=2)}
    graph = flatbuffer.read(FORMATS["tflite"].convert(keras.Model(x, heads), {}))
    names = flatbuffer.activations(graph)
    sizes = {names[int(one)]: int(graph.subgraphs[0].tensors[int(one)].shape[-1]) for one in graph.subgraphs[0].outputs}
    kinds = {name: list(LIMITS)[size - 2] for name, size in sizes.items()}
    by_tensor = {name: (max(LIMITS.get(kinds.get(name, ""), (-1.0,))[0], -1.0), 5.5) for name in names.values()}
    room = dict.fromkeys(kinds, (-0.5, 1.0))
    ranges = Ranges(by_tensor=by_tensor, observer="sensitivity", headroom=room)
    found = planned(graph, QuantizationPlan(scheme=INT8, io=Io.FLOAT32, ranges=ranges, input_ranges={}))
    for name, kind in kinds.items():
        least, most = LIMITS[kind]
        assert found[name] == (max(-1.5, least), min(6.5, most)), kind
