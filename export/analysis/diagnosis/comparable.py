"""The float model whose layers an int8 file is compared with; its outputs equal the original model's."""

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
    """Return whether channels were scaled before quantization, according to the records of an export's passes."""
    return any(record.get("name") == NAME and "skipped_because" not in record for record in records)


def comparable(model: keras.Model, records: Sequence[Mapping[str, Any]], calibration: Samples) -> keras.Model:
    """Return the model, with its channels scaled if the export scaled them; layer names stay the same.

    Args:
        model: the original model.
        records: records of the export's passes.
        calibration: the calibration samples of the export.
    """
    if not is_equalized(records):
        return model
    folded = passes.apply(Fold(), functional(model), calibration).model
    return passes.apply(Equalize(), folded, calibration).model
