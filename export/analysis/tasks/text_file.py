"""The file of texts that a task which reads text evaluates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from calibration import text_files
from calibration.inputs import InputSpec
from calibration.sources import texts
from calibration.sources.request import Request
from export.model import signature
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from export.model.subject import Subject


@dataclass(frozen=True, kw_only=True)
class TextFile:
    """A file of texts, not yet tokens.

    Attributes:
        path: of the .txt.
        request: the inputs of the model, their meaning, and the files that travel with it.
        output: name of the output with the logits.
    """

    path: Path
    request: Request
    output: str


def find(subject: Subject, source: str, examples: str, *, most: int = 1) -> TextFile:
    """Return the texts in the .txt `source`.

    Args:
        subject: the model.
        source: what the user gave.
        examples: what the task takes, for messages.
        most: most samples.

    Raises:
        UsageProblemError: it is no .txt, or the model has no tokenizer.
    """
    path = Path(source).expanduser()
    if path.suffix.lower() != text_files.LINES or not path.is_file():
        raise UsageProblemError(f"--evaluate {source!r} is not {examples}")
    specs = signature.inputs(subject.model)
    request = Request(
        inputs={spec.name: InputSpec(shape=spec.shape[1:], dtype=spec.dtype) for spec in specs},
        contracts=subject.inputs,
        counts=(most, 0),
        seed=0,
        companions=subject.companions,
    )
    if not texts.reads_text(request):
        raise UsageProblemError("--evaluate with texts needs a model whose tokenizer is known")
    return TextFile(path=path, request=request, output=signature.outputs(subject.model)[0].name)
