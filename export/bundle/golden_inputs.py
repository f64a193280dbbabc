"""Check the golden inputs: they follow from the golden photos, and are what the manifest calls them, real or noise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from calibration.inputs import InputSpec
from calibration.sources import noise
from calibration.sources.request import Request
from export.bundle import golden_photo
from export.bundle.completeness import reasons, results
from export.bundle.golden import Golden
from export.bundle.read import Delivered
from export.proof.check import CheckResult
from zoo import inputs

FEWEST_FLOATS = 8
MOST_DRAWS = 1000  # of each set of samples, whatever a manifest says


def check(delivered: Delivered, golden: Golden) -> tuple[CheckResult, ...]:
    """Check the golden inputs against the manifest's preprocessing and against what it says of their origin."""
    wrong = [*reasons(_origin, delivered, golden), *reasons(_variation, golden)]
    photo = [*reasons(golden_photo.problems, delivered, golden)]
    return (
        *_preprocessing(delivered, golden),
        *(CheckResult.stated("preprocessing", "the full-size photo", reason, passed=False) for reason in photo),
        *results("consistency", "the golden inputs", wrong, "they vary, and are real or noise as the manifest says"),
    )


def _origin(delivered: Delivered, golden: Golden) -> Iterator[str]:
    """Yield whether the inputs are not what `probe.real` says: the noise of the recipe's seed, or something else."""
    recipe, probe = delivered.manifest["recipe"], delivered.manifest["probe"]
    generated = {*inputs.made_up(delivered.inputs), *delivered.manifest["state"]}
    given = {name: values for name, values in golden.inputs.items() if name not in generated}
    if recipe["streaming"] or not given:
        return
    request = Request(
        inputs={name: InputSpec(shape=values.shape[1:], dtype=str(values.dtype)) for name, values in given.items()},
        contracts={name: one for name, one in delivered.inputs.items() if name in given},
        counts=(min(recipe["calibration_count"], MOST_DRAWS), min(probe["count"], MOST_DRAWS)),
        seed=probe["seed"],
    )
    is_noise = noise.draws(request, {name: values[0] for name, values in given.items()})
    # A few tokens or other whole numbers may equal a random sample by chance.
    floats = sum(values[0].size for values in given.values() if values.dtype.kind == "f")
    if is_noise == delivered.real and (floats >= FEWEST_FLOATS or not is_noise):
        kind = "are" if is_noise else "are not"
        yield f"probe.real is {delivered.real}, but the golden inputs {kind} the noise of the seed {probe['seed']}"


def _variation(golden: Golden) -> Iterator[str]:
    """Yield whether all samples are equal, so that a constant output would pass."""
    rows = {
        b"".join(np.ascontiguousarray(values[row]).tobytes() for values in golden.inputs.values())
        for row in range(len(golden))
    }
    if len(golden) > 1 and len(rows) == 1:
        yield "all golden inputs are equal, so they prove nothing"


def _preprocessing(delivered: Delivered, golden: Golden) -> tuple[CheckResult, ...]:
    """Check that the manifest's scale and offset convert the golden photos to the golden inputs."""
    preprocessing, photos = delivered.preprocessing, golden.photos
    values = golden.inputs.get(delivered.photo_input or "")
    if preprocessing is None or photos is None or values is None:
        return ()
    channels = {1, photos.shape[-1]}
    fits = photos.shape == values.shape and {len(preprocessing.scale), len(preprocessing.offset)} <= channels
    # The tolerance allows for float32 rounding of byte * scale + offset.
    same = fits and bool(np.allclose(preprocessing.normalise(photos), values, rtol=1e-5, atol=1e-5))
    reason = f"{'convert' if same else 'do not convert'} the golden photos to the golden inputs"
    return (CheckResult.stated("preprocessing", "the manifest's scale and offset", reason, passed=same),)
