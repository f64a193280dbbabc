"""Pictures of a training run: the training curve and the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from training.run_state import Row
    from zoo.metric import Metric

_DPI = 120
_BLUE, _ORANGE, _GREY = "#1f6feb", "#d1572d", "#9aa4af"
_MOST_NAMES = 30  # more are illegible on an axis


def curve(rows: Sequence[Row], best: int, metric: Metric, path: Path) -> None:
    """Draw the loss and the validation score of every epoch; mark epoch number `best`."""
    figure = _figure(8, 3.4)
    left, right = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in rows]
    chosen = next(row for row in rows if row["epoch"] == best)
    left.plot(epochs, [row["loss"] for row in rows], color=_BLUE, marker="o", markersize=3)
    scale = 100 if metric.unit == "%" else 1
    right.plot(epochs, [scale * row["score"] for row in rows], color=_ORANGE, marker="o", markersize=3)
    summit = (best, scale * chosen["score"])
    right.plot(*summit, marker="o", color=_ORANGE, markersize=9, fillstyle="none")
    right.annotate(metric.words(chosen["score"]), summit, textcoords="offset points", xytext=(0, -16), ha="center")
    _label(left, "training loss")
    _label(right, f"{metric.heading}, validation")
    begins = [row for row, before in zip(rows, [None, *rows], strict=False) if not before or _new_phase(row, before)]
    for axes in (left, right):
        for row in begins if len(begins) > 1 else ():
            axes.axvline(row["epoch"] - 0.5, color=_GREY, linestyle="--", linewidth=1)
            place = {"transform": axes.get_xaxis_transform(), "rotation": 90, "ha": "left", "va": "bottom"}
            axes.text(row["epoch"] - 0.45, 0.02, row["phase"].replace("_", " "), color=_GREY, fontsize=8, **place)
    figure.savefig(path, dpi=_DPI)


def _new_phase(row: Row, before: Row) -> bool:
    return bool(row["phase"] != before["phase"])


def confusion(counts: NDArray[np.integer[Any]], names: Sequence[str], path: Path) -> None:
    """Draw the confusion matrix as shares of each row; rows are the true classes, columns the predicted ones."""
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = min(12.0, 2.5 + 0.42 * len(names))
    figure = _figure(side + 1, side)
    axes = figure.subplots()
    shown = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(shown, ax=axes, fraction=0.046, label="share of the true class")
    axes.set(xlabel="predicted class", ylabel="true class")
    if len(names) <= _MOST_NAMES:
        ticks = range(len(names))
        axes.set_xticks(ticks, names, rotation=90)
        axes.set_yticks(ticks, names)
        for row, column in zip(*np.nonzero(counts), strict=True):
            dark = shares[row, column] > 0.5
            axes.text(
                column, row, str(counts[row, column]), ha="center", va="center", color="white" if dark else "black"
            )
    figure.savefig(path, dpi=_DPI)


def _figure(width: float, height: float) -> Figure:
    # pyplot would look for a display, and keep every figure in memory.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _label(axes: Axes, title: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_title(title, fontsize=10)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
