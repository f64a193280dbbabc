"""Labelled photos for `--evaluate`: a folder of class folders, or a CSV."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.class_words import class_indices
from calibration.inputs import InputSpec, photo_sample
from calibration.photo_file import BadPhotoError, read_photo
from calibration.samples import Samples, sample_digest
from calibration.sources.folder import image_paths, skipped
from calibration.store import SetWriter
from zoo import class_names, datasets
from zoo.errors import UsageProblemError
from zoo.preprocessing import Preprocessing

CLASS_COLUMNS = ("class_index", "class", "label", "wnid", "class_name")


@dataclass(frozen=True, kw_only=True)
class LabelledPhotos:
    """Files with their class indices; iterating decodes one photo at a time.

    Attributes:
        files: (path, class index), in a fixed order.
        source: a sentence for the record.
        unreadable: names of the files that iterating met and could not read.
    """

    files: tuple[tuple[Path, int], ...]
    source: str
    unreadable: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.files)

    def photos(self, preprocessing: Preprocessing) -> Iterator[tuple[NDArray[np.uint8], int]]:
        """Yield each photo's bytes (height, width, channels), resized and cropped, with its class index."""
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
    """The test pictures of a data set with a name; their labels are class indices.

    Attributes:
        pictures: (N, height, width, channels).
        labels: (N,).
        source: a sentence for the record.
        unreadable: none.
    """

    pictures: NDArray[np.uint8]
    labels: NDArray[np.int64]
    source: str
    unreadable: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pictures)

    def photos(self, preprocessing: Preprocessing) -> Iterator[tuple[NDArray[np.uint8], int]]:
        """Yield each picture's bytes (height, width, channels), resized and cropped, with its class index."""
        for picture, label in zip(self.pictures, self.labels, strict=True):
            yield preprocessing.photo(datasets.image(picture)), int(label)


def check_source(spec: str | Path) -> None:
    """Refuse what is neither a folder nor a .csv that exists, before any work.

    Raises:
        UsageProblemError: see above.
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
        spec: the name of a data set; a folder whose folders are classes, or a CSV with a column `file` and one of
            class_index, class, label, wnid, class_name; its files lie beside it or in `images` beside it.
        classes: how many the model tells apart.
        labels: their names by index, where known.

    Raises:
        UsageProblemError: neither of both, no photos, or classes that cannot be told for certain.
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
        raise UsageProblemError(f"the model does not tell the {len(known)} classes of {name} apart: {', '.join(known)}")
    pictures, indices = data.read("test", None)
    return LabelledPictures(
        pictures=pictures, labels=indices.astype(np.int64), source=f"{data.title}, {len(pictures)} test pictures"
    )


def named_photos(path: Path) -> list[tuple[Path, str]]:
    """Return the photos of a folder of class folders, or of a CSV, each with the word for its class.

    Raises:
        UsageProblemError: no photos, or a photo in no class folder.
    """
    return _from_folder(path) if path.is_dir() else _from_csv(path)


def labelled_samples(
    photos: LabelledPhotos | LabelledPictures,
    *,
    name: str,
    preprocessing: Preprocessing,
    seed: int,
    work: Path,
    exclude: Collection[str] = (),
) -> Samples:
    """Write the photos to `work`, one by one, and return them mapped, with labels.

    Args:
        photos: what `find_labelled` found.
        name: of the model's input.
        preprocessing: of the photos.
        seed: for the record.
        work: a folder.
        exclude: digests of the calibration samples: what calibrated the file must not judge it.

    Raises:
        UsageProblemError: not one photo can be used.
    """
    shape = preprocessing.shape
    excluded, known = 0, frozenset(exclude)
    with SetWriter(work, {name: InputSpec(shape=shape)}, shape) as writer:
        for photo, label in photos.photos(preprocessing):
            sample = photo_sample(name, photo, preprocessing, label)
            digest = sample_digest(sample.inputs)
            if digest in known:
                excluded += 1
            else:
                writer.append(sample, digest)
    if not len(writer):
        raise UsageProblemError(
            f"{photos.source}: none can be used; give labelled photos that are not calibration photos"
        )
    notes = [skipped(photos.unreadable)] if photos.unreadable else []
    notes += [f"{excluded} calibration photos left out of the evaluation"] if excluded else []
    return writer.samples(source=photos.source, seed=seed, preprocessing=preprocessing.record(), warnings=tuple(notes))


def _from_folder(folder: Path) -> list[tuple[Path, str]]:
    named = [(path, path.relative_to(folder).parts[0]) for path in image_paths(folder)]
    loose = [path.name for path, word in named if word == path.name]
    if loose:
        raise UsageProblemError(f"{folder.name}/{loose[0]} lies in no class folder; give FOLDER/CLASS/photo.jpg")
    return named


def _from_csv(path: Path) -> list[tuple[Path, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageProblemError(f"{path.name} is not a CSV: {error}") from None
    columns = list(rows[0]) if rows else []
    column = next((name for name in CLASS_COLUMNS if name in columns), None)
    if "file" not in columns or column is None:
        held = ", ".join(map(str, columns)) or "none"
        raise UsageProblemError(f"{path.name} needs the columns file and class_index and a row per photo (has: {held})")
    return [
        (_beside(path, row["file"] or "", number), (row[column] or "").strip()) for number, row in enumerate(rows, 2)
    ]


def _beside(path: Path, name: str, line: int) -> Path:
    for folder in (path.parent, path.parent / "images"):
        if name and (folder / name).is_file():
            return folder / name
    raise UsageProblemError(
        f"{path.name} line {line} names the file {name!r}, which does not exist beside it or in images/"
    )
