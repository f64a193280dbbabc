"""What an architecture is, and the registry that the commands, the tests and the docs read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo.detection.heads import Detection
from zoo.entry_points import EntryPoint
from zoo.errors import UsageProblemError, unknown
from zoo.inputs import Input, Tokens, made_up, preprocessing_of
from zoo.language.decoder import Decoder
from zoo.pinned import Weights
from zoo.preprocessing import Preprocessing
from zoo.registry import Registry

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Adapt

OptionValue = int | float | str


@dataclass(frozen=True, kw_only=True)
class Option:
    """A hyper-parameter that a user may set: `--set alpha=0.5`."""

    default: OptionValue
    choices: tuple[OptionValue, ...]
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A network that can be built, loaded with trained weights, and exported.

    Attributes:
        name: snake case, what the user types.
        title: as the paper calls it, with authors and year.
        task: "classification", "detection", "segmentation", "generation", "embedding",
            "encoding", "masked language modelling", "language modelling", "translation",
            "anomaly detection"; that of the default build.
        paper: URL of the paper.
        build: options -> Keras model that ends in logits; random weights.
        options: what `--set` accepts.
        tiny: options of the tiny variant, which has the same operators; also options that `--set` does not offer.
        inputs: options -> what each input means, by name.
        parameter_count: of the default build, checked by a test against the paper or the reference.
        classes: length of the logits, of a photo or of each pixel; 0 where the output is not a class.
        labels: stem of a file in `zoo/class_names`; empty where there are no classes.
        weights: trained weights, those of the default build first.
        weight_files: suffix of files of the publisher that `--weights` takes -> adapter of the names in them.
        detection: options -> what the outputs of a detector mean; None for other tasks.
        entry_points: the built network -> its entry points by name, where it has more than one; its own
            lengths are free then, as far as the entry points differ in them.
        decoder: the built network, or one derived from it -> its forms with a cache, which files contain instead of
            the network itself.
        task_of: options -> task, where an option decides it; None otherwise.
        companions: options -> files that must travel with an exported file, by name: a vocabulary.
        classifier: options of `build`, beside `classes`, of the form that predicts the class of a text; empty if the
            network has no such form.
    """

    name: str
    title: str
    task: str
    paper: str
    build: Callable[..., keras.Model]
    inputs: Callable[..., Mapping[str, Input]]
    parameter_count: int
    classes: int = 0
    labels: str = ""
    options: Mapping[str, Option] = field(default_factory=dict)
    tiny: Mapping[str, Any] = field(default_factory=dict)
    weights: tuple[Weights, ...] = ()
    weight_files: Mapping[str, Adapt] = field(default_factory=dict)
    detection: Callable[..., Detection] | None = None
    entry_points: Callable[[keras.Model], Mapping[str, EntryPoint]] | None = None
    decoder: Callable[[keras.Model], Decoder] | None = None
    task_of: Callable[..., str] | None = None
    companions: Callable[..., Mapping[str, bytes]] | None = None
    classifier: Mapping[str, Any] = field(default_factory=dict)

    def preprocess(self, **options: Any) -> Preprocessing:
        """Return how a photo becomes the input.

        Raises:
            TypeError: it takes no photo.
        """
        found = preprocessing_of(self.inputs(**options))
        if found is None:
            raise TypeError(f"{self.name} takes no photo")
        return found

    @property
    def made_up_inputs(self) -> Mapping[str, Input]:
        """What nobody has to give: the noise of an autoencoder."""
        return made_up(self.inputs(**self.settings({})))

    @property
    def reads_text(self) -> bool:
        """Whether its inputs are made from text, by a tokenizer of the zoo or of the user's."""
        return any(isinstance(one, Tokens) for one in self.inputs(**self.settings({})).values())

    @property
    def family(self) -> str:
        """Name of the module: "resnet"."""
        builder = self.build.func if isinstance(self.build, partial) else self.build
        return builder.__module__.rpartition(".")[2]

    def settings(self, chosen: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
        """Return the value of every option: those in `chosen`, and defaults; 128.0 becomes the 128 of the choices.

        Raises:
            UsageProblemError: an option or a value that this architecture does not have.
        """
        for key in chosen:
            if key not in self.options:
                raise self._unknown_option(key)
        return {
            key: self._choice(key, chosen[key]) if key in chosen else option.default
            for key, option in self.options.items()
        }

    def task_for(self, settings: Mapping[str, Any]) -> str:
        """Return the task of the build with these options."""
        return self.task if self.task_of is None else self.task_of(**settings)

    def trained_as(self, tag: str | None) -> Weights | None:
        """Return the trained weights with this tag (None: those of the default build), or None if there are none."""
        fitting = (one for one in self.weights if (one.tag == tag if tag else not one.options))
        return next(fitting, None)

    def _unknown_option(self, key: str) -> UsageProblemError:
        if not self.options:
            return UsageProblemError(f"{self.name} has no options, so no {key!r}; leave --set out")
        return unknown(f"option of {self.name}", key, self.options)

    def _choice(self, key: str, value: OptionValue) -> OptionValue:
        """Return the choice that equals `value`: layers accept 128, but not 128.0."""
        choices = self.options[key].choices
        if value not in choices:
            known = ", ".join(str(choice) for choice in choices)
            raise UsageProblemError(f"{self.name} has no {key} {value}; choose one of {known}")
        return choices[choices.index(value)]


ARCHITECTURES: Registry[Architecture] = Registry("architecture")


def register(architecture: Architecture) -> Architecture:
    """Add an architecture to the zoo.

    Raises:
        ValueError: the name is already registered.
    """
    return ARCHITECTURES.register(architecture.name, architecture)


def names() -> tuple[str, ...]:
    """Return the names of all registered architectures, sorted."""
    return tuple(sorted(ARCHITECTURES))


def find(name: str) -> Architecture:
    """Return the architecture of that name.

    Raises:
        UsageProblemError: no such name; the message suggests the nearest ones.
    """
    try:
        return ARCHITECTURES[name]
    except KeyError:
        raise unknown("architecture", name, ARCHITECTURES, see="zoo list") from None
