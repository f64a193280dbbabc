"""The interface of a format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from calibration.samples import Array, Samples
from export.formats.dissection import Dissector
from export.formats.enclosure import Enclosure
from export.formats.footprint import Footprint, NamedOperator
from export.formats.opened import OpenedFile
from export.formats.requirements import Requirements
from export.formats.session import (
    IsolatedOperators,
    NumberTypes,
    OpCount,
    RangeReport,
    Session,
    StorageReport,
    StructureReport,
    Watcher,
)
from export.model.description import Description
from export.recipe import Io, Width
from export.scheme import Scheme

if TYPE_CHECKING:
    import keras

    from calibration.ranges import Ranges
    from zoo.language.decoder import Decoder

Weights = Mapping[str, tuple[Array, Array]]  # Kernel and bias in the layout of Keras, by name.


@dataclass(frozen=True, kw_only=True)
class QuantizationPlan:
    """How to quantize a float file.

    Attributes:
        scheme: the precision, other than float32.
        io: type of the inputs and outputs of an integer file.
        ranges: (min, max) of every activation by tensor name in the primary format; None if not needed.
        input_ranges: ranges by input name, for inputs whose preprocessing fixes the range (bytes * scale + offset).
        raised: activations in higher precision, by tensor name in the primary format.
    """

    scheme: Scheme
    io: Io
    ranges: Ranges | None
    input_ranges: Mapping[str, tuple[float, float]]
    raised: Mapping[str, Width] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class BoundedMasks:
    """A float file whose masks of scores are numbers that a grid can hold.

    Attributes:
        content: the file.
        lowest: by the name of an activation with masked scores, the value below which nothing has an effect.
    """

    content: bytes
    lowest: Mapping[str, float]


class Format(Protocol):
    """A file format with a runtime. `convert` and `quantize` return bytes and write nothing to disk.

    Attributes:
        name: name of the format.
        suffix: suffix of its files.
        runtime: the distribution that runs its files.
        has_data_files: whether weights that a file cannot hold may lie in a second file beside it.
        operator_sets: versions of the operators that a file can be written in; empty if there is one for all files.
    """

    name: str
    suffix: str
    runtime: str
    has_data_files: bool
    operator_sets: range

    def convert(
        self,
        model: keras.Model,
        entries: Mapping[str, keras.Model] | None = None,
        *,
        select_ops: bool = False,
        decoder: Decoder | None = None,
        data: Path | None = None,
    ) -> bytes:
        """Return the float32 file with static batch 1, and inputs and outputs named as in the model.

        Args:
            model: the model to convert.
            entries: models of the entry points by name, which share the layers of `model` and have static shapes;
                None if the model is the only entry point.
            select_ops: whether operators of TensorFlow may take the place of those that a runtime does not have.
            decoder: the forms with a cache of a decoder, one of which the file then contains; the session of such a
                file has the inputs and outputs of `model`.
            data: where weights are written that the file cannot hold; the file refers to them by the name of this path.

        Raises:
            ConversionError: the model cannot be converted to this format.
        """
        ...

    def quantize(self, float_file: bytes, plan: QuantizationPlan, siblings: Mapping[str, bytes]) -> bytes:
        """Return the quantized file; `siblings` contains the files of the same precision in earlier formats."""
        ...

    def quantize_alone(self, path: Path, samples: Samples, scheme: Scheme) -> bytes:
        """Return the file at `path` in an integer precision, by a way that needs no sibling, where none can be made.

        Raises:
            ConversionError: the format has no such way, or it fails.
        """
        ...

    def data_files(self, path: Path) -> tuple[str, ...]:
        """Return the places of the files with weights that the file at `path` refers to, as it spells them.

        Raises:
            ConversionError: the file is damaged.
        """
        ...

    def select_ops(self, content: bytes) -> tuple[str, ...]:
        """Return the operators of TensorFlow that a file needs on the device; its runtime alone does not have them."""
        ...

    def with_graph_options(self, content: bytes, operator_set: int | None, open_batch: bool) -> bytes:
        """Return a file with a version of its operators, or with an open batch; None and False leave it as it is.

        Raises:
            ConversionError: its operators cannot be written so.
        """
        ...

    def describe(self, content: bytes | mmap, description: Description) -> Enclosure:
        """Return what is written around a file so that it says what it is; the file itself does not change."""
        ...

    def metadata(self, path: Path) -> Mapping[str, Any]:
        """Return what a file of any origin says about itself, by the name of the fact.

        Raises:
            ConversionError: its metadata is damaged.
        """
        ...

    def needs(self, scheme: Scheme) -> tuple[str, ...]:
        """Return the formats that must be quantized to this precision before."""
        ...

    def storage(self, float_file: bytes, content: bytes, siblings: Mapping[str, bytes]) -> StorageReport | None:
        """Return the distance of the constants from their source: the float file or a sibling.

        None if constants cannot be matched; then the comparison of outputs with the sibling has to suffice.
        """
        ...

    def open(self, path: Path, threads: int = 1) -> Session:
        """Load a file in its runtime."""
        ...

    def dissect(self, path: Path, float_file: Path) -> Dissector:
        """Load a quantized file together with the float file in the primary format.

        Raises:
            UsageProblemError: the file is not quantized, or does not match the float file's graph.
        """
        ...

    def census(self, path: Path) -> list[OpCount]:
        """Return the number of operators of each kind, as the runtime executes them."""
        ...

    def requirements(self, path: Path) -> Requirements:
        """Return which releases of the runtime load a file, and what its GPU delegate does not take."""
        ...

    def footprint(self, content: bytes) -> Footprint:
        """Return the memory, work and operators that a microcontroller needs for a file.

        Raises:
            ConversionError: none runs such files, or the memory of this one cannot be planned.
        """
        ...

    def number_types(self, content: bytes) -> NumberTypes:
        """Return the types in which a file stores its weights and activations."""
        ...

    def isolate(self, path: Path, float_file: Path) -> IsolatedOperators:
        """Load an integer file together with a float file of the same operators, operator by operator."""
        ...

    def isolate_beside(self, path: Path, sibling: Path) -> IsolatedOperators:
        """Load an int8 file together with the primary format's file that it was derived from, operator by operator.

        Raises:
            ConversionError: files of this format are not derived from others.
        """
        ...

    def zero_share(self, content: bytes) -> float:
        """Return the share of zero weights in the layers of a file."""
        ...

    def opened(self, content: bytes) -> OpenedFile:
        """Return a file that any tool may have made, parsed.

        Raises:
            ConversionError: the file has several graphs, or stores numbers of a type that cannot be read.
        """
        ...

    def with_batch_of_one(self, path: Path) -> bytes:
        """Return the file with the batch size 1 where its inputs leave the batch open."""
        ...

    def with_plain_grids(self, content: bytes) -> bytes:
        """Return a file with the same outputs whose scales and zero points can all be read."""
        ...


class ObservableFormat(Format, Protocol):
    """A format whose runtime gives access to every tensor, so that ranges can be observed."""

    def operators(self, content: bytes) -> tuple[NamedOperator, ...]:
        """Return the operators of a file one by one, also of one that no runtime here runs."""
        ...

    def edges(self, content: bytes) -> tuple[tuple[Any, ...], ...]:
        """Return shape, type and grid of every input and output of a file, also of one that no runtime here runs."""
        ...

    def open_plain(self, path: Path) -> Session:
        """Load a file in its runtime with plain kernels, which microcontrollers share."""
        ...

    def reweigh(self, float_file: bytes, before: Weights, after: Weights) -> bytes | None:
        """Return the float file with the weights `before` replaced by `after`; None if they cannot be located."""
        ...

    def structure(self, float_file: bytes, content: bytes) -> StructureReport:
        """Return the differences between the graphs of a quantized file and of its float file."""
        ...

    def in_order(self, content: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
        """Return a file whose operators have an order that only its graph, inputs and outputs determine."""
        ...

    def ranges(self, float_file: bytes, content: bytes, plan: QuantizationPlan) -> RangeReport:
        """Return how far the stored ranges of a file fall short of the planned ranges."""
        ...

    def with_bounded_masks(self, float_file: bytes, ranges: Mapping[str, tuple[float, float]]) -> BoundedMasks | None:
        """Return the float file with smaller masks, given its observed ranges; None if it has none to replace."""
        ...

    def watch(self, path: Path, threads: int = 1) -> Watcher:
        """Load a float file in its runtime with access to every activation."""
        ...
