"""The network as the training finds it: built for the classes of the data, with all trained weights that still fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import zoo
from zoo import class_names, own_file, weights
from zoo.errors import UsageProblemError
from zoo.inputs import Input, preprocessing_of
from zoo.weights.patches import blank_weights

if TYPE_CHECKING:
    import keras

    from training.recipe import TrainingRecipe
    from zoo.architecture import Architecture
    from zoo.detection.heads import Detection
    from zoo.preprocessing import Preprocessing
    from zoo.weights import LoadedWeights
    from zoo.weights.sources import ByteProgress


@dataclass(frozen=True, kw_only=True)
class Start:
    """A network that is about to learn.

    Attributes:
        model: it.
        detection: what its outputs mean, if it is a detector.
        inputs: what each input means, by name.
        weights: where those came from that it did not draw.
        new: layers whose weights are drawn and mean nothing yet; all where the weights are random.
        architecture: its name in the zoo, or of the file.
        title: of the network.
        task: what it is for.
        labels: names of what it tells apart, by index.
        source: what it was trained on, in words; empty until it was.
        history: records of the stages that have taken weights away from it.
    """

    model: keras.Model
    detection: Detection | None
    inputs: Mapping[str, Input]
    weights: LoadedWeights
    new: tuple[str, ...]
    architecture: str
    title: str
    task: str
    labels: tuple[str, ...] = ()
    source: str = ""
    history: tuple[Mapping[str, Any], ...] = ()

    @property
    def preprocessing(self) -> Preprocessing:
        """How a photo becomes its input."""
        found = preprocessing_of(self.inputs)
        assert found is not None  # only networks that take photos are trained
        return found

    def facts(self) -> own_file.Facts:
        """Return what its file says of itself."""
        return own_file.Facts(
            architecture=self.architecture,
            title=f"{self.title}, trained on {self.source}",
            task=self.task,
            inputs=self.inputs,
            labels=self.labels,
            detection=self.detection,
            history=self.history,
        )


class OfZoo:
    """An architecture of the zoo.

    Attributes:
        title: for the reader.
        task: what it is for.
    """

    def __init__(self, recipe: TrainingRecipe) -> None:
        """Find the architecture."""
        self._recipe, self._architecture = recipe, zoo.find(recipe.model)
        if recipe.preprocessing is not None:
            raise UsageProblemError(f"{recipe.model} brings its own preprocessing; --preprocessing is for model files")
        self.title, self.task = self._architecture.title, self._architecture.task

    def start(self, told: Mapping[str, Any], classes: Sequence[str]) -> Start:
        """Return the network that is built as `told`: {"classes": 5}; for classes that it knows nothing is new."""
        found, known = (
            start(self._architecture, self._recipe, told),
            self._architecture.trained_as(self._recipe.weights),
        )
        labels = (known and known.labels) or self._architecture.labels
        same = bool(labels) and class_names.read(labels) == tuple(classes)
        return replace(found, new=()) if same and found.weights.trained and len(found.new) == 1 else found


def start(
    architecture: Architecture,
    recipe: TrainingRecipe,
    told: Mapping[str, Any],
    progress: ByteProgress | None = None,
) -> Start:
    """Return the network of `architecture` for the classes that `told` gives.

    Args:
        architecture: what is built.
        recipe: which weights and options.
        told: what the builder must be told for this data: {"classes": 5}.
        progress: hears of a download.

    Raises:
        UsageProblemError: unknown options or weights.
        OutsideError: weights asked for by name that no source has.
    """
    options = {**_settings(architecture, recipe), **told}
    known = architecture.trained_as(recipe.weights)
    with blank_weights():
        # As the weights are, and not as the options want it: most fit at any resolution.
        trained = architecture.build(**(known.options or architecture.settings({}) if known else options))
    loaded = weights.load(trained, architecture, recipe.weights, progress, seed=recipe.seed)
    model = architecture.build(**options)
    new = _fill(model, trained) if loaded.trained else _weighted(model)
    if loaded.trained and not _mostly_trained(model, new):
        loaded = replace(loaded, trained=False, reason=f"hardly any of the {loaded.name} weights fit these options")
        model = architecture.build(**options)
        new = _weighted(model)
    return Start(
        model=model,
        detection=architecture.detection(**options) if architecture.detection else None,
        inputs=architecture.inputs(**options),
        weights=loaded,
        new=new,
        architecture=architecture.name,
        title=architecture.title,
        task=architecture.task,
    )


def _settings(architecture: Architecture, recipe: TrainingRecipe) -> dict[str, Any]:
    """Return the options of the build that the weights are of."""
    trained = architecture.trained_as(recipe.weights)
    if trained is None or not trained.options:
        return dict(architecture.settings(recipe.options))
    if recipe.options:
        raise UsageProblemError(f"the {trained.tag} weights have a build of their own; leave --set out")
    return dict(trained.options)


def _fill(model: keras.Model, trained: keras.Model) -> tuple[str, ...]:
    """Give `model` every weight of `trained` that has the same path and shape; return the layers that lack some.

    Where all fit, the last layer counts as new: it tells other classes apart than it did.
    """
    known = {weight.path: weight for weight in trained.weights}
    new = []
    for layer in model.layers:
        fitting = [weight.path in known and weight.shape == known[weight.path].shape for weight in layer.weights]
        if not all(fitting):
            new.append(layer.name)
            continue
        for weight in layer.weights:
            weight.assign(known[weight.path])
    return tuple(new) or _weighted(model)[-1:]


def _weighted(model: keras.Model) -> tuple[str, ...]:
    return tuple(layer.name for layer in model.layers if layer.weights)


def _mostly_trained(model: keras.Model, new: Collection[str]) -> bool:
    """Whether more layers than not came with their weights."""
    return 2 * len(new) < len(_weighted(model))
