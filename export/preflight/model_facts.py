"""What is known about the model of a recipe before it is built or loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import zoo
from calibration.inputs import InputSpec
from export.model.loading import model_file, saved_model
from export.model.loading.given_shapes import Shape, check, in_words, named
from export.model.loading.model_file import is_model_file
from export.model.stored.stored_model import StoredInput, StoredModel, stored_model
from export.model.stored.structure import read_config
from export.preflight.places import described, expanded
from export.recipe import Recipe
from zoo import class_names, own_file
from zoo.architecture import Architecture
from zoo.audio import FrontEnd
from zoo.errors import UsageProblemError
from zoo.inputs import TEXT_KINDS, Input, Photo, Tokens, made_up, sound_of
from zoo.nearest_path import nearest
from zoo.preprocessing import conventions
from zoo.weights.loader import check_choice

_PHOTO_RANK, _COLOURS = 3, (1, 3)
_VECTOR_RANK = 2  # with the batch
_NORMALIZING = ("Rescaling", "Normalization")


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What is known about a model without TensorFlow; an unknown fact is None or empty, and forbids nothing.

    Attributes:
        name: as typed.
        contracts: meaning of the inputs that are not generated, by name; None if unknown.
        specs: shapes and types of these inputs, as far as they are known.
        is_photo: whether a photo can be a sample; None if unknown.
        reads_text: whether texts can be samples; None if unknown.
        sound: the front end, if a sound is a sample.
        task: empty if unknown.
        classes: number of classes; 0 if unknown.
        labels: names of the classes; empty if unknown.
        weight_count: of the model; 0 if unknown.
        stored: what its file says; None for a network of the zoo.
        is_default: whether it is a network of the zoo with its default options.
    """

    name: str
    contracts: Mapping[str, Input] | None = None
    specs: Mapping[str, InputSpec] = field(default_factory=dict)
    is_photo: bool | None = None
    reads_text: bool | None = None
    sound: FrontEnd | None = None
    task: str = ""
    classes: int = 0
    labels: tuple[str, ...] = ()
    weight_count: int = 0
    stored: StoredModel | None = None
    is_default: bool = False


def facts_of(recipe: Recipe) -> ModelFacts:
    """Return what is known about the model of a recipe.

    Raises:
        UsageProblemError: there is no such model, its file is damaged, or an option does not exist for it.
    """
    if recipe.preprocessing is not None:
        conventions.find(recipe.preprocessing)
    return _of_file(recipe) if is_model_file(recipe.model) else _of_zoo(recipe)


def _of_zoo(recipe: Recipe) -> ModelFacts:
    if recipe.model not in zoo.names():
        _check_suffix(recipe.model)
    if recipe.model not in zoo.names() and expanded(recipe.model).exists():
        raise UsageProblemError(
            f"{recipe.model!r} is {described(expanded(recipe.model))}, not a model; give a .keras file, an .h5 file, a "
            "SavedModel folder or a name from `zoo list`"
        )
    architecture = zoo.find(recipe.model)
    for flag, value in (
        ("--set-input", recipe.input_shapes),
        ("--import", recipe.imports),
        ("--unsafe-lambda", recipe.unsafe_lambda),
    ):
        if value:
            raise UsageProblemError(f"{flag} is for model files; leave it out for {architecture.name}")
    if recipe.preprocessing is not None:
        raise UsageProblemError(f"{architecture.name} has its own preprocessing; --preprocessing is for model files")
    settings = architecture.settings(recipe.options)
    check_choice(architecture, recipe.weights)
    return of_architecture(architecture, recipe.weights, settings, is_changed=bool(recipe.options))


def _check_suffix(name: str) -> None:
    """Refuse the name of a model file without its suffix.

    Raises:
        UsageProblemError: there is such a file.
    """
    for suffix in model_file.SUFFIXES:
        if (path := expanded(f"{name}{suffix}")).is_file():
            raise UsageProblemError(f"there is no network {name!r}; did you mean {str(path)!r}?")


def of_architecture(
    architecture: Architecture, tag: str | None, settings: Mapping[str, Any], *, is_changed: bool = False
) -> ModelFacts:
    """Return what is known about a network of the zoo.

    Args:
        architecture: the network.
        tag: of its weights, or None.
        settings: values of its options.
        is_changed: whether the user chose options, which weights of a tag may determine.

    Raises:
        UsageProblemError: the weights determine the options, which the user chose.
    """
    trained = architecture.trained_as(tag)
    if trained and trained.options:
        if is_changed:
            raise UsageProblemError(f"the {trained.tag} weights determine the architecture's options; leave --set out")
        settings = dict(trained.options)
    contracts = architecture.inputs(**settings)
    labels = (trained and trained.labels) or architecture.labels
    known = class_names.read(labels) if labels else ()
    facts = ModelFacts(
        name=architecture.name,
        task=architecture.task_for(settings),
        classes=len(known),
        labels=known,
        weight_count=architecture.parameter_count if settings == architecture.settings({}) else 0,
        is_default=settings == architecture.settings({}),
    )
    length = settings.get("length")
    return _with_contracts(facts, contracts, length if isinstance(length, int) else None)


def _of_file(recipe: Recipe) -> ModelFacts:
    path = expanded(recipe.model)
    if recipe.options or recipe.weights:
        raise UsageProblemError(f"--set and --weights are for models of the zoo; {recipe.model} has its own weights")
    for file in recipe.imports:
        _check_import(file)
    check_exists(path)
    config = read_config(path, unsafe_lambda=recipe.unsafe_lambda)
    stored = stored_model(config) if config is not None else None
    facts = ModelFacts(name=path.name, stored=stored)
    known = own_file.read(path)
    if known is not None:
        if recipe.preprocessing is not None:
            raise UsageProblemError(f"{path.name} stores its own preprocessing; leave --preprocessing out")
        classes = known.detection.classes if known.detection else len(known.labels)
        facts = replace(facts, task=known.task, classes=classes, labels=known.labels)
        return _with_contracts(facts, known.inputs)
    return _with_inputs(facts, recipe) if stored is not None and stored.inputs else facts


