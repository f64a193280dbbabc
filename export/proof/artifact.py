"""One file of an export and everything measured about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from export.formats.requirements import Requirements
from export.formats.session import OpCount
from export.metrics import Comparison
from export.model.tensor_spec import TensorSpec
from export.proof.check import CheckResult, NotMade
from export.proof.greedy_continuation import GreedyContinuation
from export.recipe import Width
from export.runtime.file_content import NOTHING, FileContent
from export.scheme import Scheme


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A file of one format and one scheme, or the reason why it could not be built.

    Attributes:
        name: of the model.
        format: its name.
        scheme: how it stores and computes numbers.
        suffix: of the file.
        content: of the file; empty if it could not be made.
        inputs: as the file declares them.
        outputs: as the file declares them.
        comparisons: of the file with the Keras model, by output name.
        checks: results of all checks.
        not_made: why the other checks of the registry were not made, by their id.
        census: operators as the runtime executes them.
        requirements: releases of the runtime that load it; None if it could not be run.
        raised: layers in higher precision than the scheme, by the Keras layer's name.
        may_be_reconstructed: whether weights were rounded to nearest only because the recipe disables reconstruction.
        takes_camera_bytes: whether the input is a photo's unscaled bytes.
        continuation: for how many tokens it writes what the model would write; None where it writes no text, or the
            network is untrained.
        p50_ms: median time of one inference, one thread; None if it could not be run.
        p90_ms: 90th percentile of the same times.
        scores: the task's metrics on labelled data, by name; None without labelled data.
        diagnosis: error of each layer; None unless `--diagnose` requests it.
        trouble: why the file could not be built or run; empty if it could.
        is_compared_only: whether only its outputs and weights were compared, not its graph and grids.
        is_delivered_unproven: whether it is delivered although it could not be run, as requested.
        notes: sentences for the reader about a file that passed.
    """

    name: str
    format: str
    scheme: Scheme
    suffix: str
    content: FileContent = NOTHING
    inputs: Sequence[TensorSpec] = ()
    outputs: Sequence[TensorSpec] = ()
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    checks: tuple[CheckResult, ...] = ()
    not_made: Mapping[str, NotMade] = field(default_factory=dict)
    census: tuple[OpCount, ...] = ()
    requirements: Requirements | None = None
    raised: Mapping[str, Width] = field(default_factory=dict)
    may_be_reconstructed: bool = False
    takes_camera_bytes: bool = False
    continuation: GreedyContinuation | None = None
    p50_ms: float | None = None
    p90_ms: float | None = None
    scores: Mapping[str, float] | None = None
    diagnosis: Mapping[str, Any] | None = None
    trouble: str = ""
    is_delivered_unproven: bool = False
    is_compared_only: bool = False
    notes: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """`mobilenet-int8.tflite`."""
        return f"{self.name}-{self.scheme}{self.suffix}"

    @property
    def failures(self) -> tuple[str, ...]:
        """All reasons why the file is not delivered."""
        troubles = (self.trouble,) if self.trouble else ()
        return (*troubles, *(str(check) for check in self.checks if not check.passed))

    @property
    def float_ops(self) -> dict[str, int]:
        """Operators that compute in float, by name."""
        return {op.op: op.count for op in self.census if op.arithmetic == "float"}

    @property
    def int16_count(self) -> int:
        """Number of operators that compute on int16 activations."""
        return sum(op.count for op in self.census if op.arithmetic == "int16")

    @property
    def integer_share(self) -> float | None:
        """Fraction of the arithmetic operators that compute with integers; None if there is no such operator."""
        integer = sum(op.count for op in self.census if op.arithmetic in ("integer", "int16"))
        computing = integer + sum(self.float_ops.values())
        return integer / computing if computing else None

    def record(self) -> dict[str, Any]:
        """Return plain data for a manifest."""
        return {
            "file": self.file_name,
            "format": self.format,
            "precision": str(self.scheme),
            "raised": {layer: str(width) for layer, width in self.raised.items()},
            "bytes": len(self.content),
            "sha256": self.content.sha256() if self.content else None,
            "data": self.content.data_digests(),
            "inputs": [asdict(spec) for spec in self.inputs],
            "takes_camera_bytes": self.takes_camera_bytes,
            "outputs": [asdict(spec) for spec in self.outputs],
            "comparisons": {name: comparison.record() for name, comparison in self.comparisons.items()},
            "checks": [check.record() for check in self.checks],
            "checks_not_made": [{"id": id, **one.record()} for id, one in self.not_made.items()],
            "census": [asdict(op) for op in self.census],
            "integer_share": self.integer_share,
            "requirements": asdict(self.requirements) if self.requirements else None,
            "greedy_continuation": self.continuation.record() if self.continuation else None,
            "p50_ms": self.p50_ms,
            "p90_ms": self.p90_ms,
            "scores": dict(self.scores) if self.scores else None,
            "diagnosis": self.diagnosis,
            "trouble": self.trouble,
            "compared_only": self.is_compared_only,
            "notes": list(self.notes),
            "passed": not self.failures,
        }
