"""Results of a training run and of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.run_state import Row
    from zoo.metric import Metric


@dataclass(frozen=True, kw_only=True)
class Trained:
    """Files and scores of a training run.

    Attributes:
        file: the .keras file.
        folder: the run's folder beside the file, with the training curve, the pictures and the settings.
        source: description of the data.
        counts: number of examples in each part of the data.
        before: .keras file of the network before compression; None if no compression was requested.
        classes: class names, by index.
        weights: description of the initial weights.
        rows: one for each epoch.
        best: number of the epoch whose weights the file has, from 1.
        stages: records of the stages that the network has gone through, as stored in its file.
        pictures: file names of the pictures in `folder`.
        metric: headline metric, by which the best epoch was chosen.
        takes_photos: whether the examples are photos; otherwise they are texts.
        scores: scores on the validation part, and on the test part if there is one.
        warnings: sentences for the user.
    """

    file: Path
    folder: Path
    source: str
    counts: Mapping[str, int]
    before: Path | None
    classes: tuple[str, ...]
    weights: str
    rows: tuple[Row, ...]
    best: int
    stages: tuple[Mapping[str, Any], ...]
    pictures: tuple[str, ...]
    metric: Metric
    takes_photos: bool
    scores: Mapping[str, Mapping[str, float]]
    warnings: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Return the result as plain data."""
        paths = {key: str(path) for key, path in vars(self).items() if isinstance(path, Path)}
        return {**vars(self), **paths, "metric": asdict(self.metric)}


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Scores of a .keras file.

    Attributes:
        source: description of the data.
        counts: number of examples in each part of the data.
        metric: headline metric.
        scores: scores on each part of the data.
        warnings: sentences for the user.
    """

    source: str
    counts: Mapping[str, int]
    metric: Metric
    scores: Mapping[str, Mapping[str, float]]
    warnings: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {**vars(self), "metric": asdict(self.metric)}
