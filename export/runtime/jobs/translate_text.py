"""Job: write the translation of a text token by token with the file of an encoder-decoder."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.formats import format_of
from export.formats.session import TextTranslator
from export.progress import Progress
from export.runtime.sampling import Sampling, new_tokens
from zoo.errors import UsageProblemError


def translate_text(
    path: str,
    texts: Sequence[Mapping[str, Sequence[int]]],
    begin: int,
    end: int,
    sampling: Mapping[str, Any],
    progress: Progress,
) -> dict[str, Any]:
    """Return under "translations" the tokens of each, and the milliseconds that it took.

    A translation that does not end is as long as the target.

    Args:
        path: of the file.
        texts: the arguments of `TextTranslator.encode` for each text, as lists of numbers.
        begin: number of the token that begins a translation; it is not returned.
        end: number of the token that ends a translation; it is not returned.
        sampling: the fields of `Sampling`.
        progress: is notified of every text.

    Raises:
        UsageProblemError: the file is no encoder-decoder with caches.
    """
    session = format_of(Path(path)).open(Path(path), 1)
    if not isinstance(session, TextTranslator):
        raise UsageProblemError(f"{Path(path).name} translates no text: it has no function that reads a source")
    found = []
    for number, one in enumerate(texts):
        progress.step("translate", number, len(texts))
        inputs = {name: np.asarray([values], np.int32) for name, values in one.items()}
        start = time.perf_counter()
        text = session.encode(**inputs)
        logits = text.read(np.asarray([begin], np.int32))
        tokens = list(new_tokens(text, logits, 1, Sampling(**sampling), (end,)))
        found.append({"tokens": tokens, "milliseconds": (time.perf_counter() - start) * 1e3})
    return {"translations": found}
