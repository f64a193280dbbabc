"""Check that the numbers of tokens fit the vocabulary in the manifest: of the golden inputs, and of the tokenizer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from export.bundle.completeness import reasons, results
from export.bundle.given import tokenizer
from export.bundle.golden import Golden
from export.bundle.read import Delivered
from export.proof.check import CheckResult
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.inputs import TargetTokens, Tokens, tokenizer_of


def check(delivered: Delivered, golden: Golden) -> tuple[CheckResult, ...]:
    """Check the tokens of a network that reads text; there is nothing to check for others."""
    sizes = {name: one.vocabulary for name, one in delivered.inputs.items() if isinstance(one, Tokens | TargetTokens)}
    if not sizes:
        return ()
    wrong = [*reasons(_golden, golden, sizes), *reasons(_tokenizer, delivered, sizes)]
    return results(
        "consistency", "the vocabulary", wrong, "the tokens of the golden inputs and of the tokenizer fit it"
    )


def _golden(golden: Golden, sizes: Mapping[str, int]) -> Iterator[str]:
    """Yield the golden inputs that hold numbers which are not tokens."""
    for name, size in sizes.items():
        values = golden.inputs.get(name)  # That none is missing, is a check of completeness.
        if values is None or not values.size:
            continue
        lowest, highest = values.min(), values.max()
        if not 0 <= lowest <= highest < size:
            found = lowest if lowest < 0 else highest
            yield f"the golden input {name} holds the token {found}, but the manifest's vocabulary has {size}"


def _tokenizer(delivered: Delivered, sizes: Mapping[str, int]) -> Iterator[str]:
    """Yield whether the tokenizer gives tokens that the network does not know."""
    name = tokenizer_of(delivered.inputs)
    if name not in delivered.companions:
        return
    try:
        highest = tokenizer(delivered).highest
    except CheckFailedError:
        return  # The check of integrity says so.
    except UsageProblemError as error:
        yield str(error)
        return
    size = min(sizes.values())
    if highest >= size:
        yield f"{name} gives tokens up to {highest}, but the manifest's vocabulary has {size}"
