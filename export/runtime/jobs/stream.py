"""Job: run a file of one step over whole sequences, each state output fed into the next step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Array, Samples
from export.formats import format_of
from export.formats.session import Session


def stream(
    path: str, sequences: str, outputs: str, state: Mapping[str, str], series: Sequence[str], steps: int
) -> dict[str, Any]:
    """Run a file on saved sequences and write its real outputs of every step to an .npz, (N, steps, ...) by name.

    Args:
        path: path of the file.
        sequences: a folder that `Samples.save` wrote.
        outputs: path of the .npz to write.
        state: the output that holds the new state, by the name of the input that holds the old one.
        series: names of the inputs that have steps.
        steps: number of steps of a sequence.
    """
    session = format_of(Path(path)).open(Path(path), 1)
    found: dict[str, list[Array]] = {}
    for sequence in Samples.load(Path(sequences)):
        for name, values in _one(session, sequence, state, series, steps).items():
            found.setdefault(name, []).append(values)
    arrays: dict[str, Any] = {name: np.stack(values) for name, values in found.items()}
    np.savez(outputs, **arrays)
    return {}


def _one(
    session: Session, sequence: Mapping[str, Array], state: Mapping[str, str], series: Sequence[str], steps: int
) -> dict[str, Array]:
    """Return the real outputs (steps, ...) of one sequence, without the states."""
    specs = {spec.name: spec for spec in session.outputs}
    held = {spec.name: np.zeros(spec.shape) for spec in session.inputs if spec.name in state}
    rows: dict[str, list[Array]] = {name: [] for name in specs if name not in state.values()}
    for number in range(steps):
        given = {
            name: values[:, number : number + 1] if name in series else values for name, values in sequence.items()
        } | held
        stored = session.run({spec.name: spec.quantize(given[spec.name]) for spec in session.inputs})
        real = {name: specs[name].dequantize(values) for name, values in stored.items()}
        held = {name: real[source] for name, source in state.items()}
        for name in rows:
            rows[name].append(real[name][0])
    return {name: np.stack(values) for name, values in rows.items()}
