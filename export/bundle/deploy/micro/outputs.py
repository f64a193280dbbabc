"""What a microcontroller computes for the golden samples, by the interpreter of its runtime on this machine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Array
from export import process, temporary
from export.bundle import golden
from export.bundle.deploy.on_device.comparison import Comparison, compare
from export.bundle.deploy.on_device.model import ModelFile, Tensor
from export.bundle.read import Delivered, DeliveredFile, damage
from export.bundle.verify_file import output_kinds
from export.bundle.write import GOLDEN
from export.formats.footprint import ROUNDED_BYTES
from export.progress import Progress
from export.proof.compare import OutputComparison, compare_outputs
from export.proof.tolerances import FIDELITY, for_few
from export.runtime.jobs.feed import feed
from export.runtime.jobs.run_plain import run_plain
from export.runtime.tools import tflite_micro
from export.runtime.tools.tflite_micro import MicroRun
from zoo.errors import CheckFailedError, OutsideError

# The interpreter gets more than the plan, so that it can say how much it uses.
SPARE_BYTES = 1 << 20
STEP, MOST_PLANS = 1.05, 4  # by which the arena grows until the interpreter starts, and up to how many plans


@dataclass(frozen=True, kw_only=True, eq=False)
class MicroOutputs:
    """The golden samples as a microcontroller sees them.

    Attributes:
        inputs: stored inputs (N, ...) by name, in the order of the file.
        outputs: stored outputs (N, ...) by name, in the order of the file: of the microcontroller's runtime, or where
            that could not be fetched, of plain kernels.
        run: what the runtime's interpreter measured; None if it could not be fetched.
        trouble: why not.
        to_plain: distance of its outputs from those of plain kernels; None without it.
        arena_bytes: the memory with which the runtime started, at least what was planned; without it, what was planned.
        to_model_db: SQNR of `outputs` and of those at the export, by other kernels, against the Keras model, by name.
    """

    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]
    run: MicroRun | None
    trouble: str
    to_plain: Comparison | None
    arena_bytes: int
    to_model_db: Mapping[str, tuple[float, float]]

    @property
    def computed_by(self) -> str:
        """The name of what computed the outputs."""
        return "TensorFlow Lite Micro" if self.run is not None else "LiteRT with plain kernels"

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(next(iter(self.inputs.values())))


def outputs_of(delivered: Delivered, file: DeliveredFile, planned_bytes: int, progress: Progress) -> MicroOutputs:
    """Return what a file computes there, and the memory that it starts with: `planned_bytes`, or more.

    Raises:
        CheckFailedError: the golden data are damaged, or the runtime computes something else.
    """
    path = delivered.folder / GOLDEN
    if trouble := damage(path, delivered.companions.get(GOLDEN, "")):
        raise CheckFailedError(f"{path}: {trouble}; see: zoo verify {delivered.folder}")
    samples = golden.read(path)
    given = samples.samples(delivered.photo_input)
    rows = [feed(file, given, index, file.takes_camera_bytes) for index in range(len(samples))]
    inputs = {spec.name: np.concatenate([row[spec.name] for row in rows]) for spec in file.inputs}
    names = [spec.name for spec in file.outputs]
    stored = samples.stored[file.path.name]
    progress.step("run the golden samples in TensorFlow Lite Micro")
    plain = _plain(file, inputs, names)
    run, trouble = _micro(file, inputs, names, planned_bytes, progress)
    arena_bytes = planned_bytes if run is None else _enough(file, inputs, names, planned_bytes, progress)
    found = plain if run is None else run.outputs
    to_plain = None if run is None else checked_rounding(file, found, plain, samples.expected, delivered)
    here = checked_fidelity(file, found, samples.expected, delivered)
    at_export = _against_model(file, stored, samples.expected, delivered).comparisons
    return MicroOutputs(
        inputs=inputs,
        outputs=found,
        run=run,
        trouble=trouble,
        to_plain=to_plain,
        arena_bytes=arena_bytes,
        to_model_db={name: (one.sqnr_db, at_export[name].sqnr_db) for name, one in here.comparisons.items()},
    )


def checked_fidelity(
    file: DeliveredFile, found: Mapping[str, Array], model: Mapping[str, Array], delivered: Delivered
) -> OutputComparison:
    """Return the distance of outputs from those of the Keras model, which the thresholds of the proof limit.

    Raises:
        CheckFailedError: it is too large. Trained networks alone are judged, as in the proof.
    """
    result = _against_model(file, found, model, delivered)
    if failures := [check for check in result.checks if not check.passed]:
        raise CheckFailedError(
            f"{file.path.name} loses too much with the kernels of a microcontroller, which round otherwise than those "
            f"at the export: {failures[0]}; take --target raspberry-pi, or export a network that loses less"
        )
    return result


def _against_model(
    file: DeliveredFile, stored: Mapping[str, Array], model: Mapping[str, Array], delivered: Delivered
) -> OutputComparison:
    count = len(next(iter(model.values())))
    return compare_outputs(
        model,
        {spec.name: spec.dequantize(stored[spec.name]) for spec in file.outputs},
        file.scheme,
        has_thresholds=file.scheme.can_be_judged(trained=delivered.trained, real=delivered.real),
        tolerance=for_few(FIDELITY[file.scheme], count),
        kinds=output_kinds(delivered, model),
    )


def _plain(file: DeliveredFile, inputs: Mapping[str, Array], names: list[str]) -> dict[str, Array]:
    arrays: dict[str, Any] = dict(inputs)  # numpy's types take no other names of arguments
    with temporary.folder() as work:
        fed, found = Path(work) / "inputs.npz", Path(work) / "outputs.npz"
        with temporary.writing():
            np.savez(fed, **arrays)
        process.call(run_plain, path=file.path, inputs=fed, outputs=found)
        with np.load(found, allow_pickle=False) as stored:
            return {name: stored[name] for name in names}


def _micro(
    file: DeliveredFile, inputs: Mapping[str, Array], names: list[str], arena_bytes: int, progress: Progress
) -> tuple[MicroRun | None, str]:
    """Return what the runtime's interpreter computed; None and the reason if it could not be fetched."""
    room = arena_bytes + SPARE_BYTES
    try:
        return tflite_micro.run(file.path, list(inputs.values()), names, room, progress), ""
    except OutsideError as error:
        return None, str(error)


