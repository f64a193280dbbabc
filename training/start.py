"""The network before training, built for the classes of the data and with all pretrained weights that fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import zoo
from zoo import class_names, own_file, weights
from zoo.errors import UsageProblemError
from zoo.inputs import Input, front_end_of, preprocessing_of, tokenizer_of
from zoo.weights.patches import blank_weights

if TYPE_CHECKING:
    import keras

    from training.recipe import TrainingRecipe
    from zoo.architecture import Architecture
    from zoo.audio import FrontEnd
    from zoo.detection.heads import Detection
    from zoo.preprocessing import Preprocessing
    from zoo.weights import LoadedWeights
    from zoo.weights.sources import ByteProgress

CLASSIFIES_TEXTS = "text classification"
RANDOM = "random"
OTHER_FRONT_END = "the trained weights are for another front end"


@dataclass(frozen=True, kw_only=True)
class Start:
    """A network at the start of training or of a stage.

    Attributes:
        model: the Keras model.
        detection: the meaning of its outputs, if it is a detector.
        inputs: the meaning of each input, by name.
        weights: origin of its weights.
        new: names of the layers with random weights; all layers with weights if none are pretrained.
        architecture: name of the architecture in the zoo, or of the file.
        title: title of the network.
        task: name of its task.
        labels: class names, by index.
        source: description of the training data; empty before training.
        history: records of the stages that it has gone through.
        companions: contents of the files that travel with it, by name: a tokenizer.
        trained_on: digests of the photos, sounds or texts that it was trained on.
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
    companions: Mapping[str, bytes] = field(default_factory=dict)
    trained_on: frozenset[bytes] = frozenset()

    @property
    def preprocessing(self) -> Preprocessing:
        """How photos are converted to its input."""
        found = preprocessing_of(self.inputs)
        assert found is not None  # only tasks of photos ask
        return found

    def facts(self) -> own_file.Facts:
        """Return the facts that its .keras file stores."""
        return own_file.Facts(
            architecture=self.architecture,
            title=f"{self.title}, trained on {self.source}",
            task=self.task,
            inputs=self.inputs,
            labels=self.labels,
            detection=self.detection,
            history=self.history,
            companions=self.companions,
            trained_on=self.trained_on,
        )


class ZooStart:
    """An architecture of the zoo, from which training starts.

    Attributes:
        title: title of the architecture.
        task: name of its task.
    """

    def __init__(self, recipe: TrainingRecipe) -> None:
        """Find the architecture.

        Raises:
            UsageProblemError: the name is unknown, or the recipe gives a preprocessing.
        """
        self._recipe, self._architecture = recipe, zoo.find(recipe.model)
        if recipe.preprocessing is not None:
            raise UsageProblemError(
                f"{recipe.model} has its own preprocessing; --preprocessing applies only to .keras files"
            )
        self.title = self._architecture.title
        self.task = CLASSIFIES_TEXTS if self._architecture.classifier else self._architecture.task

    def start(self, options: Mapping[str, Any], classes: Sequence[str]) -> Start:
        """Return the network for `classes`, built with `options` such as {"classes": 5}.

        If the pretrained weights are for the same classes, or if a network that writes text has none, no layer is new.

        Raises:
            UsageProblemError: as `build_start`, or a network that reads text has no tokenizer.
        """
        architecture, recipe = self._architecture, self._recipe
        _check_reads_text(architecture, recipe)
        found = build_start(architecture, recipe, {**architecture.classifier, **options})
        found = replace(found, task=self.task)
        if architecture.reads_text and not classes:
            return replace(found, new=()) if found.weights.trained else found
        known = architecture.trained_as(recipe.weights)
        labels = (known and known.labels) or architecture.labels
        same = bool(labels) and class_names.read(labels) == tuple(classes)
        return replace(found, new=()) if same and found.weights.trained and len(found.new) == 1 else found


