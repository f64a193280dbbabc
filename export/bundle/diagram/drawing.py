"""Draw a diagram: boxes for steps, and frames with a repeat count around blocks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.bundle.diagram.blocks import Run, blocks, columns, runs
from export.bundle.diagram.context import name_context
from export.bundle.diagram.steps import Kind, Step, steps
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras

SUFFIXES = (".svg", ".png", ".pdf")
PAGE_INCHES = "8,11"  # A drawing with blocks is scaled down to this size.
LEAST_ROWS = 16  # Minimum number of rows per column.
BOX_RATIO = 8  # Approximate ratio of width to height of a box with its margins.
COLOURS: Mapping[Kind, str] = {
    Kind.INPUT: "#ffffff",
    Kind.WEIGHTS: "#cfe3f7",
    Kind.POOLING: "#d8efd3",
    Kind.JOINING: "#f9e2b8",
    Kind.OTHER: "#ececec",
    Kind.OUTPUT: "#f4c9c9",
}


def check(path: Path) -> None:
    """Check that a drawing can be written to `path`, before any work.

    Raises:
        UsageProblemError: an unsupported suffix, or a missing folder.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageProblemError(
            f"--diagram {path} does not end in {', '.join(SUFFIXES)}; type for example --diagram network.svg"
        )
    if not path.absolute().parent.is_dir():
        raise UsageProblemError(f"--diagram {path}: there is no folder {path.parent}; type an existing folder")


def box_and_edge_counts(model: keras.Model) -> tuple[int, int]:
    """Return how many boxes and edges the folded drawing of a flat functional model has, at most."""
    found = name_context(steps(model))
    drawn = {place for run in runs(found, blocks(found)) for place in run.places}
    return len(drawn), sum(len(found[place].sources) for place in drawn)


def draw(model: keras.Model, title: str, kind: str, *, full: bool = False) -> bytes:
    """Return the content of a drawing of a flat functional model.

    Args:
        model: the network.
        title: the title of the drawing.
        kind: "svg", "png" or "pdf".
        full: draw every layer, on a page of any length; otherwise merge each layer with its activation, draw
            repeated blocks once, and fit the drawing on one page.
    """
    import pygraphviz

    found = steps(model, full=True) if full else name_context(steps(model))
    graph = pygraphviz.AGraph(directed=True, strict=False)
    graph.graph_attr.update(label=_label(title), labelloc="t", fontname="sans-serif", fontsize="20", ranksep="0.25")
    graph.graph_attr.update({"dpi": "150"} if kind == "png" else {})
    graph.node_attr.update(shape="box", style="filled,rounded", fontname="sans-serif", fontsize="11", color="#7a8794")
    graph.edge_attr.update(color="#55606b", arrowsize="0.6")
    if full:
        _boxes(graph, found, {place: (place,) for place in range(len(found))})
        _edges(graph, found, {place: place for place in range(len(found))}, tops=())
    else:
        _page(graph, found, runs(found, blocks(found)))
    picture: bytes = graph.draw(format=kind, prog="dot")
    return picture


def _page(graph: Any, found: Sequence[Step], found_runs: Sequence[Run]) -> None:
    """Draw the runs in columns on one page."""
    graph.graph_attr.update(size=PAGE_INCHES, newrank="true")
    side_by_side = columns(found, found_runs, _rows(found, found_runs))
    for number, run in enumerate(found_runs):
        _frame(graph, found, run, number)
    tops = [column[0].places[0] for column in side_by_side]
    if len(tops) > 1:
        graph.add_subgraph(tops, rank="same")
        for one, other in pairwise(tops):
            graph.add_edge(one, other, style="invis")
    _edges(graph, found, _stands_for(found_runs), tops)


def _rows(found: Sequence[Step], found_runs: Sequence[Run]) -> int:
    """Return the number of rows per column that gives the page its aspect ratio."""
    count = sum(run.height(found) for run in found_runs)
    return max(LEAST_ROWS, round(math.sqrt(count * BOX_RATIO)))


def _frame(graph: Any, found: Sequence[Step], run: Run, number: int) -> None:
    """Draw a run, in a frame if it has branches or repeats."""
    places = {place: run.times(place) for place in run.places}
    if run.count == 1 and len(places) == 1:
        _boxes(graph, found, places)
        return
    frame = graph.add_subgraph(name=f"cluster_{number}", label=f"{run.count} x" if run.count > 1 else "")
    frame.graph_attr.update(style="filled,rounded", color="#c5ccd3", fillcolor="#f6f8fa", fontsize="16", labeljust="r")
    _boxes(frame, found, places)


def _boxes(graph: Any, found: Sequence[Step], places: Mapping[int, Sequence[int]]) -> None:
    """Draw steps, each with its output shape in the first and in the last repetition."""
    for place, times in places.items():
        step, last = found[place], found[times[-1]].shape
        shape = step.shape if last == step.shape else f"{step.shape} ... {last.rsplit(' x ', 1)[-1]}"
        words = " · ".join(step.words)
        outputs = "".join(f"output {name}\n" for name in step.outputs)
        label = _label(f"{outputs}{words}\n{shape}")
        graph.add_node(place, label=label, fillcolor=COLOURS[step.kind], tooltip=_label(step.name))


def _label(text: str) -> str:
    """Return a text that Graphviz draws as it is: no escape sequence, and no markup, which begins with "<"."""
    escaped = text.replace("\\", "\\\\")
    return f" {escaped}" if escaped.startswith("<") else escaped


def _stands_for(found_runs: Sequence[Run]) -> dict[int, int]:
    """Map every step to the step that is drawn for it, in the first repetition."""
    return {other: place for run in found_runs for place in run.places for other in run.times(place)}


def _edges(graph: Any, found: Sequence[Step], stands_for: Mapping[int, int], tops: Sequence[int]) -> None:
    """Draw each edge once, except between repetitions of a block; `tops` are the first steps of the columns."""
    drawn = set()
    for place in sorted(stands_for):
        for source in found[place].sources:
            edge = stands_for[source], stands_for[place]
            if edge[0] < edge[1] and edge not in drawn:
                drawn.add(edge)
                # An edge to another column must not push that column down.
                apart = any(edge[0] < top <= edge[1] for top in tops)
                graph.add_edge(*edge, constraint="false" if apart else "true")
