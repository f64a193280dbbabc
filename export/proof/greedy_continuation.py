"""For how many tokens a decoder's file writes what the Keras model would write.

The file continues the first half of each text, or more of a long one, with its likeliest tokens, and the model reads
the result once: its own continuation is the same up to the first token that is not its likeliest one.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from calibration.samples import Samples
from export import process
from export.model import entries
from export.quantization.build import MadeFile
from export.quantization.export_run import ExportRun
from export.runtime.jobs.continue_greedily import continue_greedily

MOST_TEXTS = 8
MOST_TOKENS = 32  # behind each text; more take the largest networks longer than a job may last


@dataclass(frozen=True, kw_only=True)
class GreedyContinuation:
    """The continuations of some texts.

    Attributes:
        tokens: how many the file wrote behind each text.
        same: how many of them are the model's, from the first one on, by text.
    """

    tokens: int
    same: tuple[int, ...]

    def record(self) -> dict[str, Any]:
        """Return plain data."""
        return {"tokens": self.tokens, "same": list(self.same)}

    @property
    def median(self) -> float:
        """The median of the texts."""
        return float(median(self.same))


def continue_probe(run: ExportRun, file: MadeFile) -> GreedyContinuation | None:
    """Return what a file writes behind the texts of the proof.

    None for networks that continue no text, among them those that translate one into another, and for untrained ones.

    Raises:
        RuntimeCrashError: its runtime cannot run it.
    """
    inputs = run.samples.probe.inputs
    if run.subject.decoder is None or not run.subject.weights.trained or len(inputs) > 1:
        return None
    ((name, texts),) = inputs.items()
    texts = np.asarray(texts[:MOST_TEXTS])
    length = texts.shape[1]
    count = min(length - length // 2, MOST_TOKENS)
    place = length - count
    if place == 0:  # a single token has nothing before it
        return None
    path = file.on_disk(run.work)
    found = process.call(continue_greedily, path=path, prompts=texts[:, :place].tolist(), count=count)["tokens"]
    if not found:
        return None
    written = np.concatenate([texts[:, :place], np.asarray(found, texts.dtype)], axis=1)
    samples = Samples(inputs={name: written}, source=run.samples.probe.source, seed=run.samples.probe.seed)
    (logits,) = entries.outputs(run.subject, samples).values()
    is_likeliest = logits[:, place - 1 : -1].argmax(axis=-1) == written[:, place:]
    same = (int(one.argmin()) if not one.all() else count for one in is_likeliest)
    return GreedyContinuation(tokens=count, same=tuple(same))