def build_start(
    architecture: Architecture,
    recipe: TrainingRecipe,
    data_options: Mapping[str, Any],
    progress: ByteProgress | None = None,
) -> Start:
    """Return the network of `architecture`, built for the data, with all pretrained weights that fit.

    Args:
        architecture: the architecture to build.
        recipe: names the weights and the user's options.
        data_options: build options that follow from the data, such as {"classes": 5}.
        progress: called during a download.

    Raises:
        UsageProblemError: unknown options or weights.
        OutsideError: no source has the weights that the recipe names.
    """
    settings = _settings(architecture, recipe)
    options = {**settings, **data_options}
    options_of_weights = _options_of_weights(architecture, recipe, settings, options)
    with blank_weights():
        trained = architecture.build(**options_of_weights)
    hears_otherwise = _front_end(architecture, options) != _front_end(architecture, options_of_weights)
    loaded = weights.load(
        trained, architecture, _tag(architecture, recipe, hears_otherwise), progress, seed=recipe.seed
    )
    if hears_otherwise:
        loaded = replace(loaded, reason=OTHER_FRONT_END)
    model = architecture.build(**options)
    new = _fill(model, trained) if loaded.trained else _weighted(model)
    if loaded.trained and not _mostly_trained(model, new):
        loaded = replace(loaded, trained=False, reason=f"most of the {loaded.name} weights do not fit these options")
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
        companions=architecture.companions(**options) if architecture.companions else {},
    )


def _front_end(architecture: Architecture, options: Mapping[str, Any]) -> FrontEnd | None:
    return front_end_of(architecture.inputs(**options))


def _tag(architecture: Architecture, recipe: TrainingRecipe, hears_otherwise: bool) -> str | None:
    """Return the weights to load: random ones, if the trained ones know other features of sounds.

    Raises:
        UsageProblemError: the user chose them.
    """
    if not hears_otherwise:
        return recipe.weights
    if recipe.weights not in (None, RANDOM):
        raise UsageProblemError(f"{OTHER_FRONT_END} of {architecture.name}; leave out --weights")
    return RANDOM


def _options_of_weights(
    architecture: Architecture, recipe: TrainingRecipe, settings: Mapping[str, Any], options: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return the build options of the network that the initial weights are for.

    They are those of the weights, not of the recipe: most weights fit at any resolution or length. A file of the
    publisher has weights of the network without our head of classes.
    """
    known = architecture.trained_as(recipe.weights)
    if known:
        return known.options or architecture.settings({})
    return settings if architecture.classifier else options


def _check_reads_text(architecture: Architecture, recipe: TrainingRecipe) -> None:
    """Check that a network that reads text has a tokenizer, and that its head is not chosen by the user.

    Raises:
        UsageProblemError: it has none, or it is.
    """
    if architecture.reads_text and not tokenizer_of(architecture.inputs(**architecture.settings({}))):
        raise UsageProblemError(
            f"{architecture.name} has no tokenizer here, which training on texts needs; choose gpt_small or stories15m"
        )
    if architecture.classifier and "head" in recipe.options:
        raise UsageProblemError(f"training gives {architecture.name} a head for your classes; leave out --set head")


def _settings(architecture: Architecture, recipe: TrainingRecipe) -> dict[str, Any]:
    """Return the build options of the recipe, or those that its weights require."""
    trained = architecture.trained_as(recipe.weights)
    if trained is None or not trained.options:
        return dict(architecture.settings(recipe.options))
    if recipe.options:
        raise UsageProblemError(f"the {trained.tag} weights require their own build options; leave out --set")
    return dict(trained.options)


def _fill(model: keras.Model, trained: keras.Model) -> tuple[str, ...]:
    """Copy every weight of `trained` that has the same path and shape to `model`; return the names of the other layers.

    If all weights fit, the last layer counts as new, because its classes are others than before.
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
    """Whether more than half of the layers have pretrained weights."""
    return 2 * len(new) < len(_weighted(model))
