"""Load the model that a recipe names: an architecture of the zoo with weights, or a user's own file."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zoo
from calibration.inputs import Texts
from export.model import signature
from export.model.loading import custom_code, model_file, untrained
from export.model.loading.causal_model import CACHE
from export.model.loading.functional_form import normalises_by_itself
from export.model.loading.model_file import is_model_file
from export.model.loading.static_sizes import Sizes
from export.model.output_kinds import (
    CLASSIFICATION,
    LANGUAGE_MODELLING,
    SOUND_CLASSIFICATION,
    TEXT_CLASSIFICATION,
)
from export.recipe import Recipe
from zoo import class_names, own_file, weights
from zoo.architecture import ARCHITECTURES
from zoo.entry_points import EntryPoint
from zoo.errors import UsageProblemError
from zoo.inputs import Input, Photo, Tokens, Vector, made_up, preprocessing_of, sound_of, tokenizer_of
from zoo.language.decoder import Decoder
from zoo.language.text_rule import TextRule
from zoo.language.tokenizer import Tokenizer
from zoo.preprocessing import Preprocessing, conventions
from zoo.weights import LoadedWeights
from zoo.weights.patches import blank_weights
from zoo.weights.sources import ByteProgress

if TYPE_CHECKING:
    import keras


# What the facts in a file must hold, by their task: how photos are read, or a tokenizer.
PHOTO_TASKS = (CLASSIFICATION, "detection", "segmentation")
TEXT_TASKS = (TEXT_CLASSIFICATION, LANGUAGE_MODELLING)
MATRIX_RANK = 2


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The model to export, with everything that is known about it.

    Attributes:
        name: base name of the artifacts.
        title: name for display.
        model: the original Keras model; it is never changed.
        weights: name and origin of the weights.
        labels: class names; empty if unknown.
        task: task of the architecture, such as "classification"; empty if unknown.
        inputs: meaning of each input, by name.
        state: of a streaming form: the output with the new state, by the name of the input with the old one.
        entries: entry points by name; empty if the model itself is the only entry point.
        decoder: of a decoder: the model, or one derived from it -> its forms with a cache, which files contain.
        texts: how texts become the numbers of an input from which the layers that read text were cut off, by name.
        rules: the same, stated so that a device can do it, by name.
        byte_inputs: names of inputs that were pictures of bytes in Keras, and take the same numbers as floats.
        companions: contents of files that must be shipped with the exported ones, by name.
        meaning: what the task needs to know about the outputs, as plain data that only the task reads; None if nothing.
        losses: names of the losses that outputs were trained with, by output name, as far as they are known.
        trained_on: digests of the photos or texts that it was trained on, as far as its file keeps them.
        history: training steps recorded in the model's file, such as pruning or quantization-aware training.
        notes: sentences for the user about how the model's file was read.
    """

    name: str
    title: str
    model: keras.Model
    weights: LoadedWeights
    inputs: Mapping[str, Input]
    labels: tuple[str, ...] = ()
    task: str = ""
    meaning: Mapping[str, Any] | None = None
    losses: Mapping[str, str] = field(default_factory=dict)
    trained_on: frozenset[bytes] = frozenset()
    history: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    state: Mapping[str, str] = field(default_factory=dict)
    entries: Mapping[str, EntryPoint] = field(default_factory=dict)
    decoder: Callable[[keras.Model], Decoder] | None = None
    texts: Mapping[str, Texts] = field(default_factory=dict)
    rules: Mapping[str, TextRule] = field(default_factory=dict)
    byte_inputs: frozenset[str] = frozenset()
    companions: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def preprocessing(self) -> Preprocessing | None:
        """Preprocessing from photos to the input; None if no input is a photo."""
        return preprocessing_of(self.inputs)

    @property
    def made_up_inputs(self) -> dict[str, Input]:
        """Inputs that the exporter generates, such as noise, by name."""
        return made_up(self.inputs)


def artifact_name(recipe: Recipe) -> str:
    """Return the base name of a recipe's artifacts: `mobilenet`, `mobilenet-alpha0.5-prune0.5`, `my_model`.

    Raises:
        UsageProblemError: a name or an option is unknown.
    """
    form = ["streaming"] if recipe.streaming else []
    return "-".join([_model_name(recipe), *form, *(one.file_part for one in recipe.passes)])


