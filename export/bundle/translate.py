"""Translate texts with a delivered file, as a device would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from calibration.sources.request import Request
from calibration.sources.texts import TextInputs
from export.bundle.given import specs, tokenizer
from export.bundle.read import Delivered, DeliveredFile
from export.model.output_kinds import TRANSLATION
from export.progress import Quiet
from export.runtime import background
from export.runtime.jobs.translate_text import translate_text
from export.runtime.sampling import Sampling
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.inputs import SEPARATOR
from zoo.language.encoder_decoder import SOURCE, SOURCE_MASK

TASK = TRANSLATION


@dataclass(frozen=True, kw_only=True)
class Translated:
    """A text that a file has translated.

    Attributes:
        text: the text that was given.
        translation: what the file wrote.
        tokens: numbers of its tokens.
        milliseconds: time that it took.
        is_cut: whether the text is longer than the network reads.
    """

    text: str
    translation: str
    tokens: tuple[int, ...]
    milliseconds: float
    is_cut: bool


def translate(
    delivered: Delivered, file: DeliveredFile, texts: Sequence[str], sampling: Sampling
) -> tuple[Translated, ...]:
    """Return the translation of each text; what stands behind a tab is left out.

    Raises:
        CheckFailedError: the tokenizer differs from the exported one, or gives tokens that the network does not know.
        UsageProblemError: a text is empty, or the tokenizer is missing.
    """
    texts = [text.partition(SEPARATOR)[0] for text in texts]
    if not all(text.strip() for text in texts):
        raise UsageProblemError("a text is empty; type some words")
    request = Request(inputs=specs(file), contracts=delivered.inputs, counts=(len(texts), 0), seed=0)
    found = tokenizer(delivered)
    encoder = TextInputs(found, request)
    ends = found.ids("")
    if encoder.target is None or len(ends) < 2:
        raise CheckFailedError(f"{delivered.name} has no input or no tokens for a translation; export the model again")
    rows = [encoder.translated(text, "") for text in texts]
    result = background.start(
        translate_text,
        Quiet(),
        path=str(file.path.absolute()),
        texts=[{name: row[name].tolist() for name in (SOURCE, SOURCE_MASK)} for row, _ in rows],
        begin=ends[0],
        end=ends[-1],
        sampling=asdict(sampling),
    )
    return tuple(
        Translated(
            text=text,
            translation=found.decode(one["tokens"]),
            tokens=tuple(one["tokens"]),
            milliseconds=one["milliseconds"],
            is_cut=is_cut,
        )
        for text, (_, is_cut), one in zip(texts, rows, result["translations"], strict=True)
    )
