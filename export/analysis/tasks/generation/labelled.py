"""Photos and noise for a generative model, and the quality of its reconstructions."""

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
from zoo.inputs import Input, made_up, photo_input, preprocessing_of

OUTPUTS = ("reconstruction", "mean", "log_variance")


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Photos and noise as the model's inputs; the photos are the expected outputs.

    Attributes:
        samples: the photos, with the same noise for all files.
        image: name of the photo input.
    """

    samples: Samples
    image: str

    def scores(self, outputs: Mapping[str, Array]) -> dict[str, float]:
        """Return PSNR and ELBO of the reconstructions."""
        found = [outputs[name] for name in OUTPUTS]
        if not all(np.isfinite(values).all() for values in found):
            raise CheckFailedError("the outputs contain NaN or infinity")
        pictures = np.asarray(self.samples.inputs[self.image])
        if found[0].shape != pictures.shape:
            raise CheckFailedError(f"the reconstructions have the shape {found[0].shape}, the photos {pictures.shape}")
        return {"psnr_db": psnr_db(pictures, found[0]), "elbo": elbo(pictures, *found)}


@dataclass(frozen=True, kw_only=True)
class PictureFiles:
    """A folder of photos, not yet decoded.

    Attributes:
        folder: the folder.
        inputs: inputs of the model, by name.
        contracts: meaning of the inputs, by name.
    """

    folder: Path
    inputs: Mapping[str, InputSpec]
    contracts: Mapping[str, Input]

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> Pictures:
        """Preprocess the photos, generate noise for each, and save both in `work`."""
        generated, preprocessing = made_up(self.contracts), preprocessing_of(self.contracts)
        image = photo_input(self.contracts)
        assert preprocessing is not None  # Checked by `Generation.find`.
        assert image is not None
        given = {name: spec for name, spec in self.inputs.items() if name not in generated}
        request = Request(inputs=given, contracts=self.contracts, counts=(0, 0), seed=seed)
        stream, known = open_folder(self.folder, request), frozenset(exclude)
        assert not isinstance(stream.samples, tuple)  # One folder is one stream.
        with SetWriter(work, self.inputs, image) as writer:
            for sample in completed(stream.samples, self.inputs, generated, (seed,)):
                digest = digest_of(sample, given)
                if digest not in known:
                    writer.append(sample, digest)
        if not len(writer):
            raise UsageProblemError(f"{stream.source}: no photo can be used; give other photos than for calibration")
        samples = writer.samples(
            source=stream.source,
            seed=seed,
            preprocessing=preprocessing.record(),
            warnings=tuple(stream.warnings),
        )
        return Pictures(samples=samples, image=image)