def _model_name(recipe: Recipe) -> str:
    if is_model_file(recipe.model):
        return _file_name(Path(recipe.model))
    architecture = zoo.find(recipe.model)
    settings = architecture.settings(recipe.options)
    trained = architecture.trained_as(recipe.weights)
    if trained and trained.options:
        return f"{recipe.model}-{trained.tag}"
    changed = [key for key in recipe.options if settings[key] != architecture.options[key].default]
    return "-".join([recipe.model, *(f"{key}{settings[key]}" for key in changed)])


def _file_name(path: Path) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in path.stem) or "model"


def load_subject(recipe: Recipe, progress: ByteProgress | None = None) -> Subject:
    """Return the model that `recipe` names.

    Raises:
        UsageProblemError: a name or an option is unknown, or a file holds no model that can be exported.
        OutsideError: no source provides the requested weights.
    """
    if recipe.preprocessing is not None:
        conventions.find(recipe.preprocessing)
    if not is_model_file(recipe.model):
        return _of_zoo(recipe, progress)
    if recipe.options or recipe.weights:
        raise UsageProblemError(f"--set and --weights are for models of the zoo; {recipe.model} has its own weights")
    path, notes = Path(recipe.model).expanduser(), [custom_code.run_file(one) for one in recipe.imports]
    if recipe.unsafe_lambda:
        notes.append(f"the Python code of Lambda layers in {path.name} was run, because of --unsafe-lambda")
    subject = subject_of_file(path, recipe.preprocessing, _sizes(recipe), unsafe_lambda=recipe.unsafe_lambda)
    return replace(subject, name=artifact_name(recipe), notes=(*notes, *subject.notes))


def _sizes(recipe: Recipe) -> Sizes:
    """Return where the unknown sizes of a model come from: the recipe, or its calibration data."""
    data = Path(recipe.calibration).expanduser() if recipe.calibration is not None else None
    return Sizes(
        given=recipe.input_shapes,
        data=data if data is not None and data.suffix in (".npz", ".npy") and data.is_file() else None,
    )


def _of_zoo(recipe: Recipe, progress: ByteProgress | None) -> Subject:
    architecture = zoo.find(recipe.model)
    if recipe.input_shapes or recipe.imports or recipe.unsafe_lambda:
        raise UsageProblemError(
            f"--set-input, --import and --unsafe-lambda are for model files; leave them out for {architecture.name}"
        )
    if recipe.preprocessing is not None:
        raise UsageProblemError(f"{architecture.name} has its own preprocessing; --preprocessing is for model files")
    trained = architecture.trained_as(recipe.weights)
    settings = architecture.settings(recipe.options)
    if trained and trained.options:
        if recipe.options:
            raise UsageProblemError(f"the {trained.tag} weights determine the architecture's options; leave --set out")
        settings = dict(trained.options)
    with blank_weights():
        model = architecture.build(**settings)
    labels = (trained and trained.labels) or architecture.labels
    return Subject(
        name=artifact_name(recipe),
        title=architecture.title,
        model=model,
        weights=weights.load(model, architecture, recipe.weights, progress, seed=recipe.seed),
        inputs=architecture.inputs(**settings),
        labels=class_names.read(labels) if labels else (),
        task=architecture.task_for(settings),
        entries=architecture.entry_points(model) if architecture.entry_points else {},
        decoder=architecture.decoder,
        companions=architecture.companions(**settings) if architecture.companions else {},
        meaning=architecture.detection(**settings).record() if architecture.detection else None,
    )


def subject_of_file(
    path: Path, named: str | None, sizes: Sizes | None = None, *, unsafe_lambda: bool = False
) -> Subject:
    """Return the model of a file with the facts that are stored in it.

    Args:
        path: a .keras file, an .h5 file or a SavedModel folder.
        named: name of the preprocessing convention; only for a file that does not store it.
        sizes: where unknown sizes of inputs come from.
        unsafe_lambda: run the code of Lambda layers in the file.

    Raises:
        UsageProblemError: `model_file.load` refuses the file, or its facts do not fit its model.
    """
    file = model_file.load(path, sizes, unsafe_lambda=unsafe_lambda)
    model = file.model
    known = own_file.read(path)
    name = _file_name(path)
    why = untrained.reason(model)
    loaded = LoadedWeights(
        name=path.name, trained=not why, source="a file", sha256=file.sha256, reason=why, taken_as_trained=not why
    )
    if known is None:
        return Subject(
            name=name,
            title=path.name,
            model=model,
            weights=loaded,
            inputs={**_inputs(model, named, file.byte_inputs), **file.contracts},
            losses=file.losses,
            texts=file.texts,
            rules=file.rules,
            byte_inputs=file.byte_inputs,
            companions=file.companions,
            notes=file.notes,
        )
    _check_facts(path, model, known)
    _check_tokenizer(path, known)
    if named is not None:
        raise UsageProblemError(f"{path.name} stores its own preprocessing; leave --preprocessing out")
    decoder = _decoder(path, model, known)
    return Subject(
        name=name,
        title=known.title,
        model=model,
        weights=loaded,
        inputs=known.inputs,
        labels=known.labels,
        task=known.task,
        meaning=known.detection.record() if known.detection else None,
        history=known.history,
        trained_on=known.trained_on,
        companions=known.companions,
        decoder=decoder,
        notes=tuple(note for note in file.notes if decoder is None or note != CACHE),
    )


