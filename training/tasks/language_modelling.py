"""Language modelling: predicts the next token of a text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration import text_files
from export.metrics.next_tokens import total_nats
from training.phases import Rates
from training.tasks.encoding import encoder
from training.tasks.prediction import arguments, predictions
from training.tasks.task import Examples, Parts
from zoo.errors import UsageProblemError
from zoo.metric import PERPLEXITY, Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.augmentation import Augmentation
    from training.recipe import TrainingRecipe
    from training.start import Start
    from training.tasks.task import Loss, TrainingData

_BATCH = 8  # texts whose logits are in memory at once


@dataclass(frozen=True, kw_only=True)
class OneText:
    """The lines of a file as one long text, whose end is used for validation.

    Attributes:
        lines: the lines.
        source: name of the file.
        validation: share of the tokens used for validation.
    """

    lines: Sequence[str]
    source: str
    validation: float
    classes: tuple[str, ...] = ()
    mirrored: bool = False

    def examples(self, start: Start, work: Path) -> Parts:
        """Return windows of the network's length, one behind the other; the annotations are the next tokens.

        Raises:
            UsageProblemError: the text is too short for a window in each part.
        """
        reader = encoder(start)
        tokens = np.array([token for line in self.lines for token in reader.ids(line)], np.int32)
        first = round((1 - self.validation) * len(tokens))
        parts = [_windows(start, some, reader.length) for some in (tokens[:first], tokens[first:])]
        if not all(map(len, parts)):
            share = min(self.validation, 1 - self.validation)
            fewest = math.ceil((reader.length + 1) / share)
            raise UsageProblemError(
                f"{self.source} holds {len(tokens)} tokens; texts of {reader.length} tokens for training and "
                f"validation need about {fewest}: give a longer text, or a shorter length such as --set length=16"
            )
        return Parts(train=parts[0], validation=parts[1])


class LanguageModelling:
    """The task of predicting the next token of a text."""

    name = "language modelling"
    metrics: tuple[Metric, ...] = (PERPLEXITY,)
    takes_photos = False
    what = "texts"
    least_in_an_epoch = 0
    rates = Rates(head=0.0, fine=5e-4, scratch=3e-3)

    def find(self, recipe: TrainingRecipe) -> TrainingData:
        """Return the text in the file `recipe.data`."""
        path = Path(recipe.data).expanduser()
        if path.suffix != text_files.LINES or not path.is_file():
            problem = "is a folder" if path.is_dir() else "is no .txt" if path.exists() else "does not exist"
            raise UsageProblemError(
                f"--data {recipe.data!r} {problem}; {recipe.model} continues a text: give a .txt with one text per line"
            )
        return OneText(lines=text_files.lines(path), source=path.name, validation=recipe.validation)

    def options(self, classes: Sequence[str]) -> Mapping[str, Any]:
        """Return no options: there are no classes."""
        return {}

    def losses(self, start: Start) -> Sequence[Loss]:
        """Return the cross-entropy of the next tokens."""
        import keras

        return [keras.losses.SparseCategoricalCrossentropy(from_logits=True)]

    def batch(
        self, start: Start, examples: Examples, augmentation: Augmentation | None, rng: np.random.Generator
    ) -> tuple[Any, Any]:
        """Return the tokens, and the next token for each of them."""
        return arguments(start, examples), examples.annotations

    def evaluate(self, start: Start, examples: Examples) -> dict[str, float]:
        """Return the perplexity of the next tokens."""
        nats, at = 0.0, 0
        for logits in predictions(start, examples, batch=_BATCH):
            nats += total_nats(logits, examples.annotations[at : at + len(logits)])
            at += len(logits)
        return {"perplexity": float(np.exp(nats / examples.annotations.size))}

    def draw(self, start: Start, examples: Examples, classes: Sequence[str], folder: Path) -> tuple[str, ...]:
        """Draw no pictures."""
        return ()


def _windows(start: Start, tokens: NDArray[np.int32], length: int) -> Examples:
    """Return windows of `length` tokens, with the next token for each; a rest is left out."""
    (name,) = start.inputs
    count = max(0, len(tokens) - 1) // length
    inputs, targets = (tokens[shift : shift + count * length].reshape(count, length) for shift in (0, 1))
    return Examples(inputs={name: inputs}, annotations=targets)


LANGUAGE_MODELLING = LanguageModelling()
