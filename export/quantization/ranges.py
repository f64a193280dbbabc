"""The ranges of a float file's activations, observed in its runtime on the calibration samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from calibration import observers
from calibration.ranges import Range, Ranges
from export import cache, process
from export.cache import NO_CACHE, Cache
from export.progress import Counted, uncounted
from export.quantization.tensor_map import FileTensors
from export.runtime.file_content import digest
from export.runtime.jobs import observe as jobs

WHOLE = "min-max"  # The ranges as observed, without clipping.


@dataclass(frozen=True, kw_only=True)
class Observation:
    """The observed ranges of a float file's activations.

    Attributes:
        ranges: range of each tensor.
        stability: difference between the ranges of two halves of the samples; None with one sample.
        tensors: what the activations of the first samples look like.
        headroom: what 8 bits should add to the ends of each range for other samples.
    """

    ranges: Ranges
    stability: Mapping[str, Any] | None
    tensors: FileTensors
    headroom: Mapping[str, Range] = field(default_factory=dict)

    def raised_to(self, lowest: Mapping[str, float]) -> Observation:
        """Return the observation with ranges that do not reach below `lowest`, by tensor."""
        by_tensor = {
            name: (max(low, lowest.get(name, low)), max(high, lowest.get(name, high)))
            for name, (low, high) in self.ranges.by_tensor.items()
        }
        return replace(self, ranges=replace(self.ranges, by_tensor=by_tensor))


def observe(
    path: Path,
    samples: Path,
    observer: str,
    kept: Cache = NO_CACHE,
    samples_digest: str | None = None,
    counted: Counted = uncounted,
) -> Observation:
    """Run a float file on saved samples and return the ranges of its activations; `SENSITIVITY` starts from min-max.

    Args:
        path: of the float file.
        samples: folder of the saved samples.
        observer: its name.
        kept: results of earlier exports.
        samples_digest: of the samples.
        counted: is called with the number of samples that are done.

    Raises:
        UsageProblemError: this model's activations cannot be observed.
    """
    name = WHOLE if observer == observers.SENSITIVITY else observer
    result = cache.name_of("observe", digest(path), samples_digest, name)
    job = partial(process.call, jobs.observe, counted=counted, path=path, samples=samples, observer=name)
    answer = kept.record(result, job)
    return Observation(
        ranges=Ranges.from_record(answer["ranges"]),
        stability=answer["stability"],
        tensors=FileTensors.from_record(answer),
        headroom={name: (float(low), float(high)) for name, (low, high) in answer["headroom"].items()},
    )
