"""Job: write the translation of a text token by token with a file that reads the whole of it at every step."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.formats import format_of
from export.progress import Progress


def translate_text(
    path: str, texts: Sequence[Mapping[str, Sequence[int]]], target: str, end: int, progress: Progress
) -> dict[str, Any]:
    """Return under "translations" the tokens of each, and the milliseconds that it took.

    The most probable token is taken every time. A translation that does not end is as long as the target.

    Args:
        path: of the file.
        texts: the inputs of each text by name, as lists of numbers; the target begins with the token of a beginning,
            and what stands behind it is not read.
        target: name of the input with the tokens that are written so far.
        end: number of the token that ends a translation; it is not returned.
        progress: is notified of every text.
    """
    session = format_of(Path(path)).open(Path(path), 1)
    (logits,) = session.outputs
    types = {spec.name: spec.dtype for spec in session.inputs}
    found = []
    for number, text in enumerate(texts):
        progress.step("translate", number, len(texts))
        inputs = {name: np.asarray([values], types[name]) for name, values in text.items()}
        start, tokens = time.perf_counter(), list[int]()
        for place in range(inputs[target].shape[1] - 1):
            token = int(session.run(inputs)[logits.name][0, place].argmax())
            if token == end:
                break
            tokens.append(token)
            inputs[target][0, place + 1] = token
        found.append({"tokens": tokens, "milliseconds": (time.perf_counter() - start) * 1e3})
    return {"translations": found}
