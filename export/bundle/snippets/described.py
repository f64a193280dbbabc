"""What a snippet says about one delivered file: the values of its template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from export.model.output_kinds import LANGUAGE_MODELLING, MASKED_LANGUAGE_MODELLING, SCORING_CLASSES, TRANSLATION
from export.model.tensor_spec import TensorSpec
from export.scheme import PREFERRED
from zoo import inputs
from zoo.inputs import TEXT_KINDS, TargetTokens
from zoo.preprocessing import ColourOrder, Preprocessing

ENTRY_MARK = "/"  # in the names of inputs of files with several functions
WRITERS = (LANGUAGE_MODELLING, TRANSLATION)  # whose files keep a cache from token to token
SCORES_OF_CLASSES = (*SCORING_CLASSES, "")

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class DescribedFile:
    """One delivered file, and what goes into it and comes out.

    Attributes:
        file: its name.
        format: its format.
        inputs: as the file declares them.
        outputs: as the file declares them.
        photo: name of the input that is a photo; empty if none is.
        preprocessing: how a photo becomes that input; None without one.
        takes_camera_bytes: whether the input is the photo's bytes themselves.
        noise: names of the inputs that are random.
        tokenizer: name of the file that turns a text into the other inputs; empty if the model reads no text.
        kinds: kind of each input, by name.
        has_labels: whether a file has the names of the classes.
        is_classifier: whether the output holds one score for each class.
        is_segmenter: whether the output holds one score for each class and pixel.
        is_filler: whether the output holds one score for each token and place.
    """

    file: str
    format: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    photo: str
    preprocessing: Preprocessing | None
    takes_camera_bytes: bool
    noise: tuple[str, ...]
    tokenizer: str
    kinds: Mapping[str, str]
    has_labels: bool
    is_classifier: bool
    is_segmenter: bool
    is_filler: bool

    @property
    def has_quantized_inputs(self) -> bool:
        """Whether an input stores integers for real numbers that have to be rounded first."""
        return any(_is_quantized(spec) and not self._is_bytes(spec) for spec in self.inputs)

    @property
    def has_quantized_photo(self) -> bool:
        """Whether the photo is such an input."""
        return any(spec.name == self.photo and _is_quantized(spec) and not self._is_bytes(spec) for spec in self.inputs)

    def _is_bytes(self, spec: TensorSpec) -> bool:
        return self.takes_camera_bytes and spec.name == self.photo


def _is_quantized(spec: TensorSpec) -> bool:
    return spec.scale is not None and spec.zero_point is not None


def described(manifest: Record, format_name: str) -> DescribedFile | None:
    """Return the file of a format that `zoo run` prefers; None if there is none, or if one call does not run it.

    Raises:
        ValueError, KeyError, TypeError: the manifest is damaged.
    """
    record = _preferred(manifest, format_name)
    if record is None:
        return None
    specs, outputs = (tuple(map(TensorSpec.from_record, record[key])) for key in ("inputs", "outputs"))
    contracts = inputs.from_record(manifest["inputs"])
    task = manifest.get("task", "")
    if task in WRITERS or any(ENTRY_MARK in spec.name for spec in specs) or not specs or not outputs:
        return None
    # A text that was an input of the Keras model follows a rule of its own, and a pair of texts has two.
    reads_text = all(one.kind in TEXT_KINDS - {TargetTokens.kind} for one in contracts.values())
    tokenizer = inputs.tokenizer_of(contracts) if reads_text and set(contracts) == {one.name for one in specs} else ""
    photo = _photo(contracts, specs)
    preprocessing = inputs.preprocessing_of(contracts) if photo else None
    _check(preprocessing, (*specs, *outputs))
    is_map = len(outputs) == 1 and len(outputs[0].shape) == 4 and outputs[0].shape[-1] > 1
    return DescribedFile(
        file=str(record["file"]),
        format=format_name,
        inputs=specs,
        outputs=outputs,
        photo=photo,
        preprocessing=preprocessing,
        takes_camera_bytes=bool(record["takes_camera_bytes"]) and preprocessing is not None,
        noise=tuple(name for name, one in contracts.items() if one.kind == "random"),
        tokenizer=tokenizer,
        kinds={name: one.kind for name, one in contracts.items()},
        has_labels=bool(manifest.get("class_names")),
        is_classifier=task in SCORES_OF_CLASSES and len(outputs) == 1 and len(outputs[0].shape) == 2,
        is_segmenter=task == "segmentation" and is_map,
        is_filler=task == MASKED_LANGUAGE_MODELLING and len(outputs) == 1 and len(outputs[0].shape) == 3,
    )


def _preferred(manifest: Record, format_name: str) -> Record | None:
    """Return the record of the file of a format that `zoo run` takes."""
    found = [record for record in manifest["files"] if record["format"] == format_name]
    names = {scheme.name for scheme in PREFERRED}
    return next(iter([*(record for record in found if record["precision"] in names), *found]), None)


def _photo(contracts: Mapping[str, inputs.Input], specs: Sequence[TensorSpec]) -> str:
    """Return the name of the photo if it is all that somebody has to give, and the file takes it as described."""
    given = [name for name, one in contracts.items() if one.is_given]
    name, preprocessing = inputs.photo_input(contracts), inputs.preprocessing_of(contracts)
    if name is None or preprocessing is None or given != [name] or set(contracts) != {spec.name for spec in specs}:
        return ""
    fits = next(spec for spec in specs if spec.name == name).shape == (1, *preprocessing.shape)
    return name if fits else ""


def _check(preprocessing: Preprocessing | None, specs: Sequence[TensorSpec]) -> None:
    """Check that what is written into code without quotes is a number or a known word.

    Raises:
        ValueError, TypeError: it is something else, in a damaged manifest.
    """
    for spec in specs:
        numbers = (*spec.shape, *(one for one in (spec.scale, spec.zero_point) if one is not None))
        if np.dtype(spec.dtype).name != spec.dtype or not all(isinstance(one, int | float) for one in numbers):
            raise ValueError(f"the tensor {spec.name!r} of {spec.dtype!r}")
    if preprocessing is None:
        return
    words = (preprocessing.colours in get_args(ColourOrder), preprocessing.resize in ("nearest", "bilinear", "bicubic"))
    numbers = (preprocessing.height, preprocessing.width, preprocessing.crop_fraction)
    channels = (*preprocessing.scale, *preprocessing.offset)
    if not all(words) or not all(isinstance(one, int | float) for one in (*numbers, *channels)):
        raise ValueError("a preprocessing of unknown words or without numbers")
