"""The task detection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from calibration.boxed import find_boxed
from calibration.samples import Array
from export.analysis.tasks.detection.labelled import BoxedFiles
from export.analysis.tasks.detection.outputs import objects, prediction
from export.analysis.tasks.prediction import Described, Prediction
from export.model import signature
from zoo.detection.heads import Detection as Meaning
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.metric import AP, AP50, Metric

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject


class Detection:
    """Detection of objects in photos."""

    name = "detection"
    metrics: tuple[Metric, ...] = (AP, AP50)
    examples = "a folder with images/photo.jpg and instances.json in COCO format"
    takes_photos = True
    makes_pictures = False

    def suits(self, model: keras.Model) -> bool:
        """Return False: the anchors of a detector cannot be inferred from a model."""
        return False

    def find(self, subject: Subject, source: str) -> BoxedFiles:
        """Return the photos with boxes in `source`."""
        if subject.preprocessing is None or subject.meaning is None:
            raise UsageProblemError(
                "--evaluate with boxes needs a detector of the zoo, whose anchors are known; leave --evaluate out"
            )
        (image,) = signature.inputs(subject.model)
        return BoxedFiles(
            photos=find_boxed(source, labels=subject.labels),
            input=image.name,
            meaning=Meaning.from_record(subject.meaning),
            preprocessing=subject.preprocessing,
        )

    def reads(self, described: Described) -> bool:
        """Return whether the anchors are recorded."""
        return described.meaning is not None

    def class_count(self, described: Described) -> int:
        """Return the number of classes of objects."""
        return _meaning(described).classes

    def read(
        self,
        outputs: Mapping[str, Array],
        described: Described,
        *,
        class_names: Sequence[str],
        photo_sizes: Sequence[tuple[int, int]],
        names: Sequence[str],
        top: int,
    ) -> tuple[Prediction, ...]:
        """Return the objects in each photo, with boxes in its pixels."""
        meaning = _meaning(described)
        if missing := {head.output for head in meaning.heads} - set(outputs):
            raise CheckFailedError(
                f"{described.file} has no output {sorted(missing)[0]!r}, which its manifest describes; export it again"
            )
        rows = ({name: values[index] for name, values in outputs.items()} for index in range(len(photo_sizes)))
        return tuple(
            prediction(objects(row, meaning, class_names, size, top))
            for row, size in zip(rows, photo_sizes, strict=True)
        )


def _meaning(described: Described) -> Meaning:
    """Return how the outputs become boxes.

    Raises:
        UsageProblemError: the manifest's record is damaged.
    """
    try:
        return Meaning.from_record(described.meaning or {})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageProblemError(
            f"the manifest of {described.file} is damaged ({type(error).__name__}: {error}); export the model again"
        ) from error


DETECTION = Detection()
