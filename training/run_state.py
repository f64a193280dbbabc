"""The state of a training run on disk: settings, training curve, variables of the last and of the best epoch.

A run that is killed at any moment can be resumed from its last finished epoch: files are written under a temporary name
and then moved into place.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from export import temporary
from export.model.loading import keras_file
from zoo import own_file
from zoo.errors import OutsideError, UsageProblemError

if TYPE_CHECKING:
    import keras

    from zoo.own_file import Facts

Row = dict[str, Any]
CURVE = "curve.png"  # picture of curve.json
BEFORE = "before.keras"  # the network before compression
_SETTINGS, _CURVE, _LAST, _BEST = "settings.json", "curve.json", "last.npz", "best.npz"
_ROWS = "rows"  # name of the array in last.npz that holds the rows as JSON


class RunState:
    """The folder next to the .keras file in which a run saves its state.

    Attributes:
        folder: path of the folder.
        rows: one for each finished epoch: stage, phase, epoch, loss, validation scores, seconds.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], *, resume: bool, higher_is_better: bool = True
    ) -> None:
        """Open the folder of a run with these settings; unless `resume`, delete the state of an earlier run.

        `higher_is_better` is the direction of the score.

        Raises:
            UsageProblemError: there is no run to resume, or it was started with other settings.
            OutsideError: the folder cannot be written.
        """
        self.folder, self.rows, self._higher_is_better = folder, list[Row](), higher_is_better
        plain = json.loads(json.dumps(settings))
        if resume:
            self._check(plain)
            self.rows = self._saved_rows()
            return
        with temporary.no_empty_folders(folder):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutsideError(f"cannot write to {folder} ({error.strerror}); choose another --out") from error
            for path in (*self._temporary(), folder / _CURVE, folder / BEFORE, folder / CURVE):
                path.unlink(missing_ok=True)
            self._write(_SETTINGS, json.dumps(plain, indent=1).encode())

    @staticmethod
    def check_folder(folder: Path) -> None:
        """Check that a folder holds the state of a run.

        Raises:
            UsageProblemError: there is no run to resume.
        """
        if not (folder / _SETTINGS).is_file():
            raise UsageProblemError(f"there is no run to resume in {folder}; leave out --resume")

    def _check(self, settings: Mapping[str, Any]) -> None:
        self.check_folder(self.folder)
        earlier = _read(self.folder / _SETTINGS)
        changed = [key for key in settings if earlier.get(key) != settings[key]]
        if changed:
            raise UsageProblemError(
                f"the run in {self.folder} was started with other settings: {changed[0]} was "
                f"{earlier.get(changed[0])!r} and is now {settings[changed[0]]!r}; use the same settings, or leave out "
                "--resume to start again"
            )

    def _saved_rows(self) -> list[Row]:
        """Return the rows stored in `last.npz`; `curve.json` is written later and may lack the last one."""
        if (self.folder / _LAST).is_file():
            return list(json.loads(_read_arrays(self.folder / _LAST, [_ROWS])[0].tobytes()))
        if (self.folder / _CURVE).is_file():
            raise UsageProblemError(f"the run in {self.folder} is finished; leave out --resume to start again")
        return []

    @property
    def epochs(self) -> int:
        """The number of finished epochs, over all stages."""
        return len(self.rows)

    def rows_of(self, stage: int, phase: str | None = None) -> list[Row]:
        """Return the rows of a stage, or of one phase of it."""
        return [row for row in self.rows if row["stage"] == stage and phase in (None, row["phase"])]

    def best(self, stage: int) -> int | None:
        """The index in `rows` of the best epoch of a stage; None if no epoch of the stage counts yet."""
        counted = [index for index, row in enumerate(self.rows) if row["stage"] == stage and row["counts"]]
        better = max if self._higher_is_better else min
        return better(counted, key=lambda index: float(self.rows[index]["score"]), default=None)

    def stalled(self, stage: int, patience: int) -> bool:
        """Whether none of the last `patience` epochs improved on the best epoch of the stage."""
        best = self.best(stage)
        return best is not None and self.epochs - 1 - best >= patience

    def add(self, row: Row, state: Sequence[Any], optimizer_state: Sequence[Any]) -> None:
        """Save the row of a finished epoch, and the variables of the network and of its optimizer."""
        self.rows.append(row)
        rows = json.dumps(self.rows).encode()
        if self.best(row["stage"]) == self.epochs - 1:
            self._write_arrays(_BEST, state)
        # Rows and variables are in one file: if the run is killed before it is written, the epoch is trained again.
        self._write_arrays(_LAST, [*state, *optimizer_state], rows)
        self._write(_CURVE, rows)

    def restore_last(self, variables: Sequence[Any]) -> None:
        """Restore the variables of the last epoch; `variables` may be only the first of them."""
        _restore(self.folder / _LAST, variables)

    def restore_best(self, state: Sequence[Any]) -> None:
        """Restore the variables of the best epoch of the stage."""
        _restore(self.folder / _BEST, state)

    def has_begun(self, stage: str) -> bool:
        """Whether the network at the start of this stage was saved."""
        return (self.folder / f"{stage}.keras").is_file()

    def keep_before(self, model: keras.Model, facts: Facts) -> None:
        """Save the network before compression."""
        own_file.save(model, self.folder / BEFORE, facts)

    def begin(self, stage: str, model: keras.Model, facts: Facts) -> None:
        """Save the network at the start of a stage."""
        own_file.save(model, self.folder / f"{stage}.keras", facts)

    def beginning(self, stage: str) -> tuple[keras.Model, Facts]:
        """Return the network and the facts that `begin` saved.

        Raises:
            UsageProblemError: the file is damaged.
        """
        path = self.folder / f"{stage}.keras"
        facts = own_file.read(path)
        if facts is None:
            raise UsageProblemError(f"{path} is damaged; leave out --resume to start again")
        return keras_file.load(path), facts

    def finish(self) -> None:
        """Delete the files that only a resumed run needs."""
        for path in self._temporary():
            path.unlink(missing_ok=True)

    def _temporary(self) -> Sequence[Path]:
        networks = (path for path in self.folder.glob("*.keras") if path.name != BEFORE)
        return [self.folder / _LAST, self.folder / _BEST, *networks]

    def _write_arrays(self, name: str, variables: Sequence[Any], rows: bytes = b"") -> None:
        arrays: dict[str, Any] = {str(index): variable.numpy() for index, variable in enumerate(variables)}
        arrays[_ROWS] = np.frombuffer(rows, np.uint8)
        temporary = self.folder / f".{name}"
        try:
            with temporary.open("wb") as file:
                np.savez(file, **arrays)
            temporary.replace(self.folder / name)
        except OSError as error:
            raise OutsideError(f"cannot write {self.folder / name}: {error.strerror}") from error

    def _write(self, name: str, content: bytes) -> None:
        temporary = self.folder / f".{name}"
        try:
            temporary.write_bytes(content)
            temporary.replace(self.folder / name)
        except OSError as error:
            raise OutsideError(f"cannot write {self.folder / name}: {error.strerror}") from error


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise UsageProblemError(f"{path} is damaged; leave out --resume to start again") from error


def _restore(path: Path, variables: Sequence[Any]) -> None:
    arrays = _read_arrays(path, [str(index) for index in range(len(variables))])
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _read_arrays(path: Path, names: Sequence[str]) -> list[Any]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return [stored[name] for name in names]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UsageProblemError(f"{path} is damaged; leave out --resume to start again") from error