def _check_facts(path: Path, model: keras.Model, known: own_file.Facts) -> None:
    """Check that the facts in a .keras file fit its model.

    Raises:
        UsageProblemError: the inputs, their shape or the number of classes differ, or the tokenizer is none.
    """
    generated = made_up(known.inputs)
    taken = [spec.shape[1:] for spec in signature.inputs(model) if spec.name not in generated]
    classes = known.detection.classes if known.detection else signature.outputs(model)[0].shape[-1]
    shape = known.preprocessing.shape if known.preprocessing is not None else None
    is_text = known.preprocessing is None and known.inputs.keys() == {spec.name for spec in signature.inputs(model)}
    is_unfit = known.preprocessing is None and known.task in PHOTO_TASKS
    is_unfit |= not tokenizer_of(known.inputs) and known.task in TEXT_TASKS
    sound = sound_of(known.inputs)
    is_unfit |= (sound is None) == (known.task == SOUND_CLASSIFICATION)
    if sound is not None:
        is_unfit |= [math.prod(size or 0 for size in one) for one in taken] != [math.prod(sound[1].shape)]
    is_unfit |= _largest_vocabulary(known) > _largest_table(model)
    if is_unfit or (not is_text and taken != [shape]) or len(known.labels) not in (0, classes):
        raise UsageProblemError(f"{path.name}: its stored inputs or classes do not fit the model; train it again")


def _largest_vocabulary(known: own_file.Facts) -> int:
    return max((one.vocabulary for one in known.inputs.values() if isinstance(one, Tokens)), default=0)


def _largest_table(model: keras.Model) -> int:
    """Return the number of rows of the largest matrix: no table of tokens has more."""
    return max((int(weight.shape[0]) for weight in model.weights if len(weight.shape) == MATRIX_RANK), default=0)


def _check_tokenizer(path: Path, known: own_file.Facts) -> None:
    """Check that the tokenizer in a .keras file gives only tokens that its network knows.

    Raises:
        UsageProblemError: it gives others, or is none.
    """
    sizes = [one.vocabulary for one in known.inputs.values() if isinstance(one, Tokens)]
    for name, content in known.companions.items():
        if Tokenizer(content, name).highest >= min(sizes):
            raise UsageProblemError(f"{path.name}: its tokenizer gives tokens beyond its vocabulary; train it again")


def _decoder(path: Path, model: keras.Model, known: own_file.Facts) -> Callable[[keras.Model], Decoder] | None:
    """Return what gives the forms with a cache of a network of the zoo that was trained further; None for others.

    Raises:
        UsageProblemError: the model is not built like the network that the file names.
    """
    architecture = ARCHITECTURES.get(known.architecture)
    if architecture is None or architecture.decoder is None or architecture.task != known.task:
        return None
    try:
        architecture.decoder(model)
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise UsageProblemError(
            f"{path.name} says that it is {known.architecture}, but is not built like it ({error}); train it again"
        ) from error
    return architecture.decoder


def _inputs(model: keras.Model, named: str | None, byte_inputs: Collection[str]) -> dict[str, Input]:
    """Return the meaning of a user model's inputs: a photo if shape and preprocessing are known, otherwise vectors."""
    specs = signature.inputs(model)
    is_photo = len(specs) == 1 and len(specs[0].shape) == 4 and specs[0].shape[3] in (1, 3)
    if not is_photo and named is not None:
        raise UsageProblemError("--preprocessing is for models with one image input (height, width, 1 or 3)")
    if is_photo and named is None and (specs[0].name in byte_inputs or normalises_by_itself(model)):
        named = "raw"
    if is_photo and named is not None:
        return {specs[0].name: Photo(preprocessing=conventions.preprocessing(named, specs[0].shape[1:]))}
    return {spec.name: Vector() for spec in specs}
