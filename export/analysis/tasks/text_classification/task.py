"""The task text classification."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from calibration import text_files
from calibration.class_words import class_indices
from calibration.inputs import InputSpec
from calibration.sources.request import Request
from calibration.sources.texts import reads_text
from export.analysis.tasks.classification.task import Classification
from export.analysis.tasks.text_classification.labelled import EXAMPLES, ClassifiedTexts
from export.model import signature
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject


class TextClassification(Classification):
    """Classification of texts, whose outputs mean the same as those of photos."""

    name = "text classification"
    examples = EXAMPLES
    takes_photos = False

    def suits(self, model: keras.Model) -> bool:
        """Return False: nothing but its task tells tokens from other integers."""
        return False

    def find(self, subject: Subject, source: str) -> ClassifiedTexts:  # type: ignore[override]  # texts, not photos
        """Return the labelled texts in the .csv `source`."""
        path = Path(source).expanduser()
        if path.suffix.lower() != text_files.TABLE or not path.is_file():
            raise UsageProblemError(f"--evaluate {source!r} is not {EXAMPLES}")
        specs = signature.inputs(subject.model)
        found = text_files.labelled(path)
        request = Request(
            inputs={spec.name: InputSpec(shape=spec.shape[1:], dtype=spec.dtype) for spec in specs},
            contracts=subject.inputs,
            counts=(len(found), 0),
            seed=0,
            companions=subject.companions,
        )
        if not reads_text(request):
            raise UsageProblemError("--evaluate with texts needs a model whose tokenizer is known")
        (output,) = signature.outputs(subject.model)
        indices = class_indices({word for _, word in found}, classes=output.shape[1], labels=subject.labels)
        return ClassifiedTexts(
            source=f"{path.name}, {len(found)} texts",
            texts=tuple((text, indices[word]) for text, word in found),
            request=request,
            output=output.name,
        )


TEXT_CLASSIFICATION = TextClassification()
