"""Load a model file of any kind that Keras ever wrote: .keras, .h5, or the folder of a SavedModel."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calibration.inputs import Texts
from export.model import signature
from export.model.loading import byte_inputs, h5_file, keras_file, saved_model
from export.model.loading.byte_inputs import with_float_pictures
from export.model.loading.causal_model import about_cache
from export.model.loading.concrete_call import called, needs_call
from export.model.loading.float32_model import in_float32
from export.model.loading.functional_form import functional_form, repeated_outputs
from export.model.loading.stateless_model import without_state
from export.model.loading.static_sizes import Sizes, with_static_sizes
from export.model.loading.string_inputs import without_strings
from zoo.errors import UsageProblemError
from zoo.inputs import Input
from zoo.language.text_rule import TextRule

if TYPE_CHECKING:
    import keras

Loader = Callable[..., tuple["keras.Model", tuple[str, ...]]]  # of a path and `unsafe_lambda`

SUFFIXES = (".keras", *h5_file.SUFFIXES)


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A loaded model, with the facts that its file records.

    Attributes:
        model: functional Keras 3 model.
        sha256: digest of the content.
        losses: names of the losses that it was trained with, in snake case, by output name; those unknown lack.
        contracts: meaning of the inputs that were text, by name.
        texts: how texts become the numbers of these inputs, by name.
        rules: how a device turns texts into these numbers, by the input's name.
        byte_inputs: names of inputs that were pictures of bytes, and take the same numbers as floats.
        companions: vocabularies of these inputs, which must be shipped with the exported files, by file name.
        notes: sentences for the user about how the file was read and the model changed.
    """

    model: keras.Model
    sha256: str
    losses: Mapping[str, str] = field(default_factory=dict)
    contracts: Mapping[str, Input] = field(default_factory=dict)
    texts: Mapping[str, Texts] = field(default_factory=dict)
    rules: Mapping[str, TextRule] = field(default_factory=dict)
    byte_inputs: frozenset[str] = frozenset()
    companions: Mapping[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def is_model_file(model: str) -> bool:
    """Return whether a recipe's `model` is a path and not a name of the zoo, which has no suffix."""
    return "/" in model or bool(Path(model).suffix) or saved_model.is_saved_model(Path(model))


def load(path: Path, sizes: Sizes | None = None, *, unsafe_lambda: bool = False) -> ModelFile:
    """Return the model of a .keras file, an .h5 file or a SavedModel folder, as a functional Keras 3 model.

    The model takes numbers, computes in float32, and has static sizes where `sizes` gives them.

    Args:
        path: the file.
        sizes: where unknown sizes of inputs come from.
        unsafe_lambda: run the Python code of Lambda layers in the file; without it, a file with such layers is refused.

    Raises:
        UsageProblemError: there is no such file, its kind is unknown, its loader refuses it, or the sizes do not fit.
    """
    read, training_loss = _loader(path)
    if unsafe_lambda:
        import keras

        keras.config.enable_unsafe_deserialization()  # passes copy layers from their configuration
    stored, notes = read(path, unsafe_lambda=unsafe_lambda)
    about_call: tuple[str, ...] = ()
    if needs_call(stored):
        stored, about_call = called(path, stored, sizes or Sizes())
    cut = without_strings(path.name, functional_form(path, stored))
    stateless, about_state = without_state(path.name, cut.model)
    sized, about_sizes = with_static_sizes(path.name, stateless, sizes or Sizes())
    with_floats, pictures = with_float_pictures(sized)
    model, about_types = in_float32(path.name, with_floats)
    return ModelFile(
        model=model,
        sha256=_sha256(path),
        losses=_losses(training_loss(path), signature.names(model)[1]),
        contracts=cut.contracts,
        texts=cut.texts,
        rules=_sized(cut.rules, model),
        byte_inputs=frozenset(pictures),
        companions=cut.vocabularies,
        notes=(
            *notes,
            *about_call,
            *repeated_outputs(stored),
            *cut.notes,
            *about_state,
            *about_sizes,
            *map(byte_inputs.note, pictures),
            *about_types,
            *about_cache(model),
        ),
    )


def _loader(path: Path) -> tuple[Loader, Callable[[Path], Any]]:
    """Return the function that reads a model of the file's kind, and the one that reads its loss."""
    if not path.exists():
        raise UsageProblemError(
            f"there is no file {str(path)!r}; give a .keras file, an .h5 file, a SavedModel folder or a name from "
            "`zoo list`"
        )
    if saved_model.is_saved_model(path):
        return saved_model.load, saved_model.training_loss
    if path.is_file() and path.suffix == ".keras":
        return keras_file.read, keras_file.training_loss
    if path.is_file() and path.suffix in h5_file.SUFFIXES:
        return h5_file.load, h5_file.training_loss
    raise UsageProblemError(
        f"{path.name} is not a .keras file, an .h5 file or the folder of a SavedModel; load the model with the code "
        "that saved it and save it with model.save('model.keras')"
    )


def _sized(rules: Mapping[str, TextRule], model: keras.Model) -> dict[str, TextRule]:
    """Return the rules with the number of numbers that each input takes."""
    sizes = {spec.name: spec.shape[-1] or 0 for spec in signature.inputs(model)}
    return {name: replace(rule, length=sizes[name]) if rule.is_complete else rule for name, rule in rules.items()}


def _losses(loss: Any, outputs: Sequence[str]) -> dict[str, str]:
    """Return the names of losses in snake case, by output name, from their serialised form.

    Outputs without a loss lack; all do if the model was not compiled or its losses are functions of the user's own.
    """
    if isinstance(loss, list):
        named = dict(zip(outputs, loss, strict=False))
    elif isinstance(loss, dict) and "class_name" not in loss:
        named = loss
    else:
        named = dict.fromkeys(outputs, loss)
    return {name: _loss_name(one) for name, one in named.items() if name in outputs and one}


def _loss_name(loss: Any) -> str:
    """Return the name of a loss from its serialised form: "mse", or "mean_squared_error" of a class."""
    if isinstance(loss, dict):
        loss = (loss.get("config") or {}).get("name") if isinstance(loss.get("config"), dict) else loss.get("config")
    return str(loss or "")


def _sha256(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and contents of a folder's files, as a hex string."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    found = hashlib.sha256()
    for file_path in sorted(one for one in path.rglob("*") if one.is_file()):
        found.update(f"{file_path.relative_to(path).as_posix()}\0{file_path.stat().st_size}\0".encode())
        found.update(file_path.read_bytes())
    return found.hexdigest()
