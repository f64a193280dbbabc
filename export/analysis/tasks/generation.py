"""Generation: a photo and noise in, its picture and the latent point's distribution out, judged by PSNR and ELBO."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration.inputs import InputSpec
from calibration.made_up import completed
from calibration.samples import Array, Samples
from calibration.sources.folder import image_paths, open_folder
from calibration.sources.request import Request
from calibration.store import SetWriter, digest_of
from export.model import signature
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.generation.scores import elbo, psnr_db
from zoo.inputs import Input, made_up, preprocessing_of
from zoo.metric import ELBO, PSNR, Metric

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject

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


class Generation:
    """What a photo is made of: a latent point, and the picture that it means."""

    name = "generation"
    metrics: tuple[Metric, ...] = (PSNR, ELBO)
    examples = "a folder of photos"

    def suits(self, model: keras.Model) -> bool:
        """Whether the outputs have the names of a variational autoencoder's."""
        return tuple(spec.name for spec in signature.outputs(model)) == OUTPUTS

    def find(self, subject: Subject, source: str) -> PictureFiles:
        """Return the photos in the folder `source`."""
        inputs = {
            spec.name: InputSpec(shape=spec.shape[1:], dtype=spec.dtype) for spec in signature.inputs(subject.model)
        }
        if subject.preprocessing is None or not self.suits(subject.model) or not subject.made_up_inputs:
            raise UsageProblemError(
                "--evaluate with pictures is for autoencoders of the zoo, which say how a photo becomes their input "
                "and which of their inputs is noise"
            )
        folder = Path(source).expanduser()
        image_paths(folder)  # refuses a folder without any
        return PictureFiles(folder=folder, inputs=inputs, contracts=subject.inputs)


GENERATION = Generation()
