"""The interface of a loaded file, which the proof, `zoo bench` and `zoo run` use."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from calibration.observers import Update
from calibration.samples import Array, Samples
from export.model.tensor_spec import TensorSpec
from zoo.language.decoder import CacheSize


class Session(Protocol):
    """A loaded file. Importing a session must not import TensorFlow."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the stored outputs by name for stored inputs by name, batch 1."""
        ...


class Continuation(Protocol):
    """A text that a decoder has read so far, with its cache.

    Attributes:
        context: number of tokens that the decoder can read.
    """

    context: int

    def read(self, tokens: Array) -> Array:
        """Read more tokens (N,), int32, and return the logits (vocabulary,) of the one behind them."""
        ...


@runtime_checkable
class TextDecoder(Protocol):
    """A loaded file of a decoder, which can continue a text.

    Attributes:
        cache: the sizes of its cache.
    """

    cache: CacheSize

    def begin(self) -> Continuation:
        """Return a text without tokens."""
        ...


@runtime_checkable
class TextTranslator(Protocol):
    """A loaded file of an encoder-decoder, which writes another text.

    Attributes:
        length: tokens of the source.
        context: tokens of the target.
    """

    length: int
    context: int

    def encode(self, source: Array, source_mask: Array) -> Continuation:
        """Read a source and its mask (1, length), int32, 1 for tokens; and return a target without tokens."""
        ...


class Watcher(Protocol):
    """A loaded float file with access to every activation.

    Attributes:
        edges: names of the activations that are inputs or outputs of the file.
        steps: the steps that compute the activations, in order of execution.
    """

    edges: frozenset[str]
    steps: tuple[Step, ...]

    def watch(self, samples: Samples, update_of: Callable[[int], Update]) -> None:
        """Run all samples, and pass every activation of the sample `index` to `update_of(index)(name, values)`.

        The update function must not keep the values. All samples of one activation come in order.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Step:
    """One activation of a file and its operator.

    Attributes:
        tensor: name of the activation.
        op: the operator that computes the activation; empty for an input.
        sources: names of the activations that the operator reads.
    """

    tensor: str
    op: str
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class OpCount:
    """The number of occurrences of an operator in a file, by arithmetic."""

    op: str
    arithmetic: str  # "integer" (8 bits), "int16" (activations of 16), "float" or "none" (moves or relabels data)
    count: int


MATRIX_AXES = 2  # Constants with fewer axes are biases, scales and shapes.
FEWEST_WEIGHTS = 16  # Converters may leave so few numbers as they are.


@dataclass(frozen=True, kw_only=True)
class NumberTypes:
    """The types in which a file stores its numbers; names as in numpy.

    Attributes:
        weights: types of the constants with two axes or more.
        has_many: whether one of these constants has more than `FEWEST_WEIGHTS` numbers.
        activations: types of the quantized activations; empty if all are floats.
    """

    weights: frozenset[str]
    has_many: bool
    activations: frozenset[str]


def number_types_of(constants: Iterable[tuple[str, Sequence[int]]], activations: Iterable[str]) -> NumberTypes:
    """Return the types of the constants, given as type and shape, and of the quantized activations."""
    matrices = [(kind, shape) for kind, shape in constants if len(shape) >= MATRIX_AXES]
    return NumberTypes(
        weights=frozenset(kind for kind, _ in matrices),
        has_many=any(math.prod(shape) > FEWEST_WEIGHTS for _, shape in matrices),
        activations=frozenset(activations),
    )


@dataclass(frozen=True, kw_only=True)
class StorageReport:
    """The distance of a file's stored constants from the float constants.

    Attributes:
        worst_steps: largest distance in steps of the constant's grid; rounding causes at most half a step.
        where: the constant with the largest distance.
        constants: number of compared constants.
    """

    worst_steps: float
    where: str
    constants: int


@dataclass(frozen=True, kw_only=True, eq=False)
class OperatorErrors:
    """The errors of one operator of an integer file on one sample.

    Attributes:
        op: name of the operator.
        tensor: name of its output in the file.
        dtype: type of that output, such as "int8".
        steps: distance of every stored number from the predicted one, in steps of the output's grid.
        stored: the stored numbers (..., channels); None if they lie in another order.
    """

    op: str
    tensor: str
    dtype: str
    steps: Array
    stored: Array | None = None


class IsolatedOperators(Protocol):
    """The operators of an integer file and of the file that it was made from, on the same stored numbers.

    Attributes:
        inputs: the inputs as the integer file declares them.
        size: how many numbers they compute for one sample.
        has_indices: whether the file computes integers such as indices, for which enlarged inputs may be too large.
    """

    inputs: tuple[TensorSpec, ...]
    size: int
    has_indices: bool

    def align(self, samples: Sequence[Mapping[str, Array]]) -> None:
        """Match the operators of both files on some samples, stored inputs by name; call this first."""
        ...

    def errors(self, stored: Mapping[str, Array]) -> Iterator[OperatorErrors]:
        """Run one sample, stored inputs by name, and yield the errors of every operator whose output has a grid."""
        ...

    def is_defined(self, stored: Mapping[str, Array]) -> bool:
        """Run one sample, and return whether all that the file computes in float is finite: no logarithm of -1."""
        ...

    def activations(self, stored: Mapping[str, Array]) -> Mapping[str, Array]:
        """Run one sample, and return the stored numbers (..., channels) of every activation that `errors` compares.

        They are by the name of the activation; empty if they lie in another order.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class StructureReport:
    """The differences between the graph of a quantized file and of the float file.

    Attributes:
        differences: a sentence for each, in the order of the graph.
        operators: number of compared operators.
    """

    differences: tuple[str, ...]
    operators: int


@dataclass(frozen=True, kw_only=True)
class RangeReport:
    """How a file's stored ranges differ from the planned ranges.

    Attributes:
        worst_share: largest shortfall as a share of the planned width.
        where: the activation with the largest shortfall.
        activations: number of compared activations.
        worst_excess: largest excess as a share of the planned width, of ranges that nothing but the plan determines.
        excess_where: the activation with the largest excess.
    """

    worst_share: float
    where: str
    activations: int
    worst_excess: float = 0.0
    excess_where: str = ""
