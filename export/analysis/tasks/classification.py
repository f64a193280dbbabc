"""Classification: one photo in, one row of classes out, judged by top-1 and top-5 accuracy."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from calibration.labelled import LabelledPhotos, LabelledPictures, find_labelled, labelled_samples
from calibration.samples import Array, Samples
from export.metrics import accuracy
from export.model import signature
from zoo.errors import UsageProblemError
from zoo.metric import TOP1, TOP5, Metric
from zoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject


@dataclass(frozen=True, kw_only=True)
class ClassifiedSamples:
    """Photos as the model's input, with their classes.

    Attributes:
        samples: with labels.
        output: name of the row of classes.
    """

    samples: Samples
    output: str

    def scores(self, outputs: Mapping[str, Array]) -> dict[str, float]:
        """Return the shares of samples whose class is the best answer, and among the five best."""
        assert self.samples.labels is not None  # every photo was found with its class
        top1, top5 = accuracy(outputs[self.output], self.samples.labels)
        return {"top1": top1, "top5": top5}


@dataclass(frozen=True, kw_only=True)
class ClassifiedPhotos:
    """Photo files with their classes, and what they are for.

    Attributes:
        photos: as they were found.
        input: name of the model's input.
        output: name of its row of classes.
        preprocessing: of the photos.
    """

    photos: LabelledPhotos | LabelledPictures
    input: str
    output: str
    preprocessing: Preprocessing

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> ClassifiedSamples:
        """Prepare the photos in `work`."""
        samples = labelled_samples(
            self.photos, name=self.input, preprocessing=self.preprocessing, seed=seed, work=work, exclude=exclude
        )
        return ClassifiedSamples(samples=samples, output=self.output)


class Classification:
    """Which of several classes a photo shows."""

    name = "classification"
    metrics: tuple[Metric, ...] = (TOP1, TOP5)
    examples = "a folder of class folders, a CSV with file,class_index, or mnist, fashion_mnist, cifar10"

    def suits(self, model: keras.Model) -> bool:
        """Whether the only output is a row of numbers."""
        outputs = signature.outputs(model)
        return len(outputs) == 1 and len(outputs[0].shape) == 2

    def find(self, subject: Subject, source: str) -> ClassifiedPhotos:
        """Return the labelled photos that `source` names."""
        if subject.preprocessing is None or not self.suits(subject.model):
            raise UsageProblemError(
                "--evaluate is for models that take photos: one image input with a known preprocessing "
                "(--preprocessing raw, unit, tf, caffe or torch) and one output of classes"
            )
        (image,), (output,) = signature.inputs(subject.model), signature.outputs(subject.model)
        return ClassifiedPhotos(
            photos=find_labelled(source, classes=output.shape[1], labels=subject.labels),
            input=image.name,
            output=output.name,
            preprocessing=subject.preprocessing,
        )


CLASSIFICATION = Classification()
