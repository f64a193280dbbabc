"""Job: continue several texts with the file of a decoder, always with the likeliest token."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.formats import format_of
from export.formats.session import TextDecoder
from export.runtime.sampling import Sampling, new_tokens


def continue_greedily(path: str, prompts: Sequence[Sequence[int]], count: int) -> dict[str, Any]:
    """Return `count` new tokens behind each prompt; an empty list for a file that continues no text.

    Args:
        path: of the file.
        prompts: numbers of tokens, which fit into the context with the new ones.
        count: of the new tokens.
    """
    session = format_of(Path(path)).open(Path(path), 1)
    if not isinstance(session, TextDecoder):
        return {"tokens": []}
    found = []
    for prompt in prompts:
        text = session.begin()
        logits = text.read(np.asarray(prompt, np.int32))
        found.append(list(new_tokens(text, logits, len(prompt), Sampling(most=count), ends=())))
    return {"tokens": found}
