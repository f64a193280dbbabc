"""Continue a text with a delivered file of a decoder, as a device would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from export.bundle.given import tokenizer
from export.bundle.read import Delivered, DeliveredFile
from export.model.output_kinds import LANGUAGE_MODELLING
from export.runtime import background
from export.runtime.jobs.continue_text import continue_text
from export.runtime.sampling import Sampling
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.inputs import Tokens
from zoo.language.tokenizer import Tokenizer

TASK = LANGUAGE_MODELLING
ENDS = ("</s>", "<|endoftext|>", "<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<end_of_turn>", "<eos>", "[SEP]")


@dataclass(frozen=True, kw_only=True)
class Continued:
    """A text that a file has continued.

    Attributes:
        prompt: the text that was given.
        text: what follows.
        tokens: numbers of the new tokens.
        first_ms: time until the first token was known: of reading the prompt.
        tokens_per_second: speed of all further tokens.
    """

    prompt: str
    text: str
    tokens: tuple[int, ...]
    first_ms: float
    tokens_per_second: float


class _Printing:
    """Passes the text of tokens on as they arrive; implements `export.progress.Progress`."""

    def __init__(self, found: Tokenizer, prompt: list[int], show: Callable[[str], None]) -> None:
        self._tokenizer, self._tokens, self._show = found, list(prompt), show
        self._shown = len(found.decode(prompt))

    def step(self, what: str, done: int | None = None, total: int | None = None, detail: str = "") -> None:
        """Take the number of a token; an unfinished character waits for its other bytes."""
        self._tokens.append(int(what))
        text = self._tokenizer.decode(self._tokens)
        if not text.endswith("\ufffd"):
            self._show(text[self._shown :])
            self._shown = len(text)


def generate(
    delivered: Delivered, file: DeliveredFile, prompt: str, sampling: Sampling, show: Callable[[str], None]
) -> Continued:
    """Continue a prompt, and pass new text to `show` as it arrives.

    Raises:
        CheckFailedError: the tokenizer differs from the exported one, or gives tokens that the network does not know.
        UsageProblemError: the prompt is empty or too long, or the tokenizer is missing.
    """
    if not prompt.strip():
        raise UsageProblemError("the text is empty; type some words")
    found = tokenizer(delivered)
    ids = found.ids(prompt)
    vocabulary = next(one.vocabulary for one in delivered.inputs.values() if isinstance(one, Tokens))
    if max(ids, default=0) >= vocabulary:
        raise CheckFailedError(f"the tokenizer gives token {max(ids)}, but the network knows {vocabulary}")
    ends = [number for number in map(found.number, ENDS) if number is not None]
    result = background.start(
        continue_text,
        _Printing(found, ids, show),
        path=str(file.path.absolute()),
        prompt=ids,
        sampling=asdict(sampling),
        ends=ends,
    )
    whole, before = found.decode([*ids, *result["tokens"]]), found.decode(ids)
    return Continued(
        prompt=prompt,
        text=whole[len(before) :],
        tokens=tuple(result["tokens"]),
        first_ms=result["first_ms"],
        tokens_per_second=result["tokens_per_second"],
    )
