"""The inputs of all tools: one network as float files, the same calibration photos, the same evaluation photos."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy import split
from benchmarks.cost import export, manifest
from benchmarks.peers import scoring
from benchmarks.process import measure, python
from calibration.labelled import find_labelled, labelled_samples
from calibration.photo_file import read_photo
from calibration.samples import Array, Samples
from calibration.sources.folder import image_paths
from export.metrics import accuracy
from zoo.inputs import from_record, preprocessing_of
from zoo.preprocessing import Preprocessing


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network of the zoo, ready to be quantized and evaluated.

    Attributes:
        name: of the architecture.
        title: for the reader.
        work: folder of all files below.
        floats: the proven float files by suffix.
        digests: sha256 of each.
        calibration: folder of the calibration photos.
        calibration_inputs: .npy (N, ...) of the same photos as inputs of the network.
        samples: folder of the evaluation photos, as `Samples.load` takes it.
        labels: their classes (N,).
        reference: logits (N, classes) that the float .tflite gives for them.
    """

    name: str
    title: str
    work: Path
    floats: dict[str, Path]
    digests: dict[str, str]
    calibration: Path
    calibration_inputs: Path
    samples: Path
    labels: Array
    reference: Array

    @property
    def top1(self) -> float:
        """Of the float file."""
        return accuracy(self.reference, self.labels)[0]

    def float_file(self, suffix: str) -> Path:
        """Return the float file that a peer reads; a .keras file is written when it is first requested."""
        if suffix == ".keras" and suffix not in self.floats:
            path = self.work / f"{self.name}.keras"
            measure(python("-m", "benchmarks.peers.keras_file", self.name, str(path)))
            self.floats[suffix] = path
        return self.floats[suffix]

    def data(self) -> dict[str, Any]:
        """Return the digests of the inputs of every peer and of the evaluation."""
        return {
            "floats": self.digests,
            "calibration": hashlib.sha256(self.calibration_inputs.read_bytes()).hexdigest(),
            "test": Samples.load(self.samples).digest,
        }


def prepare(name: str, photos: Path, work: Path) -> Network:
    """Export the float files of `name`, decode the photos once, and run the float .tflite on them.

    Args:
        name: of the architecture.
        photos: a folder with labels.csv and images/; every tenth calibrates, the others are evaluated.
        work: an empty folder.
    """
    calibration, rest = split(photos, work)
    cost = export(name, work / "float", "float32")
    if cost.code:
        sys.exit(f"error: the float files of {name} failed; see: zoo export {name}")
    found: Any = manifest(cost)
    preprocessing = preprocessing_of(from_record(found["inputs"]))
    assert preprocessing is not None  # all networks of this benchmark read photos
    files = {Path(file["file"]).suffix: file for file in found["files"]}
    floats = {suffix: work / "float" / found["name"] / file["file"] for suffix, file in files.items()}
    (spec,) = files[".tflite"]["outputs"]
    samples = labelled_samples(
        find_labelled(rest, classes=spec["shape"][1]),
        name=files[".tflite"]["inputs"][0]["name"],
        preprocessing=preprocessing,
        seed=0,
        work=work / "samples",
    )
    inputs = work / "calibration.npy"
    np.save(inputs, _inputs(calibration, preprocessing), allow_pickle=False)
    reference, _ = scoring.logits(floats[".tflite"], work / "samples", work, camera_bytes=False)
    assert samples.labels is not None  # a CSV names the class of every photo
    return Network(
        name=name,
        title=found["title"],
        work=work,
        floats=floats,
        digests={suffix: file["sha256"] for suffix, file in files.items()},
        calibration=calibration,
        calibration_inputs=inputs,
        samples=work / "samples",
        labels=np.asarray(samples.labels),
        reference=reference,
    )


def _inputs(folder: Path, preprocessing: Preprocessing) -> Array:
    photos = np.stack([preprocessing.photo(read_photo(path)) for path in image_paths(folder)])
    inputs: Array = preprocessing.normalise(photos)
    return inputs
