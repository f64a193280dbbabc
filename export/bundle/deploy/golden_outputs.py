"""golden.npz of a device: what each file is fed, and what it then stored at the export, by set of kernels."""

from __future__ import annotations

import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Array
from export import process, temporary
from export.bundle import golden
from export.bundle.deploy.on_device import session
from export.bundle.deploy.on_device.model import ModelFile, Tensor
from export.bundle.read import Delivered, DeliveredFile, damage
from export.bundle.write import GOLDEN
from export.formats import PRIMARY
from export.process import RuntimeCrashError
from export.runtime.jobs.feed import feed
from zoo.errors import CheckFailedError

FED, STORED, BUILTIN, MODEL = "fed", "stored", "builtin", "model"


def content(delivered: Delivered, files: tuple[DeliveredFile, ...], decoders: frozenset[str]) -> bytes:
    """Return the bytes of golden.npz: arrays (N, ...) under "fed/FILE/INPUT", "stored/FILE/OUTPUT", "builtin/...".

    "model/OUTPUT" are the outputs of the Keras model. "stored" are those of the file at the export, whose kernels
    64-bit processors and browsers share; "builtin" those of LiteRT's own kernels, which 32-bit Arm uses. They are left
    out where those kernels cannot run a file.

    Args:
        delivered: the folder of the export.
        files: the model files.
        decoders: names of those that read a text token by token and keep a cache.

    Raises:
        CheckFailedError: the golden data of the export are missing or damaged.
    """
    path = delivered.folder / GOLDEN
    if trouble := damage(path, delivered.companions.get(GOLDEN, "")):
        raise CheckFailedError(f"{path}: {trouble}; see: zoo verify {delivered.folder}")
    samples = golden.read(path)
    inputs = samples.samples(delivered.photo_input)
    arrays: dict[str, Any] = {f"{MODEL}/{key}": values for key, values in samples.expected.items()}
    for file in files:
        name = file.path.name
        rows = [feed(file, inputs, index, file.takes_camera_bytes) for index in range(len(samples))]
        fed = {key: np.concatenate([row[key] for row in rows]) for key in rows[0]}
        arrays |= {f"{FED}/{name}/{key}": values for key, values in fed.items()}
        arrays |= {f"{STORED}/{name}/{key}": values for key, values in samples.stored[name].items()}
        if file.format == PRIMARY.name:
            arrays |= {
                f"{BUILTIN}/{name}/{key}": values for key, values in _builtin(file, fed, name in decoders).items()
            }
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    return packed.getvalue()


def _builtin(file: DeliveredFile, fed: dict[str, Array], is_decoder: bool) -> dict[str, Array]:
    arrays: dict[str, Any] = dict(fed)  # numpy's types take no other names of arguments
    with temporary.folder() as folder:
        inputs, outputs = Path(folder) / "inputs.npz", Path(folder) / "outputs.npz"
        with temporary.writing():
            np.savez(inputs, **arrays)
        specs = [[asdict(spec) for spec in group] for group in (file.inputs, file.outputs)]
        try:
            process.call(
                run_builtin, path=file.path, is_decoder=is_decoder, specs=specs, inputs=inputs, outputs=outputs
            )
        except RuntimeCrashError:
            return {}
        with np.load(outputs, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}


def run_builtin(
    path: str, is_decoder: bool, specs: list[list[dict[str, Any]]], inputs: str, outputs: str
) -> dict[str, Any]:
    """Job: run a file with LiteRT's own kernels on the stored inputs (N, ...) in an .npz, and write its outputs."""
    declared = [tuple(Tensor(**{**spec, "shape": tuple(spec["shape"])}) for spec in group) for group in specs]
    file = ModelFile(
        path=Path(path),
        precision="",
        is_dynamic=False,
        has_integer_activations=False,
        is_decoder=is_decoder,
        takes_camera_bytes=False,
        sha256="",
        inputs=declared[0],
        outputs=declared[1],
    )
    opened = session.open_file(file, builtin_kernels=True)
    with np.load(inputs, allow_pickle=False) as arrays:
        fed = {name: arrays[name] for name in arrays.files}
    count = len(next(iter(fed.values())))
    rows = [opened.run({name: values[index : index + 1] for name, values in fed.items()}) for index in range(count)]
    found: dict[str, Any] = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    np.savez(outputs, **found)
    return {}
