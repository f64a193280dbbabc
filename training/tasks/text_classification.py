"""Text classification: predicts one of several classes for each text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration import text_files
from training import splitting
from training.phases import Rates
from training.tasks.classification import Classification
from training.tasks.encoding import encoded
from training.tasks.prediction import arguments
from training.tasks.task import Examples, Parts
from zoo import trained_on
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from training.augmentation import Augmentation
    from training.recipe import TrainingRecipe
    from training.start import Start
    from training.tasks.task import TrainingData


@dataclass(frozen=True, kw_only=True)
class LabelledTexts:
    """Texts, each of one class.

    Attributes:
        texts: each text with the name of its class.
        classes: class names, by index.
        source: description of the data, for records.
        validation: share of the texts used for validation.
        seed: random seed of this split.
    """

    texts: Sequence[tuple[str, str]]
    classes: tuple[str, ...]
    source: str
    validation: float
    seed: int
    mirrored: bool = False

    def examples(self, start: Start, work: Path) -> Parts:
        """Return the examples; texts that give the same tokens are copies, and in one part."""
        inputs, warnings = encoded(start, [text for text, _ in self.texts])
        numbers = {name: index for index, name in enumerate(self.classes)}
        labels = np.array([numbers[word] for _, word in self.texts], np.int64)
        keys = [
            hashlib.sha256(b"".join(values[row].tobytes() for values in inputs.values())).digest()
            for row in range(len(labels))
        ]
        every = Examples(inputs=inputs, annotations=labels)
        train, validation = splitting.split(labels.tolist(), keys, self.validation, self.seed, what="texts")
        digests = {
            name: frozenset(trained_on.of_text(self.texts[index][0]) for index in part)
            for name, part in (("train", train), ("validation", validation))
        }
        return Parts(train=every.take(train), validation=every.take(validation), warnings=warnings, digests=digests)


class TextClassification(Classification):
    """The task of predicting which of several classes a text belongs to."""

    name = "text classification"
    takes_photos = False
    what = "texts"
    # Measured with MiniLM on 2645 film reviews, top-1 after one epoch of the head: 62 % at 1e-3, 77 % at 1e-2, 76 % at
    # 3e-2. Fine: Devlin et al. 2019, section A.3. The scratch rate of photos is too high for a Transformer.
    rates = Rates(head=1e-2, fine=3e-5, scratch=5e-4)

    def find(self, recipe: TrainingRecipe) -> TrainingData:
        """Return the texts in the CSV `recipe.data`."""
        path = Path(recipe.data).expanduser()
        if path.suffix.lower() != text_files.TABLE or not path.is_file():
            problem = "is a folder" if path.is_dir() else "is no CSV" if path.exists() else "does not exist"
            raise UsageProblemError(
                f"--data {recipe.data!r} {problem}; {recipe.model} reads text: give a CSV with the columns text and "
                "class"
            )
        texts = text_files.labelled(path)
        classes = tuple(sorted({word for _, word in texts}))
        splitting.check(classes, [word for _, word in texts], path.name, what="texts")
        return LabelledTexts(
            texts=texts,
            classes=classes,
            source=f"{path.name}, {len(texts)} texts of {len(classes)} classes",
            validation=recipe.validation,
            seed=recipe.seed,
        )

    def batch(
        self, start: Start, examples: Examples, augmentation: Augmentation | None, rng: np.random.Generator
    ) -> tuple[Any, Any]:
        """Return the tokens and the class indices."""
        return arguments(start, examples), examples.annotations


TEXT_CLASSIFICATION = TextClassification()
