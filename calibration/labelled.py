"""Labelled photos for `--evaluate`: a folder of class folders, or a CSV."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.class_files import named_photos
from calibration.class_words import class_indices
from calibration.inputs import InputSpec, photo_sample
from calibration.left_out import LeftOut
from calibration.photo_file import BadPhotoError, file_key, read_photo
from calibration.samples import Samples, sample_digest
from calibration.store import SetWriter
from zoo import class_names, datasets
from zoo.errors import UsageProblemError
from zoo.preprocessing import Preprocessing


@dataclass(frozen=True, kw_only=True)
class LabelledPhotos:
    """Photo files with their class indices; `photos` decodes one file at a time.

    Attributes:
        files: (path, class index) pairs in a fixed order.
        source: description of the data for the manifest.
        unreadable: names of the files that the last call of `photos` could not read.
    """

    files: tuple[tuple[Path, int], ...]
    source: str
    unreadable: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.files)

    def part(self, start: int, stop: int) -> LabelledPhotos:
        """Return some of the files."""
        return replace(self, files=self.files[start:stop], unreadable=[])

    def key(self) -> str:
        """Return what decides the samples: names, sizes and times of the files, and their classes."""
        return " ".join(f"{file_key(path)} {label}" for path, label in self.files)

    def photos(self, preprocessing: Preprocessing) -> Iterator[tuple[NDArray[np.uint8], int]]:
        """Yield each photo as resized and cropped bytes (height, width, channels), with its class index."""
        self.unreadable.clear()
        for path, label in self.files:
            try:
                image = read_photo(path)
            except BadPhotoError:
                self.unreadable.append(path.name)
                continue
            yield preprocessing.photo(image), label


@dataclass(frozen=True, kw_only=True)
class LabelledPictures:
    """Test split of a named data set, with class indices.

    Attributes:
        pictures: images of shape (N, height, width, channels).
        labels: class indices of shape (N,).
        source: description of the data for the manifest.
        unreadable: always empty; `LabelledPhotos` has the same attribute.
    """

    pictures: NDArray[np.uint8]
    labels: NDArray[np.int64]
    source: str
    unreadable: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pictures)

    def part(self, start: int, stop: int) -> LabelledPictures:
        """Return some of the pictures."""
        return replace(self, pictures=self.pictures[start:stop], labels=self.labels[start:stop])

    def key(self) -> str:
        """Return what decides the samples: a digest of the pictures and their classes."""
        return hashlib.sha256(self.pictures.tobytes() + self.labels.tobytes()).hexdigest()

    def photos(self, preprocessing: Preprocessing) -> Iterator[tuple[NDArray[np.uint8], int]]:
        """Yield each picture as resized and cropped bytes (height, width, channels), with its class index."""
        for picture, label in zip(self.pictures, self.labels, strict=True):
            yield preprocessing.photo(datasets.image(picture)), int(label)


def check_source(spec: str | Path) -> None:
    """Check that `spec` is a data set name, an existing folder or an existing .csv file.

    Raises:
        UsageProblemError: `spec` is none of these.
    """
    path = Path(spec).expanduser()
    if spec in datasets.DATA_SETS and not path.exists():
        return
    if path.is_dir() or (path.suffix.lower() == ".csv" and path.is_file()):
        return
    why = "is neither a folder of class folders nor a .csv file" if path.exists() else "does not exist"
    raise UsageProblemError(
        f"--evaluate {str(spec)!r} {why}; give FOLDER/CLASS/photo.jpg, a CSV with file,class_index, or one of "
        f"{', '.join(datasets.DATA_SETS)}"
    )


def find_labelled(spec: str | Path, *, classes: int, labels: Sequence[str] = ()) -> LabelledPhotos | LabelledPictures:
    """Return the labelled photos that `spec` names.

    Args:
        spec: the name of a data set; a folder with one subfolder per class; or a CSV with a column `file` and one of
            class_index, class, label, wnid, class_name. Files named in a CSV are searched in its own folder and in
            the subfolder `images`.
        classes: number of classes of the model.
        labels: class names by index, if known.

    Raises:
        UsageProblemError: `spec` has another format, contains no photos, or its classes are ambiguous.
    """
    check_source(spec)
    path = Path(spec).expanduser()
    if spec in datasets.DATA_SETS and not path.exists():
        return _of_data_set(str(spec), classes, labels)
    named = named_photos(path)
    indices = class_indices({word for _, word in named}, classes=classes, labels=labels)
    files = tuple((photo, indices[word]) for photo, word in named)
    return LabelledPhotos(files=files, source=f"{path.name}, {len(files)} labelled photos")


def _of_data_set(name: str, classes: int, labels: Sequence[str]) -> LabelledPictures:
    data = datasets.find(name)
    known = class_names.read(data.labels)
    if len(known) != classes or (labels and tuple(labels) != known):
        raise UsageProblemError(f"the model does not predict the {len(known)} classes of {name}: {', '.join(known)}")
    pictures, indices = data.read("test", None)
    return LabelledPictures(
        pictures=pictures, labels=indices.astype(np.int64), source=f"{data.title}, {len(pictures)} test pictures"
    )


def labelled_samples(
    photos: LabelledPhotos | LabelledPictures,
    *,
    name: str,
    preprocessing: Preprocessing,
    seed: int,
    work: Path,
    exclude: Collection[str] = (),
) -> Samples:
    """Write the photos to `work` one by one and return them as memory-mapped, labelled samples.

    Args:
        photos: the result of `find_labelled`.
        name: name of the model's input.
        preprocessing: how a photo becomes the model's input.
        seed: stored in the manifest.
        work: folder that receives the sample files.
        exclude: digests of the calibration samples, which are left out of the evaluation.

    Raises:
        UsageProblemError: no photo can be used.
    """
    samples, left_out = labelled_part(
        photos, name=name, preprocessing=preprocessing, seed=seed, work=work, exclude=exclude
    )
    if samples is None:
        raise UsageProblemError(none_left(photos.source))
    return replace(samples, warnings=left_out.notes)


def none_left(source: str) -> str:
    """Return the sentence about labelled photos of which none can be used."""
    return f"{source}: none can be used; give readable labelled photos that calibration did not use"


def labelled_part(
    photos: LabelledPhotos | LabelledPictures,
    *,
    name: str,
    preprocessing: Preprocessing,
    seed: int,
    work: Path,
    exclude: Collection[str] = (),
) -> tuple[Samples | None, LeftOut]:
    """Return the samples, None if no photo can be used, and what is left out; see `labelled_samples`."""
    shape = preprocessing.shape
    excluded, known = 0, frozenset(exclude)
    with SetWriter(work, {name: InputSpec(shape=shape)}, name) as writer:
        for photo, label in photos.photos(preprocessing):
            sample = photo_sample(name, photo, preprocessing, label)
            digest = sample_digest(sample.inputs)
            if digest in known:
                excluded += 1
            else:
                writer.append(sample, digest)
    left_out = LeftOut(unreadable=tuple(photos.unreadable), excluded=excluded)
    if not len(writer):
        return None, left_out
    return writer.samples(source=photos.source, seed=seed, preprocessing=preprocessing.record()), left_out
