"""Photos and noise, and how well the pictures of a generative model match the photos."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.inputs import InputSpec
from calibration.random_inputs import completed
from calibration.samples import Array, Samples
from calibration.sources.folder import open_folder
from calibration.sources.request import Request
from calibration.store import SetWriter, digest_of
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.generation.scores import elbo, psnr_db
from zoo.inputs import Input, made_up, preprocessing_of

OUTPUTS = ("reconstruction", "mean", "log_variance")


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Photos and noise as the model's inputs; the photos themselves are the truth.

    Attributes:
        samples: with the noise that all files are given.
        image: name of the input of photos.
    """

    samples: Samples
    image: str

    def scores(self, outputs: Mapping[str, Array]) -> dict[str, float]:
        """Return PSNR and ELBO of the pictures of the points that the noise picks."""
        found = [outputs[name] for name in OUTPUTS]
        if not all(np.isfinite(values).all() for values in found):
            raise CheckFailedError("an answer holds NaN or infinity")
        pictures = np.asarray(self.samples.inputs[self.image])
        if found[0].shape != pictures.shape:
            raise CheckFailedError(f"pictures of the shape {found[0].shape} of photos of {pictures.shape}")
        return {"psnr_db": psnr_db(pictures, found[0]), "elbo": elbo(pictures, *found)}


@dataclass(frozen=True, kw_only=True)
class PictureFiles:
    """A folder of photos, and what they are for.

    Attributes:
        folder: of the photos.
        inputs: of the model, by name.
        contracts: what they mean, by name.
    """

    folder: Path
    inputs: Mapping[str, InputSpec]
    contracts: Mapping[str, Input]

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> Pictures:
        """Prepare the photos in `work`, each with its noise."""
        beside, preprocessing = made_up(self.contracts), preprocessing_of(self.contracts)
        assert preprocessing is not None  # the task has looked
        given = {name: spec for name, spec in self.inputs.items() if name not in beside}
        request = Request(inputs=given, contracts=self.contracts, counts=(0, 0), seed=seed)
        stream, known = open_folder(self.folder, request), frozenset(exclude)
        assert not isinstance(stream.samples, tuple)  # one folder, one stream
        with SetWriter(work, self.inputs, preprocessing.shape) as writer:
            for sample in completed(stream.samples, self.inputs, beside, (seed,)):
                digest = digest_of(sample, given)
                if digest not in known:
                    writer.append(sample, digest)
        if not len(writer):
            raise UsageProblemError(f"{stream.source}: none can be used; give photos that did not calibrate")
        samples = writer.samples(
            source=stream.source,
            seed=seed,
            preprocessing=preprocessing.record(),
            warnings=tuple(stream.warnings),
        )
        return Pictures(samples=samples, image=next(iter(given)))