def _enough(
    file: DeliveredFile, inputs: Mapping[str, Array], names: list[str], planned_bytes: int, progress: Progress
) -> int:
    """Return the memory with which the interpreter starts: what was planned, or as many steps more as it needs.

    What it needs while it plans the places of tensors is an estimate, which the interpreter does not print.

    Raises:
        CheckFailedError: no size up to four times the plan is enough.
    """
    first, room = [values[:1] for values in inputs.values()], planned_bytes
    while True:
        try:
            tflite_micro.run(file.path, first, names, room, progress)
        except CheckFailedError:
            if room > MOST_PLANS * planned_bytes:
                raise
            room = math.ceil(room * STEP / ROUNDED_BYTES) * ROUNDED_BYTES
        else:
            return room


def checked_rounding(
    file: DeliveredFile,
    found: Mapping[str, Array],
    expected: Mapping[str, Array],
    model: Mapping[str, Array],
    delivered: Delivered,
) -> Comparison:
    """Return the distance from the outputs of plain kernels; those of untrained networks may all be the same.

    Raises:
        CheckFailedError: it is too large.
    """
    tensors = [tuple(Tensor(**asdict(spec)) for spec in group) for group in (file.inputs, file.outputs)]
    described = ModelFile(
        path=file.path,
        precision=file.scheme.name,
        is_dynamic=False,
        has_integer_activations=True,
        is_decoder=False,
        takes_camera_bytes=file.takes_camera_bytes,
        sha256=file.sha256,
        inputs=tensors[0],
        outputs=tensors[1],
    )
    if not delivered.trained and all(np.array_equal(found[one.name], expected[one.name]) for one in file.outputs):
        return Comparison(True, True, "identical")
    result = compare(described, found, expected, model)
    if result.is_identical:
        return Comparison(True, True, "identical")
    if not result.passed:
        raise CheckFailedError(
            f"{file.path.name} was not shown to compute on a microcontroller what plain kernels compute: "
            f"{result.words}; take --target raspberry-pi"
        )
    return result
