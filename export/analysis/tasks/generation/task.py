"""The task generation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from calibration.inputs import InputSpec
from calibration.sources.folder import image_paths
from export.analysis.tasks.generation.labelled import OUTPUTS, PictureFiles
from export.analysis.tasks.task import WithoutPredictions
from export.model import signature
from zoo.errors import UsageProblemError
from zoo.metric import ELBO, PSNR, Metric

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject


class Generation(WithoutPredictions):
    """Reconstruction of photos from a latent distribution."""

    name = "generation"
    metrics: tuple[Metric, ...] = (PSNR, ELBO)
    examples = "a folder of photos"
    takes_photos = True
    makes_pictures = False

    def suits(self, model: keras.Model) -> bool:
        """Return whether the outputs have the names of a variational autoencoder's outputs."""
        return tuple(spec.name for spec in signature.outputs(model)) == OUTPUTS

    def find(self, subject: Subject, source: str) -> PictureFiles:
        """Return the photos in the folder `source`."""
        inputs = {
            spec.name: InputSpec(shape=spec.shape[1:], dtype=spec.dtype) for spec in signature.inputs(subject.model)
        }
        if subject.preprocessing is None or not self.suits(subject.model) or not subject.made_up_inputs:
            raise UsageProblemError(
                "--evaluate with pictures needs an autoencoder of the zoo, whose preprocessing and noise input are "
                "known; leave --evaluate out"
            )
        folder = Path(source).expanduser()
        image_paths(folder)  # Raises for a folder without photos.
        return PictureFiles(folder=folder, inputs=inputs, contracts=subject.inputs)


GENERATION = Generation()
