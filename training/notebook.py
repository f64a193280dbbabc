"""What a run keeps on disk: its settings, its curve, where it stands and its best weights.

A run that is killed at any moment goes on from the last whole epoch: every file is written beside its place and moved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import OutsideError, UsageProblemError

if TYPE_CHECKING:
    import keras

Row = dict[str, Any]
_SETTINGS, _CURVE, _LAST, _BEST = "settings.json", "curve.json", "last.npz", "best.npz"


class Notebook:
    """The folder beside the .keras file that a run writes.

    Attributes:
        folder: it.
        rows: one for each finished epoch: phase, epoch, seconds, loss, the scores on both parts.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], *, resume: bool) -> None:
        """Open the folder of a run with these settings; what an older run left is gone, unless it is resumed.

        Raises:
            UsageProblemError: nothing to resume, or a run with other settings.
            OutsideError: the folder cannot be written.
        """
        self.folder, self.rows = folder, list[Row]()
        plain = json.loads(json.dumps(settings))
        if resume:
            self._check(plain)
            self.rows = _read(folder / _CURVE) if (folder / _CURVE).is_file() else []
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutsideError(f"cannot write to {folder} ({error.strerror}); choose another --out") from error
        for name in (_CURVE, _LAST, _BEST):
            (folder / name).unlink(missing_ok=True)
        self._write(_SETTINGS, json.dumps(plain, indent=1).encode())

    def _check(self, settings: Mapping[str, Any]) -> None:
        if not (self.folder / _SETTINGS).is_file():
            raise UsageProblemError(f"there is no run to resume in {self.folder}; leave --resume out")
        earlier = _read(self.folder / _SETTINGS)
        changed = sorted(key for key in settings if earlier.get(key) != settings[key])
        if changed:
            raise UsageProblemError(
                f"the run in {self.folder} has another {changed[0]} ({earlier.get(changed[0])!r}, now "
                f"{settings[changed[0]]!r}); type what it had, or leave --resume out to begin anew"
            )

    @property
    def epochs(self) -> int:
        """How many epochs are finished."""
        return len(self.rows)

    @property
    def best(self) -> int | None:
        """The number of the epoch with the best score, from 0; None before the first."""
        scores = [row["score"] for row in self.rows]
        return max(range(len(scores)), key=scores.__getitem__, default=None)

    def stalled(self, patience: int) -> bool:
        """Whether the last `patience` epochs were not better than one before."""
        return self.best is not None and self.epochs - 1 - self.best >= patience

    def add(self, row: Row, model: keras.Model, optimizer: keras.Optimizer) -> None:
        """Note a finished epoch, and keep where the model and its optimizer stand."""
        self.rows.append(row)
        self._arrays(_LAST, [*model.variables, *optimizer.variables])
        if self.best == self.epochs - 1:
            self._arrays(_BEST, model.variables)
        self._write(_CURVE, json.dumps(self.rows).encode())  # last: it says that the others are whole

    def restore_last(self, model: keras.Model, optimizer: keras.Optimizer | None) -> None:
        """Put the model, and its optimizer if it is still the same phase, where they stood."""
        _restore(self.folder / _LAST, [*model.variables, *(optimizer.variables if optimizer else [])])

    def restore_best(self, model: keras.Model) -> None:
        """Give the model the weights of its best epoch."""
        _restore(self.folder / _BEST, model.variables)

    def finish(self) -> None:
        """Remove what only a run that goes on would need."""
        for name in (_LAST, _BEST):
            (self.folder / name).unlink(missing_ok=True)

    def _arrays(self, name: str, variables: Sequence[Any]) -> None:
        arrays: dict[str, Any] = {str(index): variable.numpy() for index, variable in enumerate(variables)}
        beside = self.folder / f".{name}"
        try:
            with beside.open("wb") as file:
                np.savez(file, **arrays)
            beside.replace(self.folder / name)
        except OSError as error:
            raise OutsideError(f"cannot write {self.folder / name}: {error.strerror}") from error

    def _write(self, name: str, content: bytes) -> None:
        beside = self.folder / f".{name}"
        try:
            beside.write_bytes(content)
            beside.replace(self.folder / name)
        except OSError as error:
            raise OutsideError(f"cannot write {self.folder / name}: {error.strerror}") from error


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise UsageProblemError(f"{path} is damaged; leave --resume out to begin anew") from error


def _restore(path: Path, variables: Sequence[Any]) -> None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = [stored[str(index)] for index in range(len(variables))]
    except (OSError, ValueError, KeyError) as error:
        raise UsageProblemError(f"{path} is damaged; leave --resume out to begin anew") from error
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
