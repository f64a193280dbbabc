"""Entry points of an .onnx: calls of one graph with different lengths, described in the file's metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from calibration.samples import Array
from export.errors import ConversionError
from export.model import signature
from export.model.tensor_spec import TensorSpec
from zoo.entry_points import name_of, of_entry

if TYPE_CHECKING:
    import keras

# JSON: {entry: {"inputs": [spec, ...], "outputs": [spec, ...]}}
ENTRIES_KEY = "zoo.entries"


def describe(model: keras.Model, entries: Mapping[str, keras.Model]) -> dict[str, Any]:
    """Return the metadata of the entry points of `model`, whose lengths are free.

    Raises:
        ConversionError: an entry point has other inputs or outputs than the model.
    """
    wanted = signature.names(model)
    for entry, one in entries.items():
        if signature.names(one) != wanted:
            raise ConversionError(
                f"an .onnx contains one graph, but {entry!r} has other inputs or outputs than the model"
            )
    return {
        entry: {
            "inputs": [asdict(spec) for spec in signature.inputs(one)],
            "outputs": [asdict(spec) for spec in signature.outputs(one)],
        }
        for entry, one in entries.items()
    }


class OnnxEntries:
    """A loaded .onnx with several entry points, which all run on each call."""

    def __init__(self, session: Any, described: Mapping[str, Any]) -> None:
        """Wrap ONNX Runtime's session; `described` is the metadata."""
        self._session, self._entries = session, list(described)
        self.inputs, self.outputs = (
            tuple(_named(entry, record) for entry, sides in described.items() for record in sides[side])
            for side in ("inputs", "outputs")
        )

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the stored outputs of all entry points by name for stored inputs by name, batch 1.

        Raises:
            ValueError: a name, shape or type differs; nothing is cast or broadcast.
        """
        for spec in self.inputs:
            given = inputs[spec.name]
            if (given.dtype.name, given.shape) != (spec.dtype, spec.shape):
                raise ValueError(f"input {spec.name!r} is {spec.dtype} {spec.shape}, not {given.dtype} {given.shape}")
        found: dict[str, Array] = {}
        names = [value.name for value in self._session.get_outputs()]
        for entry in self._entries:
            own = {name: values for key, values in inputs.items() if (name := of_entry(entry, key)) is not None}
            results = self._session.run(names, own)
            found |= {name_of(entry, name): values for name, values in zip(names, results, strict=True)}
        return found


def _named(entry: str, record: Mapping[str, Any]) -> TensorSpec:
    return TensorSpec.from_record({**record, "name": name_of(entry, record["name"])})
