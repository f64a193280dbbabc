"""A .keras file from which training starts: trained by `zoo train`, or built by the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from export.model.graph import Graph, copy
from export.model.output_kinds import SCORING_CLASSES
from export.model.subject import subject_of_file
from training.preflight import unknown_preprocessing
from training.start import Start
from zoo import own_file
from zoo.errors import UsageProblemError
from zoo.weights import RANDOM_REQUESTED

PHOTO_AXES = 4  # photos, height, width, channels

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject
    from training.recipe import TrainingRecipe


class FileStart:
    """The network of a .keras file.

    Attributes:
        title: title of the network.
        task: name of its task.
        model: the Keras model in the file.
    """

    def __init__(self, recipe: TrainingRecipe) -> None:
        """Read the file.

        Raises:
            UsageProblemError: as `export.model.subject.subject_of_file`; or the preprocessing is unknown.
        """
        path = Path(recipe.model).expanduser()
        if recipe.options or recipe.weights not in (None, "random"):
            raise UsageProblemError(f"--set and --weights TAG apply only to networks of the zoo, not to {path.name}")
        self._subject: Subject = subject_of_file(path, recipe.preprocessing)
        self.model = self._subject.model
        self._weights = recipe.weights
        self.title, self.task = self._subject.title, self._subject.task or _task(self._subject)
        facts = own_file.read(path)
        self._architecture = facts.architecture if facts else self._subject.name
        self._detection = facts.detection if facts else None
        self._trained_on = facts.trained_on if facts else frozenset()

    def start(self, options: Mapping[str, Any], classes: Sequence[str]) -> Start:
        """Return the network for `classes`; if they differ from those of the file, with a new last layer.

        Raises:
            UsageProblemError: the last layer cannot be replaced.
        """
        subject = self._subject
        model, new, weights = subject.model, tuple[str, ...](), subject.weights
        if self.task not in SCORING_CLASSES:
            _check_same(subject, classes)
        elif model.output_shape[-1] != len(classes) or (subject.labels and subject.labels != tuple(classes)):
            model, head = _with_new_head(model, len(classes))
            new = (head,)
        if reason := RANDOM_REQUESTED if self._weights else _untrained(model):
            import keras

            model = keras.models.clone_model(model)
            weights = replace(weights, name="random", trained=False, source="random", reason=reason)
        is_new = weights.name == "random"
        return Start(
            model=model,
            detection=self._detection,
            inputs=subject.inputs,
            weights=weights,
            new=new,
            architecture=self._architecture,
            title=subject.title.partition(", trained on")[0],
            task=self.task,
            history=subject.history,
            companions=subject.companions,
            trained_on=frozenset() if is_new else self._trained_on,
        )


def _task(subject: Subject) -> str:
    """Return the task of a network whose file does not record it.

    Raises:
        UsageProblemError: it takes no photo, its preprocessing is unknown, or it is no classifier.
    """
    if not any(len(tensor.shape) == PHOTO_AXES for tensor in subject.model.inputs):
        raise UsageProblemError(
            f"{subject.title} takes no photo, and it was not trained here; to learn from texts, start from a "
            "network of the zoo, such as minilm"
        )
    if subject.preprocessing is None:
        raise unknown_preprocessing(subject.title)
    shapes = [tensor.shape for tensor in subject.model.outputs]
    if len(shapes) != 1 or len(shapes[0]) != 2 or shapes[0][-1] < 2:
        raise UsageProblemError(
            f"{subject.title} has outputs of shape {', '.join(map(str, shapes))}; networks that are not of the zoo "
            "must be classifiers: one output of shape (batch, classes)"
        )
    return "classification"


def _untrained(model: keras.Model) -> str:
    """Return why the weights count as untrained, or "": all biases and batch norms have their initial values."""
    vectors = [weight.numpy() for weight in model.weights if len(weight.shape) == 1]
    initial = all(np.ptp(vector) == 0 and vector[0] in (0, 1) for vector in vectors)
    return "all biases and batch norms have their initial values" if vectors and initial else ""


def _check_same(subject: Subject, classes: Sequence[str]) -> None:
    if subject.labels != tuple(classes):
        raise UsageProblemError(
            f"{subject.title} has the classes {', '.join(subject.labels)}, and this data has {', '.join(classes)}; "
            "start from a network of the zoo instead of this file"
        )


def _with_new_head(model: keras.Model, classes: int) -> tuple[keras.Model, str]:
    """Return a copy whose last layer with weights has `classes` outputs, and the name of that layer.

    Raises:
        UsageProblemError: that layer is no Dense or Conv2D layer, or the network reduces its outputs.
    """
    import keras

    layers = keras.layers
    outputs = model.output_shape[-1]
    nodes = Graph(model).nodes
    head = next((node.operation for node in reversed(nodes) if getattr(node.operation, "weights", None)), None)
    count = "filters" if isinstance(head, layers.Conv2D) else "units"
    if not isinstance(head, layers.Conv2D | layers.Dense) or getattr(head, count) != outputs:
        raise UsageProblemError(
            f"the last layer of {model.name} with weights ({getattr(head, 'name', 'none')}) cannot be replaced by one "
            f"for {classes} classes: it must be a Dense or Conv2D layer with {outputs} outputs"
        )

    def replaced(layer: keras.Layer) -> keras.Layer | None:
        if layer is head:
            return type(layer).from_config({**layer.get_config(), count: classes})
        if isinstance(layer, layers.Reshape) and layer.target_shape[-1] == outputs:
            return layers.Reshape((*layer.target_shape[:-1], classes), name=layer.name)
        return None

    return copy(model, replaced)[0], head.name
