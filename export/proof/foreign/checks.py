"""The registry of checks of a file that another tool made; each has a row in docs/proof.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from calibration.enlarged import TIMES
from export.errors import ConversionError
from export.metrics import Comparison
from export.proof import arithmetic as arithmetic_check
from export.proof.check import CheckResult, NotMade, Results
from export.proof.compare import compare_outputs
from export.proof.foreign import graph_check
from export.proof.foreign.evidence import ForeignEvidence
from export.proof.foreign.grids import RangeFound, ranges
from export.proof.foreign.skeleton import Skeleton, enlarged_db, skeleton
from export.proof.tolerances import ENLARGED_PARITY, FOREIGN_CLIPPING, FOREIGN_EXCESS, STORAGE
from export.runtime.run_file import written
from export.scheme import FLOAT32, INT8, W8A16, Scheme
from zoo.errors import OutsideError

# SQNR of the file's graph with the model's constants, below which its activations are not the model's.
COMPARABLE_DB = 20.0


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What the checks of a file gave.

    Attributes:
        checks: the results.
        not_made: why the others were not made, by their id.
        comparisons: of the outputs with the model's, by name.
        skeleton: the file's graph with the model's constants.
        ranges: the file's ranges and the values that the samples give.
        graph: differences between its graph and our converter's.
        layers: the layers that tensors of the file belong to, by the first part of a tensor's name.
    """

    checks: Results
    not_made: Mapping[str, NotMade]
    comparisons: Mapping[str, Comparison]
    skeleton: Skeleton
    ranges: tuple[RangeFound, ...]
    graph: tuple[str, ...]
    layers: Mapping[str, str]

    def passed(self, id: str) -> bool:
        """Return whether a check was made and passed."""
        results = [check.passed for check in self.checks if check.id == id]
        return bool(results) and all(results)


