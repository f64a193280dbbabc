"""What a run keeps on disk: its settings, its curve, where it stands and its best weights.

A run that is killed at any moment goes on from the last whole epoch: every file is written beside its place and moved.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from export.model import keras_file
from zoo import own_file
from zoo.errors import OutsideError, UsageProblemError

if TYPE_CHECKING:
    import keras

    from zoo.own_file import Facts

Row = dict[str, Any]
CURVE = "curve.png"  # a picture of it
BEFORE = "before.keras"  # the network as it was before it lost weights
_SETTINGS, _CURVE, _LAST, _BEST = "settings.json", "curve.json", "last.npz", "best.npz"
_ROWS = "rows"  # in the arrays of the last epoch


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
            self.rows = self._noted()
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutsideError(f"cannot write to {folder} ({error.strerror}); choose another --out") from error
        for path in (*self._passing(), folder / _CURVE, folder / BEFORE, folder / CURVE):
            path.unlink(missing_ok=True)
        self._write(_SETTINGS, json.dumps(plain, indent=1).encode())

    def _check(self, settings: Mapping[str, Any]) -> None:
        if not (self.folder / _SETTINGS).is_file():
            raise UsageProblemError(f"there is no run to resume in {self.folder}; leave --resume out")
        earlier = _read(self.folder / _SETTINGS)
        changed = [key for key in settings if earlier.get(key) != settings[key]]
        if changed:
            raise UsageProblemError(
                f"the run in {self.folder} has another {changed[0]} ({earlier.get(changed[0])!r}, now "
                f"{settings[changed[0]]!r}); type what it had, or leave --resume out to begin anew"
            )

    def _noted(self) -> list[Row]:
        """Return the rows of the epochs that `last.npz` stands behind; the curve is only written after it."""
        if (self.folder / _LAST).is_file():
            return list(json.loads(_arrays_of(self.folder / _LAST, [_ROWS])[0].tobytes()))
        if (self.folder / _CURVE).is_file():
            raise UsageProblemError(f"the run in {self.folder} is finished; leave --resume out to begin anew")
        return []

    @property
    def epochs(self) -> int:
        """How many epochs are finished."""
        return len(self.rows)

    def rows_of(self, stage: int, phase: str | None = None) -> list[Row]:
        """Return the rows of a stage, or of one phase of it."""
        return [row for row in self.rows if row["stage"] == stage and phase in (None, row["phase"])]

    def best(self, stage: int) -> int | None:
        """The number of the stage's epoch with the best score, from 0; None before the first that counts."""
        counted = [index for index, row in enumerate(self.rows) if row["stage"] == stage and row["counts"]]
        return max(counted, key=lambda index: float(self.rows[index]["score"]), default=None)

    def stalled(self, stage: int, patience: int) -> bool:
        """Whether the stage's last `patience` epochs were not better than one before."""
        best = self.best(stage)
        return best is not None and self.epochs - 1 - best >= patience

    def add(self, row: Row, state: Sequence[Any], optimizer_state: Sequence[Any]) -> None:
        """Note a finished epoch, and keep where the network and its optimizer stand."""
        self.rows.append(row)
        rows = json.dumps(self.rows).encode()
        if self.best(row["stage"]) == self.epochs - 1:
            self._arrays(_BEST, state)
        # One file says where the run stands: killed before it is there, the epoch is learned again.
        self._arrays(_LAST, [*state, *optimizer_state], rows)
        self._write(_CURVE, rows)

    def restore_last(self, variables: Sequence[Any]) -> None:
        """Give the variables the values that they, or the first of them, were noted with last."""
        _restore(self.folder / _LAST, variables)

    def restore_best(self, state: Sequence[Any]) -> None:
        """Give the variables the values of the stage's best epoch."""
        _restore(self.folder / _BEST, state)

    def has_begun(self, stage: str) -> bool:
        """Whether a stage's network was kept."""
        return (self.folder / f"{stage}.keras").is_file()

    def keep_before(self, model: keras.Model, facts: Facts) -> None:
        """Keep the network as it is before it loses weights."""
        own_file.save(model, self.folder / BEFORE, facts)

    def begin(self, stage: str, model: keras.Model, facts: Facts) -> None:
        """Keep the network that a stage begins with."""
        own_file.save(model, self.folder / f"{stage}.keras", facts)

    def beginning(self, stage: str) -> tuple[keras.Model, Facts]:
        """Return what `begin` was given."""
        path = self.folder / f"{stage}.keras"
        facts = own_file.read(path)
        if facts is None:
            raise UsageProblemError(f"{path} is damaged; leave --resume out to begin anew")
        return keras_file.load(path), facts

    def finish(self) -> None:
        """Remove what only a run that goes on would need."""
        for path in self._passing():
            path.unlink(missing_ok=True)

    def _passing(self) -> Sequence[Path]:
        networks = (path for path in self.folder.glob("*.keras") if path.name != BEFORE)
        return [self.folder / _LAST, self.folder / _BEST, *networks]

    def _arrays(self, name: str, variables: Sequence[Any], rows: bytes = b"") -> None:
        arrays: dict[str, Any] = {str(index): variable.numpy() for index, variable in enumerate(variables)}
        arrays[_ROWS] = np.frombuffer(rows, np.uint8)
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
    arrays = _arrays_of(path, [str(index) for index in range(len(variables))])
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _arrays_of(path: Path, names: Sequence[str]) -> list[Any]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return [stored[name] for name in names]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UsageProblemError(f"{path} is damaged; leave --resume out to begin anew") from error
