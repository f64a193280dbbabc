"""What an exported file says about itself, so that tools that know nothing of this project can use it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from export.metrics import OutputKind
from export.model import entries, signature
from export.model.output_kinds import final_functions
from export.model.subject import Subject
from zoo.inputs import photo_input, tokenizer_of
from zoo.preprocessing import Preprocessing

SEGMENTATION = "segmentation"


class Scores(StrEnum):
    """What turns the scores of an output into probabilities."""

    NONE = ""  # the output has no scores, or it is not known
    PROBABILITIES = "the scores are probabilities"
    SOFTMAX = "the scores are logits: softmax gives probabilities"
    LOGARITHMS = "the scores are logarithms of probabilities"


@dataclass(frozen=True, kw_only=True)
class OutputDescription:
    """One output.

    Attributes:
        text: what it means, in words.
        scores: what its scores are.
        has_labels: whether the names of the classes are those of its last axis.
    """

    text: str
    scores: Scores = Scores.NONE
    has_labels: bool = False


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a file says about itself.

    Attributes:
        name: of the model.
        text: what it is and where its weights come from, in sentences.
        task: such as "classification"; empty if unknown.
        precision: name of the scheme of the file.
        producer: the program that wrote the file.
        producer_version: its version.
        licence: of the weights, as their publisher states it; empty where it is not known.
        version: the first digits of the sha256 of the weights; empty for random weights.
        labels: names of the classes, in the order of the scores; empty if unknown.
        preprocessing: from a photo to the input `photo_input`; None if no input is a photo.
        photo_input: name of the input that takes photos; empty without one.
        inputs: what each input means, in words, by name.
        outputs: what each output means, by name.
        word_pieces: the vocabulary of BERT's own tokenizer for texts in lower case; empty for other tokenizers.
    """

    name: str
    text: str
    task: str = ""
    precision: str = ""
    producer: str = "zoo-export"
    producer_version: str = ""
    licence: str = ""
    version: str = ""
    labels: tuple[str, ...] = ()
    preprocessing: Preprocessing | None = None
    photo_input: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, OutputDescription] = field(default_factory=dict)
    word_pieces: tuple[str, ...] = ()

    def of_file(self, precision: str, producer_version: str) -> Description:
        """Return the description of a file of this precision, written by that version of the producer."""
        text = f"{self.text} Exported in {precision}."
        return replace(self, precision=precision, producer_version=producer_version, text=text)


def describe(subject: Subject) -> Description:
    """Return what the files of a model say about themselves, but for their precision."""
    contracts = entries.contracts(subject)
    weights = subject.weights
    return Description(
        name=subject.name,
        text=_text(subject),
        task=subject.task,
        licence=weights.licence,
        version=(weights.sha256 or "")[:12],
        labels=subject.labels,
        preprocessing=subject.preprocessing,
        photo_input=photo_input(contracts) or "",
        inputs={name: contract.describe() for name, contract in contracts.items()},
        outputs=_outputs(subject),
        word_pieces=_word_pieces(subject),
    )


def _text(subject: Subject) -> str:
    weights, task = subject.weights, f", for {subject.task}" if subject.task else ""
    origin = f"Weights: {weights.name}." if weights.trained else f"The weights are untrained: {weights.reason}."
    return f"{subject.title}{task}. {origin}"


def _outputs(subject: Subject) -> dict[str, OutputDescription]:
    """Return what the outputs mean; nothing for several entry points, whose files have several graphs."""
    if subject.entries or subject.decoder:
        return {}
    kinds, functions = entries.output_kinds(subject), final_functions(subject.model)
    return {
        spec.name: _output(subject, kinds[spec.name], functions[spec.name], spec.shape[-1] if spec.shape else None)
        for spec in signature.outputs(subject.model)
    }


def _output(subject: Subject, kind: OutputKind, function: str, columns: int | None) -> OutputDescription:
    is_mask = subject.task == SEGMENTATION and kind in (OutputKind.VALUES, OutputKind.CLASSES)
    if not is_mask and kind not in (OutputKind.CLASSES, OutputKind.DECISIONS):
        return OutputDescription(text=str(kind))
    scores = _scores(kind, function, columns, is_mask=is_mask)
    what = f"scores of {columns} classes{' for each pixel' if is_mask else ''}"
    text = f"{what}; {scores}" if scores else what
    return OutputDescription(text=text, scores=scores, has_labels=len(subject.labels) == columns)


def _scores(kind: OutputKind, function: str, columns: int | None, *, is_mask: bool) -> Scores:
    if function in ("softmax", "sigmoid", "hard_sigmoid"):
        return Scores.PROBABILITIES
    if function == "log_softmax":
        return Scores.LOGARITHMS
    # A single score is no distribution over classes, and behind another function than none the scores are unknown.
    has_logits = (is_mask or kind is OutputKind.CLASSES) and function in ("", "linear") and columns != 1
    return Scores.SOFTMAX if has_logits else Scores.NONE


def _word_pieces(subject: Subject) -> tuple[str, ...]:
    """Return the vocabulary if the tokenizer is BERT's own, for texts in lower case: others need their own file."""
    content = subject.companions.get(tokenizer_of(subject.inputs))
    try:
        return _pieces(json.loads(content)) if content is not None else ()
    except (ValueError, TypeError, KeyError, AttributeError):  # no tokenizer as BERT's is stored
        return ()


def _pieces(tokenizer: Mapping[str, Any]) -> tuple[str, ...]:
    model = tokenizer["model"]
    kinds = tuple(tokenizer[part]["type"] for part in ("model", "normalizer", "pre_tokenizer"))
    is_bert = kinds == ("WordPiece", "BertNormalizer", "BertPreTokenizer")
    if not is_bert or not tokenizer["normalizer"]["lowercase"] or model["continuing_subword_prefix"] != "##":
        return ()
    numbers: Mapping[str, int] = model["vocab"]
    pieces = tuple(sorted(numbers, key=numbers.__getitem__))
    has_a_line_each = [numbers[piece] for piece in pieces] == list(range(len(pieces)))
    return pieces if has_a_line_each and {"[CLS]", "[SEP]", "[UNK]"} <= numbers.keys() else ()
