"""Generation: a variational autoencoder encodes each photo as a latent distribution, and decodes it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.sources.folder import image_paths
from training import photo_files, splitting
from training.phases import PHOTOS
from training.tasks.task import Parts, of_photos
from zoo import datasets, trained_on
from zoo.errors import UsageProblemError
from zoo.generation.noise import standard_normal
from zoo.generation.scores import elbo, psnr_db
from zoo.metric import ELBO, PSNR, Metric

if TYPE_CHECKING:
    from training.augmentation import Augmentation
    from training.recipe import TrainingRecipe
    from training.start import Start
    from training.tasks.task import Examples, Loss, TrainingData

_BATCH = 256


@dataclass(frozen=True, kw_only=True)
class Photos:
    """Photos without labels, from a folder or a data set.

    Attributes:
        data: path of the folder, or name of the data set.
        validation: share of the photos used for validation.
        seed: random seed of this split.
        mirrored: whether augmentation may mirror the photos.
    """

    data: str
    validation: float
    seed: int
    mirrored: bool
    classes: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """Description of the data, for records."""
        named = self.data in datasets.DATA_SETS
        return datasets.find(self.data).title if named else Path(self.data).expanduser().name

    def examples(self, start: Start, work: Path) -> Parts:
        """Return the examples, with zeros as annotations; the photos of a folder are a memory-mapped file in `work`."""
        warnings, files = tuple[str, ...](), list[bytes]()
        if self.data in datasets.DATA_SETS:
            images, _ = datasets.load(self.data, "train")
            photos = photo_files.fitted(images, start.preprocessing)
            keys = [str(index).encode() for index in range(len(photos))]
        else:
            paths = image_paths(Path(self.data).expanduser())
            photos, kept, warnings = photo_files.prepare(paths, start.preprocessing, work / "photos.npy")
            keys = files = [trained_on.of_file(paths[index]) for index in kept]
        if len(photos) < 2:
            raise UsageProblemError(f"{self.source} has only one photo; give at least two, for training and validation")
        parts = splitting.split([0] * len(photos), keys, self.validation, self.seed)
        train, validation = (of_photos(photos[indices], np.zeros(len(indices), np.uint8)) for indices in parts)
        names = ("train", "validation") if files else ()
        digests = {name: frozenset(files[at] for at in part) for name, part in zip(names, parts, strict=False)}
        return Parts(train=train, validation=validation, warnings=warnings, digests=digests)


class Generation:
    """The task of encoding photos as latent variables and reconstructing them."""

    name = "generation"
    metrics: tuple[Metric, ...] = (ELBO, PSNR)
    takes_photos = True
    what = "photos"
    least_in_an_epoch = 0
    rates = PHOTOS

    def find(self, recipe: TrainingRecipe) -> TrainingData:
        """Return the photos of the folder or data set `recipe.data`."""
        if recipe.data not in datasets.DATA_SETS:
            folder = Path(recipe.data).expanduser()
            if not folder.is_dir():
                known = ", ".join(datasets.DATA_SETS)
                raise UsageProblemError(f"--data {recipe.data!r} is neither a folder of photos nor one of {known}")
            image_paths(folder)  # raises if there are none
        mirrored = recipe.data not in datasets.DATA_SETS or datasets.find(recipe.data).mirrored
        return Photos(data=recipe.data, validation=recipe.validation, seed=recipe.seed, mirrored=mirrored)

    def options(self, classes: Sequence[str]) -> Mapping[str, Any]:
        """Return no options: there are no classes."""
        return {}

    def losses(self, start: Start) -> Sequence[Loss]:
        """Return the terms of equation 10 of Kingma and Welling 2013: reconstruction, and divergence in two parts."""
        from keras import ops

        def reconstruction(images: Any, logits: Any) -> Any:
            return ops.sum(ops.softplus(logits) - images * logits, axis=(1, 2, 3))

        def mean(_: Any, output: Any) -> Any:
            return ops.sum(ops.square(output), axis=1) / 2

        def log_variance(_: Any, output: Any) -> Any:
            return ops.sum(ops.exp(output) - 1 - output, axis=1) / 2

        return [reconstruction, mean, log_variance]

    def batch(
        self, start: Start, examples: Examples, augmentation: Augmentation | None, rng: np.random.Generator
    ) -> tuple[Any, Any]:
        """Return images and noise as inputs, and the same images as targets."""
        photos = examples.photos
        if augmentation is not None and augmentation.mirrored:
            flipped = rng.random(len(photos)) < 0.5
            photos = np.where(flipped[:, None, None, None], photos[:, :, ::-1], photos)
        images = start.preprocessing.normalise(photos)
        unused = np.zeros((len(images), 1), np.float32)
        return (images, standard_normal(start.model, len(images), rng)), (images, unused, unused)

    def evaluate(self, start: Start, examples: Examples) -> dict[str, float]:
        """Return the mean evidence lower bound in nats and the PSNR of the reconstructions in dB, per image."""
        rng = np.random.default_rng(0)
        bounds, psnrs, counts = [], [], []
        for begin in range(0, len(examples), _BATCH):
            images = start.preprocessing.normalise(np.asarray(examples.photos[begin : begin + _BATCH]))
            noise = standard_normal(start.model, len(images), rng)
            logits, mean, log_variance = start.model.predict_on_batch([images, noise])
            bounds.append(elbo(images, logits, mean, log_variance))
            psnrs.append(psnr_db(images, logits))
            counts.append(len(images))
        means = {"elbo": np.average(bounds, weights=counts), "psnr_db": np.average(psnrs, weights=counts)}
        return {key: float(value) for key, value in means.items()}

    def draw(self, start: Start, examples: Examples, classes: Sequence[str], folder: Path) -> tuple[str, ...]:
        """Draw no pictures."""
        return ()


GENERATION = Generation()
