"""The task language modelling."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration.samples import Array, Samples, sample_digest
from calibration.sources import texts
from export.analysis.tasks import text_file
from export.analysis.tasks.task import WithoutPredictions
from export.analysis.tasks.text_file import TextFile
from export.metrics.next_tokens import perplexity
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.metric import PERPLEXITY, Metric

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject

EXAMPLES = "a .txt with one text per line"
MOST_TEXTS = 64  # of the network's length: their logits are in memory at once


@dataclass(frozen=True, kw_only=True)
class HeldOutTexts:
    """Texts as the model's tokens.

    Attributes:
        samples: the tokens.
        input: name of the input.
        output: name of the output with the logits.
    """

    samples: Samples
    input: str
    output: str

    def scores(self, outputs: Mapping[str, Array]) -> dict[str, float]:
        """Return the perplexity."""
        logits = outputs[self.output]
        if not np.isfinite(logits).all():
            raise CheckFailedError("the outputs contain NaN or infinity")
        return {"perplexity": perplexity(logits, np.asarray(self.samples.inputs[self.input]))}


@dataclass(frozen=True, kw_only=True)
class PackedTexts(TextFile):
    """A file of texts that are read one behind the other, not yet tokens."""

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> HeldOutTexts:
        """Save the tokens that calibration did not use in `work`."""
        stream = texts.open_file(self.path, self.request)
        assert not isinstance(stream.samples, tuple)  # A tuple would be two sets; a file contains only one.
        (name,) = self.request.inputs
        fresh = (one for one in stream.samples if sample_digest(one.inputs) not in exclude)
        rows = [one.inputs[name] for one in islice(fresh, MOST_TEXTS)]
        if not rows:
            length = self.request.inputs[name].shape[0]
            raise UsageProblemError(f"{self.path.name} holds fewer than {length} tokens beside those of calibration")
        samples = Samples(inputs={name: np.stack(rows)}, source=self.path.name, seed=seed).save(work)
        return HeldOutTexts(samples=samples, input=name, output=self.output)


class LanguageModelling(WithoutPredictions):
    """The chances of the next token."""

    name = "language modelling"
    metrics: tuple[Metric, ...] = (PERPLEXITY,)
    examples = EXAMPLES
    takes_photos = False
    makes_pictures = False

    def suits(self, model: keras.Model) -> bool:
        """Return False: nothing but its task tells logits of tokens from other maps."""
        return False

    def find(self, subject: Subject, source: str) -> PackedTexts:
        """Return the texts in the .txt `source`."""
        found = text_file.find(subject, source, EXAMPLES, most=MOST_TEXTS)
        return PackedTexts(path=found.path, request=found.request, output=found.output)


LANGUAGE_MODELLING = LanguageModelling()
