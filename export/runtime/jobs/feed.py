"""Convert a sample to the stored types of a file's inputs."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from calibration.samples import Array, Samples
from export.model.tensor_spec import TensorSpec
from zoo.errors import UsageProblemError


class Fed(Protocol):
    """A file, or a session that runs it."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Its inputs as it declares them."""
        ...


def feed(session: Fed, samples: Samples, index: int, camera_bytes: bool) -> dict[str, Array]:
    """Return one sample in the stored types of the file's inputs, batch 1.

    Raises:
        UsageProblemError: the file and the samples have different input names.
    """
    if {spec.name for spec in session.inputs} != set(samples.inputs):
        wanted = ", ".join(spec.name for spec in session.inputs)
        raise UsageProblemError(
            f"the file's inputs are {wanted}, but the samples have {', '.join(samples.inputs)}; give samples with the "
            "names of the file's inputs"
        )
    fed = {}
    photo = samples.photo_input if camera_bytes else None
    for spec in session.inputs:
        # Inputs other than the photo may be uint8, too.
        if spec.name == photo and spec.dtype == "uint8" and samples.photos is not None:
            fed[spec.name] = np.ascontiguousarray(samples.photos[index : index + 1])
        else:
            fed[spec.name] = spec.quantize(np.asarray(samples.inputs[spec.name][index : index + 1]))
    return fed
