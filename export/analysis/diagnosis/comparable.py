"""The float model that the layers of an int8 file can be compared with: its answers are those of the original."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from calibration.samples import Samples
from export import passes
from export.model.graph import functional
from export.passes.equalize import NAME, Equalize
from export.passes.fold import Fold

if TYPE_CHECKING:
    import keras


def is_equalized(records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether channels were scaled before the integers were made, by the records of an export's stages."""
    return any(record.get("name") == NAME and "skipped_because" not in record for record in records)


def comparable(model: keras.Model, records: Sequence[Mapping[str, Any]], calibration: Samples) -> keras.Model:
    """Return the original, or where its channels were scaled the model that has them scaled, of the same layers' names.

    Args:
        model: the original.
        records: of the stages of the export.
        calibration: the samples of the export.
    """
    if not is_equalized(records):
        return model
    folded = passes.apply(Fold(), functional(model), calibration).model
    return passes.apply(Equalize(), folded, calibration).model
