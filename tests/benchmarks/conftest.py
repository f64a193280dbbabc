"""The trained LeNet-5 with real photos, prepared as for the comparison with peers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers import keras_file
from benchmarks.peers.network import Network
from benchmarks.peers.scoring import logits
from calibration.samples import Samples
from export.formats import FORMATS
from export.model.subject import load_subject
from export.recipe import Recipe
from tests.float_files import converted

FASHION = Path(__file__).parents[1] / "data" / "fashion_mnist_500.npz"
CALIBRATION_COUNT, TEST_COUNT = 32, 60


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    work = tmp_path_factory.mktemp("peers")
    subject = load_subject(Recipe(model="lenet5"))
    assert subject.preprocessing is not None
    with np.load(FASHION) as arrays:
        calibration = subject.preprocessing.normalise(arrays["calibration_photos"][:CALIBRATION_COUNT])
        photos, labels = arrays["photos"][:TEST_COUNT], arrays["labels"][:TEST_COUNT].astype(np.int64)
    np.save(work / "calibration.npy", calibration)
    inputs = {subject.model.inputs[0].name: subject.preprocessing.normalise(photos)}
    Samples(inputs=inputs, photos=photos, photo_input=next(iter(inputs)), labels=labels, source="tests", seed=0).save(
        work / "samples"
    )
    floats = {".keras": work / "lenet5.keras"}
    keras_file.write("lenet5", floats[".keras"])
    for file_format in FORMATS.values():
        floats[file_format.suffix] = work / f"float{file_format.suffix}"
        floats[file_format.suffix].write_bytes(converted(subject.model, file_format.name))
    reference, _ = logits(floats[".tflite"], work / "samples", work, camera_bytes=False)
    return Network(
        name="lenet5",
        title=subject.title,
        work=work,
        floats=floats,
        digests=dict.fromkeys(floats, "of the tests"),
        calibration=work,
        calibration_inputs=work / "calibration.npy",
        samples=work / "samples",
        labels=labels,
        reference=reference,
    )
