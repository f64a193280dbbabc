"""Job: continue a text token by token with the file of a decoder."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.formats import format_of
from export.formats.session import TextDecoder
from export.progress import Progress
from export.runtime.sampling import Sampling, new_tokens
from zoo.errors import UsageProblemError


def continue_text(
    path: str, prompt: Sequence[int], sampling: Mapping[str, Any], ends: Sequence[int], progress: Progress
) -> dict[str, Any]:
    """Return the tokens behind a prompt, and how long they took; every token is a step of `progress` as it arrives.

    Args:
        path: of the file.
        prompt: numbers of the tokens of the text so far, at least one.
        sampling: the fields of `Sampling`.
        ends: numbers of the tokens that end a text; they are not returned.
        progress: is notified of every new token, by its number.

    Raises:
        UsageProblemError: the file is no decoder, or the prompt is longer than its context.
    """
    session = format_of(Path(path)).open(Path(path), 1)
    if not isinstance(session, TextDecoder):
        raise UsageProblemError(f"{Path(path).name} continues no text: it has no cache of earlier tokens")
    text = session.begin()
    if len(prompt) >= text.context:
        most_tokens = text.context - 1  # One place is for the first new token.
        raise UsageProblemError(f"the prompt has {len(prompt)} tokens; shorten it to {most_tokens} at most")
    start = time.perf_counter()
    logits = text.read(np.asarray(prompt, np.int32))
    first_ms, found = (time.perf_counter() - start) * 1e3, list[int]()
    start = time.perf_counter()
    for token in new_tokens(text, logits, len(prompt), Sampling(**sampling), ends):
        found.append(token)
        progress.step(str(token))
    seconds = time.perf_counter() - start
    speed = (len(found) - 1) / seconds if len(found) > 1 else 0.0  # The first token was known before.
    return {"tokens": found, "first_ms": first_ms, "tokens_per_second": speed}
