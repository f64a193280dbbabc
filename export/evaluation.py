"""Accuracy on labelled photos, for the Keras model and for every file: the number that users ask for first."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from calibration.labelled import LabelledPhotos, find_labelled, labelled_samples
from calibration.samples import Array
from export import reference, signature
from export.artifact import Artifact
from export.measure import measure
from export.metrics import accuracy
from export.models import Subject
from export.progress import Progress
from zoo.errors import UsageProblemError


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Accuracy of the Keras model on labelled photos.

    Attributes:
        samples: the record of the photos.
        count: how many.
        top1: share of photos whose class is the best answer.
        top5: share whose class is among the five best.
    """

    samples: dict[str, Any]
    count: int
    top1: float
    top5: float


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Labelled photos, ready to be run.

    Attributes:
        labels: (N,) classes.
        folder: where the samples are saved.
        output: name of the classes' output.
        evaluation: of the Keras model on them.
    """

    labels: Array
    folder: Path
    output: str
    evaluation: Evaluation

    def accuracy(self, path: Path, *, camera_bytes: bool) -> tuple[float, float]:
        """Return (top-1, top-5) of the file at `path`.

        Raises:
            RuntimeCrashError: the runtime cannot run it.
        """
        return accuracy(measure(path, self.folder, camera_bytes=camera_bytes).real[self.output], self.labels)


def find(subject: Subject, photos: str) -> LabelledPhotos:
    """Return the labelled photos that `photos` names; nothing is decoded yet, so this can be done before the work.

    Raises:
        UsageProblemError: the model does not classify photos, or `photos` cannot be used.
    """
    outputs = signature.outputs(subject.model)
    if subject.preprocessing is None or len(outputs) != 1 or len(outputs[0].shape) != 2:
        raise UsageProblemError(
            "--evaluate is for models that classify photos: one image input with a known preprocessing "
            "(--preprocessing raw, unit, tf, caffe or torch) and one output of classes"
        )
    return find_labelled(photos, classes=outputs[0].shape[1], labels=subject.labels)


def prepare(
    subject: Subject,
    photos: LabelledPhotos,
    work: Path,
    progress: Progress,
    *,
    exclude: Collection[str],
    seed: int,
) -> Labelled:
    """Return the labelled photos as the model's input, saved in `work`, and the Keras model's accuracy on them.

    Raises:
        UsageProblemError: not one of the photos can be used.
    """
    assert subject.preprocessing is not None  # `find` has refused such a model
    progress.step("prepare the labelled photos")
    (image,), (output,) = signature.inputs(subject.model), signature.outputs(subject.model)
    folder = work / "labelled"
    samples = labelled_samples(
        photos, name=image.name, preprocessing=subject.preprocessing, seed=seed, work=folder, exclude=exclude
    )
    assert samples.labels is not None  # every photo was found with its class
    progress.step(f"evaluate the Keras model on {len(samples)} photos")
    top1, top5 = accuracy(reference.outputs(subject.model, samples)[output.name], samples.labels)
    found = Evaluation(samples=samples.record(), count=len(samples), top1=top1, top5=top5)
    return Labelled(labels=samples.labels, folder=folder, output=output.name, evaluation=found)


def evaluate(artifacts: list[Artifact], labelled: Labelled, work: Path, progress: Progress) -> list[Artifact]:
    """Return the artifacts, whose files lie in `work`, with their accuracy."""
    judged: list[Artifact] = []
    for artifact in artifacts:
        progress.step(f"evaluate {artifact.file_name}", len(judged), len(artifacts))
        if artifact.trouble:
            judged.append(artifact)
            continue
        path = work / f"{artifact.precision}{artifact.suffix}"
        found = labelled.accuracy(path, camera_bytes=artifact.takes_camera_bytes)
        judged.append(replace(artifact, accuracy=found))
    return judged
