"""A .keras file as the training finds it: one that was trained before, or one that a user has built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from export.model.graph import Graph, copy
from export.model.subject import subject_of_file
from training.starting import Start
from zoo import own_file
from zoo.errors import UsageProblemError
from zoo.weights import RANDOM_REQUESTED

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject
    from training.recipe import TrainingRecipe


class OwnFile:
    """The network of a .keras file.

    Attributes:
        title: for the reader.
        task: what it is for.
        model: what the file holds.
    """

    def __init__(self, recipe: TrainingRecipe) -> None:
        """Read the file.

        Raises:
            UsageProblemError: as `export.model.subject.subject_of_file`; or nobody says how photos become the input.
        """
        path = Path(recipe.model).expanduser()
        if recipe.options or recipe.weights not in (None, "random"):
            raise UsageProblemError(f"--set and --weights TAG are for names of the zoo; {path.name} is what it is")
        self._subject: Subject = subject_of_file(path, recipe.preprocessing)
        self.model = self._subject.model
        self._weights = recipe.weights
        self.title, self.task = self._subject.title, self._subject.task or _task(self._subject)
        facts = own_file.read(path)
        self._architecture = facts.architecture if facts else self._subject.name

    def start(self, told: Mapping[str, Any], classes: Sequence[str]) -> Start:
        """Return the network for these classes; with other ones than before it gets a new last layer.

        Raises:
            UsageProblemError: its last layer cannot be replaced.
        """
        subject = self._subject
        assert subject.preprocessing is not None  # as `_task` has seen, or the file says
        model, new, weights = subject.model, tuple[str, ...](), subject.weights
        if self.task != "classification":
            _check_same(subject, classes)
        elif model.output_shape[-1] != len(classes) or (subject.labels and subject.labels != tuple(classes)):
            model, head = _with_new_head(model, len(classes))
            new = (head,)
        if reason := RANDOM_REQUESTED if self._weights else _untrained(model):
            import keras

            model = keras.models.clone_model(model)
            weights = replace(weights, name="random", trained=False, source="drawn", reason=reason)
        return Start(
            model=model,
            detection=subject.detection,
            inputs=subject.inputs,
            weights=weights,
            new=new,
            architecture=self._architecture,
            title=subject.title.partition(", trained on")[0],
            task=self.task,
            history=subject.history,
        )


def _task(subject: Subject) -> str:
    """Return what a network is for that does not say it."""
    if subject.preprocessing is None:
        raise UsageProblemError(
            f"{subject.title} does not say how photos become its input; add --preprocessing, for example "
            "--preprocessing unit if it was made for bytes / 255"
        )
    shapes = [tensor.shape for tensor in subject.model.outputs]
    if len(shapes) != 1 or len(shapes[0]) != 2 or shapes[0][-1] < 2:
        raise UsageProblemError(
            f"{subject.title} has outputs of the shapes {', '.join(map(str, shapes))}; of the networks that are not of "
            "the zoo, only classifiers can be trained: one output (batch, classes)"
        )
    return "classification"


def _untrained(model: keras.Model) -> str:
    """Return why the weights must be taken as drawn: every bias and every batch norm is as it was made."""
    vectors = [weight.numpy() for weight in model.weights if len(weight.shape) == 1]
    made = all(np.ptp(vector) == 0 and vector[0] in (0, 1) for vector in vectors)
    return "it was never trained: every bias and every batch norm is as it was made" if vectors and made else ""


def _check_same(subject: Subject, classes: Sequence[str]) -> None:
    if subject.labels != tuple(classes):
        raise UsageProblemError(
            f"{subject.title} tells {', '.join(subject.labels)} apart, and this data has {', '.join(classes)}; start "
            "from the network's name in the zoo"
        )


def _with_new_head(model: keras.Model, classes: int) -> tuple[keras.Model, str]:
    """Return a copy whose last layer with weights gives so many numbers, and the name of that layer."""
    import keras

    layers = keras.layers
    told = model.output_shape[-1]
    nodes = Graph(model).nodes
    head = next((node.operation for node in reversed(nodes) if getattr(node.operation, "weights", None)), None)
    count = "filters" if isinstance(head, layers.Conv2D) else "units"
    if not isinstance(head, layers.Conv2D | layers.Dense) or getattr(head, count) != told:
        raise UsageProblemError(
            f"{model.name} ends in {getattr(head, 'name', 'no layer with weights')}, which does not give its {told} "
            f"answers; only a Dense or Conv2D layer there can be replaced by one for {classes} classes"
        )

    def replaced(layer: keras.Layer) -> keras.Layer | None:
        if layer is head:
            return type(layer).from_config({**layer.get_config(), count: classes})
        if isinstance(layer, layers.Reshape) and layer.target_shape[-1] == told:
            return layers.Reshape((*layer.target_shape[:-1], classes), name=layer.name)
        return None

    return copy(model, replaced)[0], head.name
