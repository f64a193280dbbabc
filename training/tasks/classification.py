"""Classification: predicts one of several classes for each photo or text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training import pictures
from training.phases import PHOTOS
from training.tasks.labelled_photos import find_labelled
from training.tasks.prediction import predictions
from zoo.metric import TOP1, Metric

if TYPE_CHECKING:
    import keras

    from training.augmentation import Augmentation
    from training.recipe import TrainingRecipe
    from training.start import Start
    from training.tasks.task import Examples, Loss, TrainingData

CONFUSION = "confusion.png"


class Classification:
    """The task of predicting which of several classes a photo shows."""

    name = "classification"
    metrics: tuple[Metric, ...] = (TOP1,)
    takes_photos = True
    what = "photos"
    least_in_an_epoch = 0
    rates = PHOTOS

    def find(self, recipe: TrainingRecipe) -> TrainingData:
        """Return the photos that `recipe.data` names: a folder for each class, a CSV, or a data set."""
        return find_labelled(recipe)

    def options(self, classes: Sequence[str]) -> Mapping[str, Any]:
        """Return the number of logits."""
        return {"classes": len(classes)}

    def losses(self, start: Start) -> Sequence[Loss]:
        """Return the cross-entropy of the logits, or of the probabilities if the network ends in softmax."""
        import keras

        return [keras.losses.SparseCategoricalCrossentropy(from_logits=not _gives_probabilities(start.model))]

    def batch(
        self, start: Start, examples: Examples, augmentation: Augmentation | None, rng: np.random.Generator
    ) -> tuple[Any, Any]:
        """Return the inputs and the class indices."""
        photos = examples.photos
        if augmentation is not None:
            photos, _ = augmentation.moved(augmentation.lit(photos, rng), None, rng)
        return start.preprocessing.normalise(photos), examples.annotations

    def evaluate(self, start: Start, examples: Examples) -> dict[str, float]:
        """Return the top-1 accuracy."""
        return {"top1": float((_predicted_classes(start, examples) == examples.annotations).mean())}

    def draw(self, start: Start, examples: Examples, classes: Sequence[str], folder: Path) -> tuple[str, ...]:
        """Draw the confusion matrix."""
        counts = np.zeros((len(classes), len(classes)), np.int64)
        np.add.at(counts, (examples.annotations, _predicted_classes(start, examples)), 1)
        pictures.confusion(counts, classes, folder / CONFUSION)
        return (CONFUSION,)


def _gives_probabilities(model: keras.Model) -> bool:
    import keras

    last = model.outputs[0]._keras_history.operation
    return isinstance(last, keras.layers.Softmax) or getattr(last, "activation", None) is keras.activations.softmax


def _predicted_classes(start: Start, examples: Examples) -> Any:
    """Return the class with the largest logit for each example, (N,)."""
    return np.concatenate([logits.argmax(-1) for logits in predictions(start, examples)])


CLASSIFICATION = Classification()
