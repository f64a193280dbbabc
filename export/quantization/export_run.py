"""The inputs of one export, built once before the first file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from calibration.samples import Array
from calibration.store import Draw
from export.cache import NO_CACHE, Cache
from export.model import entries
from export.model.camera_range import CameraRange, camera_range
from export.model.subject import Subject
from export.progress import Progress
from export.recipe import Io, Recipe, Width
from export.scheme import INT8, Scheme
from zoo.inputs import photo_input


@dataclass(frozen=True, kw_only=True)
class CoarseEdges:
    """The layers that compute in float because a grid of integers is too coarse for an input or an output.

    Attributes:
        widths: by the layer's name in a copy without nested models.
        reasons: a sentence for each such input or output.
    """

    widths: Mapping[str, Width] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Stream:
    """The sequences that the streaming form is proven on.

    Attributes:
        sequences: folder of the probe's sequences, where another process loads them with `Samples.load`.
        expected: outputs of the model of whole sequences for them, by name.
        state: the output that holds the new state, by the name of the input that holds the old one.
        series: names of the inputs that have steps.
        steps: number of steps of a sequence.
    """

    sequences: Path
    expected: Mapping[str, Array]
    state: Mapping[str, str]
    series: tuple[str, ...]
    steps: int


@dataclass(frozen=True, kw_only=True, eq=False)
class ExportRun:
    """One export.

    Attributes:
        subject: the model.
        recipe: what to export and how; a budget and coarse inputs or outputs decide what the user left open.
        samples: for calibration and for the proof, without a sample in common.
        work: temporary folder for files that a runtime reads.
        progress: is notified of every step.
        cache: results of earlier exports.
        stream: the sequences that a streaming form is proven on; None for other models.
        coarse: inputs and outputs for which a grid of integers is too coarse, by scheme; the recipe keeps the layers of
            int8 in higher precision, as if the user had named them.
    """

    subject: Subject
    recipe: Recipe
    samples: Draw
    work: Path
    progress: Progress
    cache: Cache = NO_CACHE
    stream: Stream | None = None
    coarse: Mapping[Scheme, CoarseEdges] = field(default_factory=dict)

    @property
    def camera_range(self) -> CameraRange | None:
        """The model's input values for the bytes 0 and 255; None if one scale and offset cannot give them."""
        return camera_range(self.subject.preprocessing)

    @property
    def photo_input(self) -> str | None:
        """The name of the input that takes photos; None if the model takes none."""
        return photo_input(entries.contracts(self.subject))

    def raised(self, scheme: Scheme) -> Mapping[str, Width]:
        """Return the layers of the files of `scheme` that are kept in higher precision."""
        return self.recipe.raised if scheme == INT8 else self.coarse_edges(scheme).widths

    def coarse_edges(self, scheme: Scheme) -> CoarseEdges:
        """Return the layers of the files of `scheme` that compute in float for the sake of inputs and outputs."""
        return self.coarse.get(scheme, CoarseEdges())

    def io(self, scheme: Scheme) -> Io:
        """Return the type of inputs and outputs: bytes of photos if the preprocessing allows it."""
        if scheme != INT8:
            return Io.FLOAT32
        return self.recipe.io or (Io.UINT8 if self.camera_range else Io.FLOAT32)

    def takes_camera_bytes(self, scheme: Scheme) -> bool:
        """Whether the input of the files of `scheme` is a photo's unscaled bytes."""
        return self.io(scheme) is Io.UINT8 and self.camera_range is not None

    def judges(self, scheme: Scheme) -> bool:
        """Whether thresholds apply: with random weights or random samples they apply to float32 files only."""
        return scheme.can_be_judged(trained=self.subject.weights.trained, real=self.samples.probe.real)