def required(scheme: Scheme, unread: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the ids of the checks that a file must pass to be proven.

    Args:
        scheme: what the file's stored types amount to.
        unread: its rounded activations whose grids cannot be judged.
    """
    compared = ("parity",) if scheme == FLOAT32 else ("fidelity", "structure", "storage")
    return (*compared, *(("arithmetic", "ranges") if scheme in (INT8, W8A16) or unread else ()))


def make_all(evidence: ForeignEvidence) -> Findings:
    """Return the results of all checks of a file."""
    built = skeleton(evidence)
    compared = compare_outputs(
        evidence.expected,
        evidence.file.real,
        evidence.scheme,
        has_thresholds=evidence.is_judged,
        kinds=evidence.kinds,
    )
    graph = graph_check.differences(evidence)
    known = layers(evidence, built)
    found: tuple[RangeFound, ...] = ()
    trouble = ""
    try:
        found = ranges(evidence, built.capped)
    except (OutsideError, ConversionError) as error:
        trouble = str(error)
    makers: Mapping[str, Callable[[], Results | NotMade]] = {
        "parity": lambda: _parity(evidence, compared.checks),
        "fidelity": lambda: _fidelity(evidence, compared.checks),
        "structure": lambda: graph_check.check(evidence, built, graph),
        "storage": lambda: _storage(evidence),
        "arithmetic": lambda: _arithmetic(evidence, known),
        "ranges": lambda: NotMade(trouble, is_missing=True) if trouble else _ranges(evidence, found, known, built),
    }
    made = {id: maker() for id, maker in makers.items()}
    results = [one for one in made.values() if not isinstance(one, NotMade)]
    return Findings(
        checks=sum(results, ()),
        not_made={id: one for id, one in made.items() if isinstance(one, NotMade)},
        comparisons=compared.comparisons,
        skeleton=built,
        ranges=found,
        graph=graph or (),
        layers=known,
    )


def _parity(evidence: ForeignEvidence, checks: Results) -> Results | NotMade:
    if evidence.scheme != FLOAT32:
        return NotMade("only float32 files equal the Keras model up to rounding")
    if evidence.enlarged is None:
        return checks
    subject, reason = f"inputs enlarged {TIMES} times", ENLARGED_PARITY.reason
    try:
        value = enlarged_db(evidence, evidence.file.content) or 0.0
    except OutsideError as error:
        return (*checks, CheckResult.stated("parity", subject, str(error), passed=False))
    least = ENLARGED_PARITY.min_sqnr_db
    more = CheckResult.at_least(least, value, id="parity", subject=subject, quantity="SQNR", unit="dB", reason=reason)
    return (*checks, more)


def _fidelity(evidence: ForeignEvidence, checks: Results) -> Results | NotMade:
    if evidence.scheme == FLOAT32:
        return NotMade("a float32 file is checked for parity")
    if checks:
        return checks
    trained = evidence.run.subject.weights.trained
    return NotMade(f"the {'samples are noise' if trained else 'weights are untrained'}, so no threshold applies")


def _storage(evidence: ForeignEvidence) -> Results | NotMade:
    """Check that the constants are the model's, rounded to the finest grid that the maker's choices allow."""
    pairing = evidence.pairing
    if pairing is None or evidence.file.opened is None:
        return NotMade(evidence.file.trouble, is_missing=True)
    if not evidence.original.constants:
        why = evidence.original.trouble or "the model has no weights"
        return NotMade(f"there are no constants to compare with: {why}", is_missing=True)
    left = [*pairing.unknown, *pairing.missing]
    wrong = [one for one in evidence.differences if one.is_wrong]
    if left and not wrong:
        names = f"the {left[0].role} of {left[0].place}"
        return NotMade(f"{len(left)} constants have no counterpart, such as {names}", is_missing=True)
    worst = max(evidence.differences, key=lambda one: one.steps, default=None)
    assert worst is not None  # there are constants on one side at least
    subject = worst.name if wrong else f"{len(evidence.differences)} constants"
    steps = min(worst.steps, 1e300)
    return (CheckResult.at_most(STORAGE, steps, id="storage", subject=subject, quantity="worst error", unit="steps"),)


def _arithmetic(evidence: ForeignEvidence, known: Mapping[str, str]) -> Results | NotMade:
    """Check that every integer operator computes what the same operator does in float, on the file's own numbers."""
    file = evidence.file
    if file.opened is not None and file.opened.unread:
        return NotMade(file.opened.unread[0], is_missing=True)
    if evidence.scheme not in (INT8, W8A16):
        return NotMade("its operators compute in float")
    if file.opened is None:
        return NotMade(file.trouble, is_missing=True)
    try:
        float_path = written(evidence.run.work, f"float{file.format.suffix}", file.opened.in_float())
    except ConversionError as error:
        return NotMade(str(error), is_missing=True)
    found, *reached = arithmetic_check.check(file.path, float_path, evidence.probe, camera_bytes=False)
    if found.value is None and file.opened.twice:
        return NotMade(file.opened.twice[0], is_missing=True)
    op, _, tensor = found.subject.partition(" ")
    named = replace(found, subject=f"{op} {layer_of(known, tensor)}") if found.value is not None else found
    return (named, *reached)


def _ranges(
    evidence: ForeignEvidence, found: tuple[RangeFound, ...], known: Mapping[str, str], built: Skeleton
) -> Results | NotMade:
    """Check that no activation's range is far wider than its values, or cuts them off."""
    if evidence.file.opened is not None and evidence.file.opened.unread:
        return NotMade(evidence.file.opened.unread[0], is_missing=True)
    if evidence.scheme not in (INT8, W8A16):
        return NotMade("files of this precision store no ranges of activations")
    if not evidence.run.samples.probe.real:
        return NotMade("the samples are noise, so the ranges of activations mean nothing")
    if built.sqnr_db < COMPARABLE_DB:
        return NotMade("its graph with the model's constants computes other activations", is_missing=True)
    if not found:
        return NotMade("no activation has a grid of its own", is_missing=True)
    wide = max(found, key=lambda one: one.excess)
    cut = min(found, key=lambda one: one.clipped_db)
    return (
        CheckResult.at_most(
            FOREIGN_EXCESS,
            min(wide.excess, 1e300),
            id="ranges",
            subject=layer_of(known, wide.grid.place),
            quantity="width of the stored range, times that of its values",
        ),
        CheckResult.at_least(
            FOREIGN_CLIPPING.least,
            cut.clipped_db,
            id="ranges",
            subject=layer_of(known, cut.grid.place),
            quantity="SQNR of the values within the stored range",
            unit="dB",
            reason=FOREIGN_CLIPPING.reason,
        ),
    )


def layers(evidence: ForeignEvidence, built: Skeleton) -> dict[str, str]:
    """Return the layers that tensors of the file belong to, by the first part of a tensor's name."""
    known = {layer.name: layer.name for layer in evidence.run.subject.model._flatten_layers(include_self=False)}
    known |= {tensor.split(";")[0]: layer for tensor, layer in built.layers.items()}
    for pair in evidence.pairing.pairs if evidence.pairing is not None else ():
        known |= dict.fromkeys((name.split(";")[0] for name in (pair.stored.place, pair.stored.name)), pair.layer)
    return known


def layer_of(known: Mapping[str, str], tensor: str) -> str:
    """Return the layer that a tensor of the file belongs to, by values or by name, or the first part of its name."""
    short = tensor.split(";")[0]
    words = [word for word in re.split("[/:]", short) if word]
    numbered = [re.sub(r"_\d+$", "", word) for word in words]  # TensorFlow appends a number to repeated names
    return next((known[word] for word in (short, *words, *numbered) if word in known), short)
