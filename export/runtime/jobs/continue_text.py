"""Job: continue a text token by token with the file of a decoder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats import format_of
from export.formats.session import TextDecoder
from export.progress import Progress
from zoo.errors import UsageProblemError


def continue_text(
    path: str,
    prompt: Sequence[int],
    most: int,
    temperature: float,
    top_p: float,
    seed: int,
    ends: Sequence[int],
    progress: Progress,
) -> dict[str, Any]:
    """Return the tokens behind a prompt, and how long they took; every token is a step of `progress` as it arrives.

    Args:
        path: of the file.
        prompt: numbers of the tokens of the text so far, at least one.
        most: largest number of new tokens; the context of the network also limits it.
        temperature: divides the logits before a token is drawn; 0 takes the most probable token.
        top_p: draw from the most probable tokens that have this share together.
        seed: random seed.
        ends: numbers of the tokens that end a text; they are not returned.
        progress: is notified of every new token, by its number.

    Raises:
        UsageProblemError: the file is no decoder, or the prompt is longer than its context.
    """
    session = format_of(Path(path)).open(Path(path), 1)
    if not isinstance(session, TextDecoder):
        raise UsageProblemError(f"{Path(path).name} continues no text: it has no cache of earlier tokens")
    text, generator = session.begin(), np.random.default_rng(seed)
    if len(prompt) >= text.context:
        most_tokens = text.context - 1  # One place is for the first new token.
        raise UsageProblemError(f"the prompt has {len(prompt)} tokens; shorten it to {most_tokens} at most")
    start = time.perf_counter()
    logits = text.read(np.asarray(prompt, np.int32))
    first_ms, found = (time.perf_counter() - start) * 1e3, list[int]()
    start = time.perf_counter()
    for _ in range(min(most, text.context - len(prompt))):
        token = draw(logits, temperature, top_p, generator)
        if token in ends:
            break
        found.append(token)
        progress.step(str(token))
        if len(prompt) + len(found) < text.context:
            logits = text.read(np.asarray([token], np.int32))
    seconds = time.perf_counter() - start
    speed = (len(found) - 1) / seconds if len(found) > 1 else 0.0  # The first token was known before.
    return {"tokens": found, "first_ms": first_ms, "tokens_per_second": speed}


def draw(logits: Array, temperature: float, top_p: float, generator: np.random.Generator) -> int:
    """Return a token drawn from the chances of logits (vocabulary,); see `continue_text`."""
    if temperature == 0:
        return int(logits.argmax())
    scaled = logits.astype(np.float64) / temperature
    chances = np.exp(scaled - scaled.max())
    chances /= chances.sum()
    order = np.argsort(-chances, kind="stable")
    # The most probable token is always among them.
    kept = order[: int(np.searchsorted(np.cumsum(chances[order]), top_p)) + 1]
    return int(generator.choice(kept, p=chances[kept] / chances[kept].sum()))
