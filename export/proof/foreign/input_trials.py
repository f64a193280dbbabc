"""Whether the file expects its inputs in another convention than the model: bytes, 0..1, -1..1, or BGR."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from calibration.samples import Array
from export.model import signature
from export.proof.foreign.evidence import ForeignEvidence
from export.proof.foreign.output_faults import LEAST_DB, NEARER_DB, sqnr
from export.scheme import FLOAT32
from zoo.errors import OutsideError

ROWS = 16
FLOAT_DB = 60.0  # a float32 file that expects the tried convention reaches

TRIED: Mapping[str, Callable[[Array], Array]] = {
    "multiplied by 255": lambda x: x * 255,
    "divided by 255": lambda x: x / 255,
    "mapped from -1..1 to 0..255, (x + 1) * 127.5": lambda x: (x + 1) * 127.5,
    "mapped from 0..255 to -1..1, x / 127.5 - 1": lambda x: x / 127.5 - 1,
    "mapped from 0..1 to -1..1, 2 * x - 1": lambda x: 2 * x - 1,
    "mapped from -1..1 to 0..1, (x + 1) / 2": lambda x: (x + 1) / 2,
    "in BGR order of the channels": lambda x: x[..., ::-1],
}


def convention(evidence: ForeignEvidence) -> str:
    """Return a sentence on the inputs for which the file gives the model's outputs; empty if none of those tried."""
    specs = signature.inputs(evidence.run.subject.model)
    photos = [spec.name for spec in specs if len(spec.shape) == 4 and spec.shape[-1] in (1, 3)]
    if not photos:
        return ""
    few = evidence.run.samples.probe.take(np.arange(min(ROWS, len(evidence.run.samples.probe))))
    expected = {name: values[: len(few)] for name, values in evidence.expected.items()}
    own = min(sqnr(expected[name], evidence.file.real[name][: len(few)]) for name in expected)
    least = max(own + NEARER_DB, FLOAT_DB if evidence.scheme == FLOAT32 else LEAST_DB)
    for place, (words, change) in enumerate(TRIED.items()):
        if specs[0].shape[-1] == 1 and "BGR" in words:
            continue
        changed = {
            name: change(np.asarray(values)).astype(np.float32) if name in photos else np.asarray(values)
            for name, values in few.inputs.items()
        }
        samples = replace(few, inputs=changed, photos=None, photo_input=None, digests=())
        try:
            found = evidence.outputs_of(evidence.file.content, evidence.saved(samples, f"trial-{place}"))
        except OutsideError:
            continue
        if min(sqnr(expected[name], found[name]) for name in expected) >= least:
            return (
                f"a wrong preprocessing: the file gives the model's outputs if its input is the model's {words}; feed "
                "it so, or convert it again"
            )
    return ""
