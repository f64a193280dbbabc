"""The file's graph with the model's own constants, in float32: if it is the model's graph, it computes the model.

This compares graphs of any maker and layout, where operators cannot be paired one to one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from calibration.samples import Array
from export import process
from export.errors import ConversionError
from export.formats import PRIMARY
from export.metrics import compare
from export.proof.foreign.evidence import ForeignEvidence
from export.proof.foreign.pairing import Pair
from export.proof.tolerances import ENLARGED_PARITY, PARITY
from export.quantization.tensor_map import FileTensors, mapped
from export.runtime.jobs.error_sums import sqnr_db
from export.runtime.jobs.observe import fingerprints
from export.runtime.run_file import written
from zoo.errors import CheckFailedError, OutsideError, UsageProblemError


@dataclass(frozen=True, kw_only=True, eq=False)
class Skeleton:
    """The file's graph with the model's constants.

    Attributes:
        content: the float32 file; empty if it could not be built or run.
        sqnr_db: of its outputs against the model's for the probe, of the worst output.
        enlarged_db: for enlarged samples; None if the model has no use for them.
        trouble: why it could not be built or run; empty if it could.
        layers: the model's layer whose output a tensor of it is, by the tensor's name, as far as values tell.
        capped: activations whose relu6 quantization left to the ends of their grids.
    """

    content: bytes = b""
    sqnr_db: float = 0.0
    enlarged_db: float | None = None
    trouble: str = ""
    layers: Mapping[str, str] = field(default_factory=dict)
    capped: frozenset[str] = frozenset()

    @property
    def computes_the_model(self) -> bool:
        """Whether its outputs are the model's, up to float32 rounding."""
        if self.trouble or self.sqnr_db < PARITY.min_sqnr_db:
            return False
        return self.enlarged_db is None or self.enlarged_db >= ENLARGED_PARITY.min_sqnr_db


def replaced(pairs: tuple[Pair, ...]) -> dict[str, Array]:
    """Return the model's constants by the key of the file's."""
    return {pair.stored.key: _as_stored(pair) for pair in pairs}


def skeleton(evidence: ForeignEvidence) -> Skeleton:
    """Build the file's graph with the model's constants, and run it on the probe and on enlarged samples."""
    found = _built(evidence, frozenset())
    if found.computes_the_model or found.trouble or not evidence.scheme.needs_calibration:
        return found
    tried = [found]
    for capped in _relu6_grids(evidence):
        tried.append(_built(evidence, capped))
        if tried[-1].computes_the_model:
            return tried[-1]
    return max(tried, key=lambda one: one.sqnr_db if not one.trouble else float("-inf"))


def _relu6_grids(evidence: ForeignEvidence) -> Iterator[frozenset[str]]:
    """Yield the activations whose grids may stand for a relu6, which quantizers then remove.

    First those of the layers that have one in our own file, then all: it may be an operator of its own.
    """
    opened, pairing = evidence.file.opened, evidence.pairing
    if opened is None or pairing is None:
        return
    layers = {one.place for one in evidence.original.constants if one.has_relu6}
    places = {pair.stored.place for pair in pairing.pairs if pair.layer in layers}
    yield frozenset(grid.tensor for grid in opened.grids if grid.place in places)
    yield frozenset(grid.tensor for grid in opened.grids)


def _built(evidence: ForeignEvidence, capped: frozenset[str]) -> Skeleton:
    opened, pairing = evidence.file.opened, evidence.pairing
    if opened is None or pairing is None:
        return Skeleton(trouble=evidence.file.trouble)
    try:
        content = opened.in_float(replaced(pairing.pairs), capped=capped)
        found = evidence.outputs_of(content, evidence.probe)
        worst = min(_db(evidence.expected[name], found[name]) for name in evidence.expected)
        larger = enlarged_db(evidence, content)
        layers = _layers(evidence, content)
        return Skeleton(content=content, sqnr_db=worst, enlarged_db=larger, layers=layers, capped=capped)
    except (ConversionError, OutsideError) as error:
        return Skeleton(trouble=str(error))


def _layers(evidence: ForeignEvidence, content: bytes) -> dict[str, str]:
    """Return the layers whose outputs the tensors hold, in the format that gives access to them."""
    if evidence.file.format.name != PRIMARY.name:
        return {}
    path = written(evidence.run.work, f"skeleton{PRIMARY.suffix}", content)
    try:
        found = FileTensors.from_record(process.call(fingerprints, path=path, samples=evidence.probe))
    except (OutsideError, UsageProblemError):
        return {}
    matched = mapped(evidence.run.subject.model, found, evidence.run.samples.probe)
    return {tensor: one.name for tensor, one in matched.items() if one.matched}


def enlarged_db(evidence: ForeignEvidence, content: bytes) -> float | None:
    """Return the SQNR of a variant of the file on enlarged samples, where outputs are as large as usual or larger.

    Raises:
        OutsideError: the runtime cannot run it.
    """
    larger = evidence.enlarged
    if larger is None:
        return None
    found = evidence.outputs_of(content, evidence.saved(larger.samples, "enlarged"))
    return min(_large_db(larger.expected[name], found[name], evidence.expected[name]) for name in larger.expected)


def _as_stored(pair: Pair) -> Array:
    values = pair.original.read()
    return values.reshape(pair.stored.shape) if values.size == int(np.prod(pair.stored.shape)) else values


def _db(expected: Array, found: Array) -> float:
    try:
        return compare(reference=expected, actual=found).sqnr_db
    except CheckFailedError:
        return float("-inf")


def _large_db(expected: Array, found: Array, usual: Array) -> float:
    power = max(float(np.mean(one.astype(np.float64) ** 2)) for one in (expected, usual))
    noise = float(np.mean((expected.astype(np.float64) - found) ** 2))
    return sqnr_db(power, noise) if np.isfinite(noise) else float("-inf")
