"""Run a delivered file as a device would, and read its outputs as its manifest describes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from calibration.samples import Samples
from export import scheme, temporary
from export.analysis.tasks import TASKS, Task
from export.analysis.tasks.embedding.task import EMBEDDING
from export.analysis.tasks.prediction import Described, Prediction
from export.bundle.given import Given
from export.bundle.read import Delivered, DeliveredFile
from export.bundle.write import LABELS
from export.formats import PRIMARY
from export.metrics import OutputKind
from export.runtime.run_file import Measurement, measure
from zoo.errors import CheckFailedError, UsageProblemError, unknown
from zoo.inputs import Features

# The default file, if the export contains it.
PREFERRED = tuple((PRIMARY.name, one) for one in scheme.PREFERRED)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A task that makes predictions from the outputs of a file.

    Attributes:
        task: the task.
        described: the outputs as the manifest describes them.
        class_names: a name for each class.
    """

    task: Task
    described: Described
    class_names: tuple[str, ...]

    def read(self, measured: Measurement, given: Given, top: int) -> tuple[Prediction, ...]:
        """Return the prediction for each sample.

        Raises:
            CheckFailedError: an output is missing or not finite.
        """
        return self.task.read(
            measured.real,
            self.described,
            class_names=self.class_names,
            photo_sizes=given.photo_sizes,
            names=given.names,
            top=top,
        )


def choose(delivered: Delivered, name: str | None) -> DeliveredFile:
    """Return the file with that name; without a name, the int8 file in the primary format or else the first file.

    Raises:
        UsageProblemError: the folder has no such file, or no model file.
        CheckFailedError: the file differs from the exported one.
    """
    files = {file.path.name: file for file in delivered.files}
    if not files:
        raise UsageProblemError(f"{str(delivered.folder)!r} contains no model file; export the model again")
    if name is not None and name not in files:
        raise unknown("file", name, files)
    preferred = (file for file in delivered.files if (file.format, file.scheme) in PREFERRED)
    chosen = files[name] if name is not None else next(preferred, delivered.files[0])
    if trouble := chosen.damage():
        raise CheckFailedError(f"{chosen.path}: {trouble}; see: zoo verify {delivered.folder}")
    return chosen


def reader(delivered: Delivered, file: DeliveredFile, *, photos: bool) -> Reader | None:
    """Return the task that makes predictions from the outputs of the file; None if none does.

    A model whose task is unknown is read by the first task that its outputs fit; class scores are no embedding.

    Args:
        delivered: the folder.
        file: the file to run.
        photos: whether it is run on photos and not on arrays.

    Raises:
        UsageProblemError: the class names or the description of the outputs are damaged.
    """
    preprocessing = delivered.preprocessing
    described = Described(
        file=file.path.name,
        outputs=file.outputs,
        photo_shape=preprocessing.shape if preprocessing is not None else None,
        meaning=delivered.meaning,
    )
    known = [task for task in TASKS.values() if delivered.task in ("", task.name)]
    if not delivered.task and _kinds(delivered, file) == {OutputKind.CLASSES}:
        known = [task for task in known if task is not EMBEDDING]
    photos = photos or _reads_features(delivered)  # whose classes are those of photos in other words
    task = next((task for task in known if task.takes_photos == photos and task.reads(described)), None)
    if task is None:
        return None
    names = names_of_classes(delivered, task.class_count(described))
    return Reader(task=task, described=described, class_names=names)


def _reads_features(delivered: Delivered) -> bool:
    """Return whether arrays are all that the network can be given: features that a front end computes."""
    return any(one.get("kind") == Features.kind for one in delivered.manifest["inputs"].values())


def _kinds(delivered: Delivered, file: DeliveredFile) -> set[str]:
    """Return what the outputs of a file mean, as the proof compared them."""
    record = next(one for one in delivered.manifest["files"] if one["file"] == file.path.name)
    return {str(one.get("kind", "")) for one in record.get("comparisons", {}).values()}


def run(file: DeliveredFile, samples: Samples) -> Measurement:
    """Run the file on the samples in a child process.

    Raises:
        RuntimeCrashError: the runtime cannot load or run the file.
    """
    with temporary.folder() as folder:
        with temporary.writing():
            samples.save(Path(folder))
        return measure(file.path, Path(folder), camera_bytes=file.takes_camera_bytes)


def names_of_classes(delivered: Delivered, count: int) -> tuple[str, ...]:
    """Return a name for each of `count` classes; "class 7" if the export has no names.

    Raises:
        UsageProblemError: the file of names does not have `count` names.
    """
    if LABELS not in delivered.companions:
        return tuple(f"class {index}" for index in range(count))
    labels = delivered.labels
    if len(labels) != count:
        raise UsageProblemError(
            f"{delivered.folder / LABELS} contains {len(labels)} names for {count} classes: the file is missing or was "
            "changed; export the model again"
        )
    return labels
