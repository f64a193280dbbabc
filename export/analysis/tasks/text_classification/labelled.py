"""Labelled texts for a classifier."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from calibration.inputs import Sample
from calibration.sources.request import Request
from calibration.sources.texts import TextInputs
from calibration.store import SetWriter, digest_of
from export.analysis.tasks.classification.labelled import ClassifiedSamples
from zoo.errors import UsageProblemError
from zoo.inputs import tokenizer_of
from zoo.language.tokenizer import Tokenizer

EXAMPLES = "a CSV with the columns text and class"


@dataclass(frozen=True, kw_only=True)
class ClassifiedTexts:
    """Texts with their classes, not yet tokens.

    Attributes:
        source: description of the data for the manifest.
        texts: each text with the index of its class.
        request: the inputs of the model, and its tokenizer.
        output: name of the output with class scores.
    """

    source: str
    texts: Sequence[tuple[str, int]]
    request: Request
    output: str

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> ClassifiedSamples:
        """Save the texts that calibration did not use in `work`.

        Raises:
            UsageProblemError: calibration has used every text.
        """
        name = tokenizer_of(self.request.contracts)
        encoder = TextInputs(Tokenizer(self.request.companions[name], name), self.request)
        known, cut = frozenset(exclude), 0
        with SetWriter(work, self.request.inputs, None) as writer:
            for text, label in self.texts:
                inputs, is_cut = encoder.inputs(text)
                sample = Sample(inputs=inputs, label=label)
                digest = digest_of(sample, self.request.inputs)
                if digest not in known:
                    writer.append(sample, digest)
                    cut += is_cut
        if not len(writer):
            raise UsageProblemError(f"{self.source}: calibration has used every text; give other texts")
        notes = []
        if len(writer) < len(self.texts):
            notes.append(f"{len(self.texts) - len(writer)} calibration texts left out of the evaluation")
        if cut:
            notes.append(f"{cut} of {len(writer)} texts are longer than {encoder.length} tokens and were cut off")
        samples = writer.samples(source=self.source, seed=seed, warnings=tuple(notes))
        return ClassifiedSamples(samples=samples, output=self.output)
