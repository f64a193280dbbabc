"""The constants that a file of the model should store: those of our own float file, with the layers' names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from calibration.samples import Samples
from export.errors import ConversionError
from export.formats import PRIMARY
from export.formats.opened import StoredConstant
from export.proof.foreign.own_constants import own_constants
from export.quantization.tensor_map import attributed
from zoo.errors import OutsideError, UsageProblemError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True, eq=False)
class Original:
    """The model as our own converter writes it in the primary format, in float32.

    Attributes:
        content: the file; empty if it could not be built.
        constants: its constants, whose `place` is the layer's name.
        unfolded: constants of the model's layers before batch norms are folded.
        layers: the layer's name, by the name of the file's tensor.
        trouble: why the file could not be built; empty if it could.
    """

    content: bytes = b""
    constants: tuple[StoredConstant, ...] = ()
    unfolded: tuple[StoredConstant, ...] = ()
    layers: Mapping[str, str]
    trouble: str = ""


def original(model: keras.Model, samples: Samples, folder: Path, work: Path) -> Original:
    """Convert the model and name the layers of the file's tensors.

    Args:
        model: the model.
        samples: samples of the proof.
        folder: where they are saved.
        work: folder for the file.
    """
    try:
        content = PRIMARY.convert(model)
        opened = PRIMARY.opened(content)
    except (ConversionError, OutsideError) as error:
        return Original(unfolded=tuple(own_constants(model)), layers={}, trouble=str(error))
    path = work / f"model{PRIMARY.suffix}"
    path.write_bytes(content)
    try:
        layers = {tensor: one.name for tensor, one in attributed(model, path, samples, folder).items()}
    except (OutsideError, UsageProblemError):
        layers = {}
    named = (replace(one, place=layers.get(one.place, one.place.split(";")[0])) for one in opened.constants)
    return Original(content=content, constants=tuple(named), unfolded=tuple(own_constants(model)), layers=layers)
