"""The task language modelling."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration import text_files
from calibration.inputs import InputSpec
from calibration.samples import Array, Samples, sample_digest
from calibration.sources import texts
from calibration.sources.request import Request
from export.analysis.tasks.task import WithoutPredictions
from export.metrics.next_tokens import perplexity
from export.model import signature
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
class TextFile:
    """A file of texts, not yet tokens."""

    path: Path
    request: Request
    output: str

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

    def find(self, subject: Subject, source: str) -> TextFile:
        """Return the texts in the .txt `source`."""
        path = Path(source).expanduser()
        if path.suffix != text_files.LINES or not path.is_file():
            raise UsageProblemError(f"--evaluate {source!r} is not {EXAMPLES}")
        specs = signature.inputs(subject.model)
        request = Request(
            inputs={spec.name: InputSpec(shape=spec.shape[1:], dtype=spec.dtype) for spec in specs},
            contracts=subject.inputs,
            counts=(MOST_TEXTS, 0),
            seed=0,
            companions=subject.companions,
        )
        if not texts.reads_text(request):
            raise UsageProblemError("--evaluate with texts needs a model whose tokenizer is known")
        return TextFile(path=path, request=request, output=signature.outputs(subject.model)[0].name)


LANGUAGE_MODELLING = LanguageModelling()
