"""Choose the tokens of a text one by one, by the logits of a file that reads the text so far."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from calibration.samples import Array
from export.formats.session import Continuation
from zoo.errors import UsageProblemError

COLDEST, HOTTEST = 0.01, 100  # temperatures; colder ones are 0


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the next token is chosen.

    Attributes:
        most: largest number of new tokens; the context of the network also limits it.
        temperature: divides the logits before a token is drawn; 0 takes the most probable token.
        top_p: draw from the most probable tokens that have this share together.
        seed: random seed.
    """

    most: int = 100
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        is_sane = self.temperature == 0 or COLDEST <= self.temperature <= HOTTEST
        if self.most < 1 or not is_sane or not 0 < self.top_p <= 1 or self.seed < 0:
            raise UsageProblemError(
                f"--max-tokens must be at least 1, --seed at least 0, --top-p between 0 and 1, and --temperature 0 or "
                f"between {COLDEST} and {HOTTEST}"
            )


def new_tokens(
    text: Continuation, logits: Array, place: int, sampling: Sampling, ends: Collection[int]
) -> Iterator[int]:
    """Yield the tokens behind the first `place` of a text, until its end, the most new tokens or a full context.

    Args:
        text: the text so far.
        logits: of the token behind it, (vocabulary,).
        place: number of its tokens.
        sampling: how tokens are chosen.
        ends: numbers of the tokens that end a text; they are not yielded.
    """
    generator = np.random.default_rng(sampling.seed)
    most = min(sampling.most, text.context - place)
    for number in range(most):
        token = draw(logits, sampling, generator)
        if token in ends:
            return
        yield token
        if number < most - 1:
            logits = text.read(np.asarray([token], np.int32))


def draw(logits: Array, sampling: Sampling, generator: np.random.Generator) -> int:
    """Return a token drawn from the chances of logits (vocabulary,)."""
    if sampling.temperature == 0:
        return int(logits.argmax())
    scaled = logits.astype(np.float64) / sampling.temperature
    chances = np.exp(scaled - scaled.max())
    chances /= chances.sum()
    order = np.argsort(-chances, kind="stable")
    # The most probable token is always among them.
    kept = order[: int(np.searchsorted(np.cumsum(chances[order]), sampling.top_p)) + 1]
    return int(generator.choice(kept, p=chances[kept] / chances[kept].sum()))