def check_exists(path: Path) -> None:
    """Check that a path is one of a model.

    Raises:
        UsageProblemError: nothing is there, or something else than a model.
    """
    kinds = "a .keras file, an .h5 file, a SavedModel folder or a name from `zoo list`"
    if not path.exists():
        raise UsageProblemError(f"there is no file {str(path)!r}{nearest(path) or f'; give {kinds}'}")
    is_file = path.is_file() and path.suffix in model_file.SUFFIXES
    if not is_file and path.is_file() and path.suffix.lower() in model_file.SUFFIXES:
        raise UsageProblemError(
            f"{str(path)!r} has a suffix in capitals, which Keras does not read: rename it to "
            f"{path.with_suffix(path.suffix.lower()).name!r}"
        )
    if not is_file and not saved_model.is_saved_model(path):
        raise UsageProblemError(f"{str(path)!r} is {described(path)}, not a model; give {kinds}")


def _check_import(file: str) -> None:
    path = expanded(file)
    if not path.is_file():
        raise UsageProblemError(f"--import {file!r}: there is no such file{nearest(path)}")
    try:
        compile(path.read_bytes(), str(path), "exec")
    except (SyntaxError, ValueError, OSError) as error:
        raise UsageProblemError(f"--import {file!r}: {error}") from error


def _with_contracts(facts: ModelFacts, contracts: Mapping[str, Input], length: int | None = None) -> ModelFacts:
    """Return the facts with the meaning of the inputs; `length` is that of texts, in tokens, if it is known."""
    generated = made_up(contracts)
    given = {name: one for name, one in contracts.items() if name not in generated}
    photos = {name: one.preprocessing.shape for name, one in given.items() if isinstance(one, Photo)}
    sound = sound_of(contracts)
    texts = [name for name, one in given.items() if one.kind in TEXT_KINDS and length is not None]
    return replace(
        facts,
        contracts=given,
        specs={
            **{name: InputSpec(shape=shape) for name, shape in photos.items()},
            **{name: InputSpec(shape=(length or 0,), dtype="int32") for name in texts},
            **({sound[0]: InputSpec(shape=sound[1].shape)} if sound else {}),
        },
        is_photo=bool(photos) and len(given) == 1,
        reads_text=any(isinstance(one, Tokens) for one in given.values()),
        sound=sound[1] if sound else None,
    )


def _with_inputs(facts: ModelFacts, recipe: Recipe) -> ModelFacts:
    """Return the facts with what the file says about its inputs, whose meaning it does not know."""
    assert facts.stored is not None  # the caller has it
    inputs = facts.stored.inputs
    texts = any(one.dtype == "string" for one in inputs)
    only = inputs[0] if len(inputs) == 1 else None
    image = is_image(inputs)
    if recipe.preprocessing is not None and not image and not texts:
        raise UsageProblemError("--preprocessing is for models with one image input (height, width, 1 or 3)")
    normalizes = any(layer.kind in _NORMALIZING for layer in facts.stored.layers)
    is_known = recipe.preprocessing is not None or normalizes or (only is not None and only.dtype == "uint8")
    _check_shapes(facts.name, facts.stored, recipe.input_shapes)
    fixed = {} if texts or recipe.input_shapes else {one.name: _spec(one.shape, one.dtype) for one in inputs}
    return replace(
        facts,
        specs={name: spec for name, spec in fixed.items() if spec is not None},
        classes=_classes(facts.stored),
        is_photo=bool(image and is_known) if facts.stored.layers else None,
        reads_text=None if texts else False,
    )


def is_image(inputs: Sequence[StoredInput]) -> bool:
    """Return whether the only input may be an image: height, width, 1 or 3 channels."""
    return len(inputs) == 1 and len(inputs[0].shape) == _PHOTO_RANK and inputs[0].shape[-1] in (*_COLOURS, None)


def _check_shapes(name: str, stored: StoredModel, given: Mapping[str, Shape]) -> None:
    """Check the shapes of `--set-input` against those in a file, as far as the file names its inputs.

    Raises:
        UsageProblemError: a shape does not fit, or there is no such input.
    """
    if stored.kind != "Functional" and (len(stored.inputs) > 1 or "" not in given):
        return
    shapes = {one.name: (None, *one.shape) for one in stored.inputs}
    for one, shape in named(given, list(shapes)).items():
        check(name, one, shapes[one], shape, f"--set-input {one}={in_words(shape)}")


def _classes(stored: StoredModel) -> int:
    """Return the number of classes if the only output is a dense layer over vectors; otherwise 0."""
    last = next((layer for layer in stored.layers if (layer.name,) == stored.outputs), None)
    if last is None or last.kind != "Dense" or last.built_for is None or len(last.built_for) != _VECTOR_RANK:
        return 0
    units = last.settings.get("units")
    return units if isinstance(units, int) and units > 1 else 0


def _spec(shape: tuple[int | None, ...], dtype: str) -> InputSpec | None:
    """Return the specification of an input; None if a size is not fixed or the type is none of NumPy's."""
    try:
        np.dtype(dtype)
    except TypeError:
        return None
    sizes = tuple(size for size in shape if size is not None)
    return InputSpec(shape=sizes, dtype=dtype) if len(sizes) == len(shape) else None
