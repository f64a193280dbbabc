"""The task translation."""

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
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.inputs import tokenizer_of
from zoo.language.tokenizer import Tokenizer
from zoo.metric import EXACT_MATCH, Metric

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject

EXAMPLES = "a .txt with a text, a tab and its translation in every line"


@dataclass(frozen=True, kw_only=True)
class Translations:
    """Texts and their translations as the model's tokens.

    Attributes:
        samples: the tokens.
        target: name of the input with the translations.
        output: name of the output with the logits.
        ends: the place of the token that ends each translation, (N,).
    """

    samples: Samples
    target: str
    output: str
    ends: Array

    def scores(self, outputs: Mapping[str, Array]) -> dict[str, float]:
        """Return the share of texts that the model translates exactly so, taking the likeliest token every time.

        It does so exactly if the likeliest token behind every part of the translation is the next one.
        """
        logits = outputs[self.output]
        if not np.isfinite(logits).all():
            raise CheckFailedError("the outputs contain NaN or infinity")
        wanted = np.asarray(self.samples.inputs[self.target])[:, 1:]
        is_right = logits[:, :-1].argmax(axis=-1) == wanted
        is_behind = np.arange(1, wanted.shape[1] + 1) > self.ends[:, None]
        return {EXACT_MATCH.key: float((is_right | is_behind).all(axis=1).mean())}


@dataclass(frozen=True, kw_only=True)
class TranslationFile(TextFile):
    """A file of texts and their translations, not yet tokens."""

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> Translations:
        """Save the tokens that calibration did not use in `work`."""
        name = tokenizer_of(self.request.contracts)
        tokenizer = Tokenizer(self.request.companions[name], name)
        encoder = texts.TextInputs(tokenizer, self.request)
        assert encoder.target is not None  # Checked by `Translation.find`.
        (end,) = tokenizer.ids("")[-1:]
        found = (encoder.inputs(line) for line in text_files.lines(self.path))
        rows = [row for row, is_cut in found if not is_cut and sample_digest(row) not in exclude]
        if not rows:
            raise UsageProblemError(f"{self.path.name} holds no text beside those of calibration that is short enough")
        arrays = {key: np.stack([row[key] for row in rows]) for key in self.request.inputs}
        samples = Samples(inputs=arrays, source=self.path.name, seed=seed).save(work)
        ends = (arrays[encoder.target] == end).argmax(axis=1)
        return Translations(samples=samples, target=encoder.target, output=self.output, ends=ends)


class Translation(WithoutPredictions):
    """The translation of a text, compared with the written one."""

    name = "translation"
    metrics: tuple[Metric, ...] = (EXACT_MATCH,)
    examples = EXAMPLES
    takes_photos = False
    makes_pictures = False

    def suits(self, model: keras.Model) -> bool:
        """Return False: nothing but its task tells logits of tokens from other maps."""
        return False

    def find(self, subject: Subject, source: str) -> TranslationFile:
        """Return the texts in the .txt `source`."""
        found = text_file.find(subject, source, EXAMPLES)
        return TranslationFile(path=found.path, request=found.request, output=found.output)


TRANSLATION = Translation()
