"""Observe every activation of a float .tflite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from calibration.observers import Update
from calibration.samples import Array, Samples
from export import temporary
from export.formats.tflite import flatbuffer, partition
from export.formats.tflite.session import TfliteSession
from export.formats.tflite.steps import steps as steps_of

MOST_BYTES = 1 << 30  # Maximum size of the activations that are kept at a time.

UpdateOf = Callable[[int], Update]


class TfliteWatcher:
    """Run a float file with access to every activation."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        """Read a float32 file; activations inside its loops are not observed."""
        model = flatbuffer.read(path.read_bytes())
        self._path, self._model, self._threads = path, model, threads
        self._watched = flatbuffer.activations(model)
        outside = {*model.subgraphs[0].inputs, *model.subgraphs[0].outputs}
        self.edges = frozenset(name for index, name in self._watched.items() if index in outside)
        self.steps = tuple(steps_of(model))

    def watch(self, samples: Samples, update_of: UpdateOf) -> None:
        """Run all samples, and pass every activation of the sample `index` to `update_of(index)(name, values)`.

        The update function must not keep the values. All samples of one activation come in order. A file whose
        activations take more than 1 GB runs in parts: all samples of the first part, then of the next.
        """
        found = partition.split(self._model, MOST_BYTES)
        if len(found) == 1:
            self._watch_whole(samples, update_of)
            return
        with temporary.folder() as folder:
            inputs = self._inputs(samples, update_of)
            for part in found:
                self._watch_part(part, Path(folder), inputs, len(samples), update_of)

    def _watch_whole(self, samples: Samples, update_of: UpdateOf) -> None:
        session = TfliteSession(self._path, self._threads, keep_all_tensors=True)
        shown = flatbuffer.with_memory(self._model, self._watched)
        for sample_index, sample in enumerate(samples):
            session.invoke({spec.name: spec.quantize(sample[spec.name]) for spec in session.inputs})
            update = update_of(sample_index)
            for index, name in self._watched.items():
                update(name, session.view(shown[index]))

    def _inputs(self, samples: Samples, update_of: UpdateOf) -> dict[int, Array]:
        """Return the inputs (N, 1, ...) by tensor index, and pass them to the update functions."""
        tensors = {one.tensorIndex: one.name.decode() for one in self._model.signatureDefs[0].inputs}
        for sample_index, sample in enumerate(samples):
            update = update_of(sample_index)
            for index, name in tensors.items():
                if index in self._watched:
                    update(self._watched[index], sample[name])
        return {index: samples.inputs[name][:, None] for index, name in tensors.items()}

    def _watch_part(
        self, part: partition.Part, folder: Path, inputs: Mapping[int, Array], count: int, update_of: UpdateOf
    ) -> None:
        """Run one part on files of earlier parts in `folder`, and write files for later parts."""
        path = folder / "part.tflite"
        path.write_bytes(partition.content(self._model, part))
        session = TfliteSession(path, self._threads, keep_all_tensors=True)
        tensors = self._model.subgraphs[0].tensors
        names = {tensors[index].name.decode(): index for index in part.reads}
        watched = {index: self._watched[index] for index in part.makes if index in self._watched}
        shown = flatbuffer.with_memory(self._model, watched)

        def read(name: str, sample_index: int) -> Array:
            index = names[name]
            given = inputs.get(index)
            found: Array = given[sample_index] if given is not None else np.load(folder / f"{index}-{sample_index}.npy")
            return found

        for sample_index in range(count):
            session.invoke({spec.name: spec.quantize(read(spec.name, sample_index)) for spec in session.inputs})
            update = update_of(sample_index)
            for index, name in watched.items():
                update(name, session.view(shown[index]))
            for index in part.gives:
                # Separate files instead of a memory map, whose pages count as memory of this process.
                np.save(folder / f"{index}-{sample_index}.npy", session.view(index))
