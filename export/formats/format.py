"""What every format offers: `convert` and `quantize` are pure, bytes out; `open` and `census` take a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from calibration.samples import Array
from export.formats.dissection import Dissector
from export.formats.session import OpCount, RangeReport, Session, StorageReport, Watcher
from export.recipe import Io, Width
from export.scheme import Scheme

if TYPE_CHECKING:
    import keras

    from calibration.ranges import Ranges

Weights = Mapping[str, tuple[Array, Array]]  # kernel and bias, as Keras lays them out, by a name


@dataclass(frozen=True, kw_only=True)
class QuantizationPlan:
    """What a float file becomes.

    Attributes:
        precision: anything but float32.
        io: type of inputs and outputs of an integer file.
        ranges: (min, max) of every activation by the tensor's name in the calibration format; None where not needed.
        input_ranges: by input name, where the preprocessing fixes the range (bytes * scale + offset).
        raised: of an int8 file: activations that are wider than int8, by the tensor's name in the calibration format.
    """

    scheme: Scheme
    io: Io
    ranges: Ranges | None
    input_ranges: Mapping[str, tuple[float, float]]
    raised: Mapping[str, Width] = field(default_factory=dict)


class Format(Protocol):
    """A file format with a runtime. `convert` and `quantize` are pure: bytes out, nothing on disk.

    Attributes:
        name: of the format.
        suffix: of its files.
        runtime: the distribution that runs them.
    """

    name: str
    suffix: str
    runtime: str

    def convert(self, model: keras.Model, entries: Mapping[str, keras.Model] | None = None) -> bytes:
        """Return the float32 file: static batch 1, inputs and outputs named as in the model.

        Args:
            model: to convert.
            entries: models of its entry points, by name, which share its layers and have static shapes; None for the
                usual one, the model itself.

        Raises:
            ConversionError: it cannot be written in this format.
        """
        ...

    def quantize(self, float_file: bytes, plan: QuantizationPlan, siblings: Mapping[str, bytes]) -> bytes:
        """Return the file in `plan.precision`; `siblings` holds the files of that precision made before, by format."""
        ...

    def needs(self, scheme: Scheme) -> tuple[str, ...]:
        """Return the formats whose file of that precision must be made before."""
        ...

    def storage(self, float_file: bytes, content: bytes, siblings: Mapping[str, bytes]) -> StorageReport | None:
        """Return how far the constants lie from those that they were made of: the float file's, or a sibling's.

        None where they cannot be told apart; agreement with the sibling then has to show it.
        """
        ...

    def open(self, path: Path, threads: int = 1) -> Session:
        """Load a file in its runtime."""
        ...

    def dissect(self, path: Path, float_file: Path) -> Dissector:
        """Load a quantized file beside the float one, of the primary format, that it is compared with.

        Raises:
            UsageProblemError: the file holds no integers, or is not of the float file's graph.
        """
        ...

    def census(self, path: Path) -> list[OpCount]:
        """Return how many operators of each kind the file holds, as the runtime will execute them."""
        ...

    def zero_share(self, content: bytes) -> float:
        """Return the share of the layers' weights in a file that stand for zero."""
        ...


class ObservableFormat(Format, Protocol):
    """A format whose runtime shows every tensor, so that ranges can be observed in it."""

    def reweigh(self, float_file: bytes, before: Weights, after: Weights) -> bytes | None:
        """Return the float file with other weights, found by those `before`; None where they cannot be told apart."""
        ...

    def ranges(self, float_file: bytes, content: bytes, plan: QuantizationPlan) -> RangeReport:
        """Return how far the grids of a file of integer activations fall short of the plan's ranges."""
        ...

    def watch(self, path: Path, threads: int = 1) -> Watcher:
        """Load a float file in its runtime, every activation in sight."""
        ...
