"""The task sound classification."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from calibration.class_words import class_indices
from calibration.inputs import InputSpec
from calibration.sound_files import left_out, named_sounds
from export.analysis.tasks.classification.task import Classification
from export.analysis.tasks.sound_classification.labelled import EXAMPLES, ClassifiedSounds
from export.model import signature
from export.model.output_kinds import SOUND_CLASSIFICATION as NAME
from zoo.errors import UsageProblemError
from zoo.inputs import sound_of

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject


class SoundClassification(Classification):
    """Classification of sounds, whose outputs mean the same as those of photos."""

    name = NAME
    examples = EXAMPLES
    takes_photos = False

    def suits(self, model: keras.Model) -> bool:
        """Return False: nothing but its task tells the features of a sound from a photo."""
        return False

    def find(self, subject: Subject, source: str) -> ClassifiedSounds:  # type: ignore[override]  # sounds, not photos
        """Return the labelled sounds in the folder `source`."""
        path, found = Path(source).expanduser(), sound_of(subject.inputs)
        if not path.is_dir():
            raise UsageProblemError(f"--evaluate {source!r} is not {EXAMPLES}")
        if found is None:
            raise UsageProblemError("--evaluate with sounds needs a model whose features of sounds are known")
        name, front_end = found
        spec = next(one for one in signature.inputs(subject.model) if one.name == name)
        (output,) = signature.outputs(subject.model)
        named = named_sounds(path)
        indices = class_indices({word for _, word in named}, classes=output.shape[1], labels=subject.labels)
        return ClassifiedSounds(
            source=f"{path.name}, {len(named)} labelled sounds",
            sounds=tuple((one, indices[word]) for one, word in named),
            front_end=front_end,
            input=name,
            spec=InputSpec(shape=spec.shape[1:], dtype=spec.dtype),
            output=output.name,
            notes=left_out(path),
        )


SOUND_CLASSIFICATION = SoundClassification()
