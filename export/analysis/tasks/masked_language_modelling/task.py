"""The task masked language modelling."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration import text_files
from calibration.samples import Array, Samples, sample_digest
from calibration.sources import texts
from export.analysis.tasks import text_file
from export.analysis.tasks.task import WithoutPredictions
from export.analysis.tasks.text_file import TextFile
from export.model.output_kinds import MASKED_LANGUAGE_MODELLING as NAME
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.inputs import TokenMask, Tokens, tokenizer_of
from zoo.language.tokenizer import Tokenizer
from zoo.metric import FOUND_TOKENS, Metric

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject

EXAMPLES = "a .txt with one text per line"
HIDDEN_SHARE = 0.15  # of the tokens of a text: Devlin et al. 2019, section 3.1
# The scores of all texts are in memory at once.
MOST_TEXTS, FEWEST_TEXTS, MOST_BYTES = 200, 8, 1_000_000_000
ENDS = 2  # tokens of a text that are never hidden, the first and the last


@dataclass(frozen=True, kw_only=True)
class HiddenTokens:
    """Texts as the model's tokens, some of which are hidden.

    Attributes:
        samples: the tokens, with the mask token in place of those that are hidden.
        wanted: the tokens themselves (N, length).
        is_hidden: which of them are hidden (N, length).
        output: name of the output with the scores.
    """

    samples: Samples
    wanted: Array
    is_hidden: Array
    output: str

    def scores(self, outputs: Mapping[str, Array]) -> dict[str, float]:
        """Return the share of hidden tokens that have the highest score in their place."""
        logits = outputs[self.output]
        if not np.isfinite(logits).all():
            raise CheckFailedError("the outputs contain NaN or infinity")
        is_right = logits.argmax(axis=-1) == self.wanted
        return {FOUND_TOKENS.key: float(is_right[self.is_hidden].mean())}


@dataclass(frozen=True, kw_only=True)
class PlainTexts(TextFile):
    """A file of texts in which nothing is hidden, not yet tokens."""

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> HiddenTokens:
        """Hide tokens of the texts by `seed`, and save those that calibration did not use in `work`."""
        name = tokenizer_of(self.request.contracts)
        tokenizer = Tokenizer(self.request.companions[name], name)
        encoder, hidden = texts.TextInputs(tokenizer, self.request), tokenizer.mask_token()
        ids, padding = (
            next(key for key, one in self.request.contracts.items() if isinstance(one, kind))
            for kind in (Tokens, TokenMask)
        )
        rows = [row for row, _ in map(encoder.inputs, text_files.lines(self.path)) if sample_digest(row) not in exclude]
        if any((row[ids] == hidden).any() for row in rows):
            text = tokenizer.token(hidden)
            raise UsageProblemError(f"{self.path.name} holds {text} itself; give whole texts, whose tokens are known")
        rows = [row for row in rows if row[padding].sum() > ENDS][: _most_texts(encoder.length, tokenizer.size)]
        if not rows:
            raise UsageProblemError(f"{self.path.name} holds no text beside those of calibration")
        arrays = {key: np.stack([row[key] for row in rows]) for key in self.request.inputs}
        wanted, generator = arrays[ids], np.random.default_rng(seed)
        is_hidden = np.stack([_drawn(int(row.sum()), len(row), generator) for row in arrays[padding]])
        arrays[ids] = np.where(is_hidden, hidden, wanted).astype(wanted.dtype)
        samples = Samples(inputs=arrays, source=self.path.name, seed=seed).save(work)
        return HiddenTokens(samples=samples, wanted=wanted, is_hidden=is_hidden, output=self.output)


def _drawn(count: int, length: int, generator: np.random.Generator) -> Array:
    """Return which of `length` places are hidden: some of the `count` tokens of a text, but not its first and last."""
    inside = count - ENDS
    places = 1 + generator.permutation(inside)[: max(1, round(HIDDEN_SHARE * inside))]
    return np.isin(np.arange(length), places)


def _most_texts(length: int, vocabulary: int) -> int:
    return min(MOST_TEXTS, max(FEWEST_TEXTS, MOST_BYTES // (4 * length * vocabulary)))


class MaskedLanguageModelling(WithoutPredictions):
    """Scores of every token of the vocabulary, for each place of a text."""

    name = NAME
    metrics: tuple[Metric, ...] = (FOUND_TOKENS,)
    examples = EXAMPLES
    takes_photos = False
    makes_pictures = False

    def suits(self, model: keras.Model) -> bool:
        """Return False: nothing but its task tells these scores from other maps."""
        return False

    def find(self, subject: Subject, source: str) -> PlainTexts:
        """Return the texts in the .txt `source`."""
        found = text_file.find(subject, source, EXAMPLES)
        return PlainTexts(path=found.path, request=found.request, output=found.output)


MASKED_LANGUAGE_MODELLING = MaskedLanguageModelling()
