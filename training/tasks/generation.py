"""Generation: a photo in, where it lies among all photos, and the picture that lies there, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.sources.folder import image_paths
from training import photo_files, splitting
from training.tasks.task import Examples, Parts
from zoo import datasets
from zoo.errors import UsageProblemError
from zoo.generation.noise import standard_normal
from zoo.generation.scores import elbo, psnr_db
from zoo.metric import ELBO, PSNR, Metric
from zoo.weights import sources

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.recipe import TrainingRecipe
    from training.starting import Start
    from training.tasks.task import Lesson, Loss
    from training.variations import Variations
    from zoo.preprocessing import Preprocessing

_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True)
class Photos:
    """Photos without labels: of a folder, or of a data set.

    Attributes:
        data: the folder, or the data set's name.
        validation: share that judges.
        seed: of that choice.
        mirrored: whether a mirror image is as good.
    """

    data: str
    validation: float
    seed: int
    mirrored: bool
    classes: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """A sentence for the record."""
        named = self.data in datasets.DATA_SETS
        return datasets.find(self.data).title if named else Path(self.data).expanduser().name

    def examples(self, preprocessing: Preprocessing, work: Path) -> Parts:
        """Return the photos, prepared in `work`; nothing is to be known of them."""
        warnings: tuple[str, ...] = ()
        if self.data in datasets.DATA_SETS:
            images, _ = datasets.load(self.data, "train")
            photos = photo_files.fitted(images, preprocessing)
            keys = [str(index).encode() for index in range(len(photos))]
        else:
            paths = image_paths(Path(self.data).expanduser())
            photos, kept, warnings = photo_files.prepare(paths, preprocessing, work / "photos.npy")
            keys = [sources.digest([paths[index]], "sha256").encode() for index in kept]
        if len(photos) < 2:
            raise UsageProblemError(f"{self.source} holds one photo; give some to learn from and some to judge by")
        parts = splitting.split([0] * len(photos), keys, self.validation, self.seed)
        train, validation = (
            Examples(photos=photos[indices], answers=np.zeros(len(indices), np.uint8)) for indices in parts
        )
        return Parts(train=train, validation=validation, warnings=warnings)


class Generation:
    """What a photo is made of: a latent point, and the picture that it means."""

    name = "generation"
    metrics: tuple[Metric, ...] = (ELBO, PSNR)

    def find(self, recipe: TrainingRecipe) -> Lesson:
        """Return the photos of the folder or data set `recipe.data`."""
        if recipe.data not in datasets.DATA_SETS:
            folder = Path(recipe.data).expanduser()
            if not folder.is_dir():
                known = ", ".join(datasets.DATA_SETS)
                raise UsageProblemError(f"--data {recipe.data!r} is no folder of photos, and none of {known}")
            image_paths(folder)  # refuses a folder without any
        mirrored = recipe.data not in datasets.DATA_SETS or datasets.find(recipe.data).mirrored
        return Photos(data=recipe.data, validation=recipe.validation, seed=recipe.seed, mirrored=mirrored)

    def options(self, classes: Sequence[str]) -> Mapping[str, Any]:
        """Return nothing: there are no classes."""
        return {}

    def losses(self, start: Start) -> Sequence[Loss]:
        """Return equation 10 of the paper by outputs: the picture, and the two halves of the divergence."""
        from keras import ops

        def picture(images: Any, logits: Any) -> Any:
            return ops.sum(ops.softplus(logits) - images * logits, axis=(1, 2, 3))

        def mean(_: Any, found: Any) -> Any:
            return ops.sum(ops.square(found), axis=1) / 2

        def log_variance(_: Any, found: Any) -> Any:
            return ops.sum(ops.exp(found) - 1 - found, axis=1) / 2

        return [picture, mean, log_variance]

    def batch(
        self,
        start: Start,
        photos: NDArray[np.uint8],
        answers: NDArray[Any],
        variations: Variations | None,
        rng: np.random.Generator,
    ) -> tuple[Any, Any]:
        """Return the images and noise, and the images again: they are what it should draw."""
        if variations is not None and variations.mirrored:
            turned = rng.random(len(photos)) < 0.5
            photos = np.where(turned[:, None, None, None], photos[:, :, ::-1], photos)
        images = start.preprocessing.normalise(photos)
        nothing = np.zeros((len(images), 1), np.float32)
        return (images, standard_normal(start.model, len(images), rng)), (images, nothing, nothing)

    def judge(self, start: Start, examples: Examples) -> dict[str, float]:
        """Return the bound in nats an image, and how near the drawn pictures are."""
        rng = np.random.default_rng(0)
        bounds, nearness, counts = [], [], []
        for begin in range(0, len(examples), _AT_ONCE):
            images = start.preprocessing.normalise(np.asarray(examples.photos[begin : begin + _AT_ONCE]))
            noise = standard_normal(start.model, len(images), rng)
            logits, mean, log_variance = start.model.predict_on_batch([images, noise])
            bounds.append(elbo(images, logits, mean, log_variance))
            nearness.append(psnr_db(images, logits))
            counts.append(len(images))
        means = {"elbo": np.average(bounds, weights=counts), "psnr_db": np.average(nearness, weights=counts)}
        return {key: float(value) for key, value in means.items()}

    def draw(self, start: Start, examples: Examples, classes: Sequence[str], folder: Path) -> tuple[str, ...]:
        """Draw nothing."""
        return ()


GENERATION = Generation()
