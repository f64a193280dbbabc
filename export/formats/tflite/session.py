"""Run a .tflite in LiteRT."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.samples import Array
from export.errors import ConversionError
from export.formats.tflite import decoder, encoder_decoder, flatbuffer, rejection
from export.formats.tflite.census import select_ops
from export.model.tensor_spec import TensorSpec
from zoo.entry_points import name_of, of_entry
from zoo.errors import OutsideError


class TfliteSession:
    """A .tflite in LiteRT with XNNPACK, whose kernels phones and the Raspberry Pi use."""

    def __init__(
        self, path: Path, threads: int = 1, *, keep_all_tensors: bool = False, plain_kernels: bool = False
    ) -> None:
        """Load a file; with `plain_kernels`, in the kernels of the reference in place of XNNPACK's.

        Raises:
            ConversionError: LiteRT does not load it; the message says why in one sentence.
        """
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        content = path.read_bytes()
        kernels = OpResolverType.BUILTIN_REF if plain_kernels else OpResolverType.AUTO
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # keep_all_tensors warns about its memory.
            self._interpreter = Interpreter(
                model_path=str(path),
                num_threads=threads,
                experimental_op_resolver_type=kernels,
                experimental_preserve_all_tensors=keep_all_tensors,
            )
        try:
            self._interpreter.allocate_tensors()
        except RuntimeError as error:
            raise ConversionError(rejection.refusal(content, error)) from error
        self._input_details, self._output_details = self._details()
        self.inputs = tuple(_spec(name, detail) for name, detail in self._input_details.items())
        steps = flatbuffer.output_steps(flatbuffer.read(content))
        self.outputs = tuple(_spec(name, detail, steps.get(name)) for name, detail in self._output_details.items())

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the stored outputs by name for stored inputs by name, batch 1."""
        self.invoke(inputs)
        return {name: self._interpreter.get_tensor(detail["index"]) for name, detail in self._output_details.items()}

    def invoke(self, inputs: Mapping[str, Array]) -> None:
        """Run the file without reading the outputs."""
        for name, detail in self._input_details.items():
            self._interpreter.set_tensor(detail["index"], inputs[name])
        self._interpreter.invoke()

    def view(self, index: int) -> NDArray[Any]:
        """Return a view of a tensor's memory, which the caller must release before the next run."""
        view: NDArray[Any] = self._interpreter.tensor(index)()
        return view

    def fit(self, inputs: Mapping[str, Array]) -> None:
        """Give inputs the shapes of these values: a file may leave sizes open that its operators determine."""
        other = {
            name: detail["index"]
            for name, detail in self._input_details.items()
            if tuple(int(size) for size in detail["shape"]) != inputs[name].shape
        }
        for name, index in other.items():
            self._interpreter.resize_tensor_input(index, inputs[name].shape)
        if other:
            self._interpreter.allocate_tensors()
            self._input_details, self._output_details = self._details()

    def _details(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the details of inputs and outputs by the names in the signature, or else of the tensors.

        They are in the order of the graph: a signature sorts them by name.
        """
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        if not self._interpreter.get_signature_list():
            return {detail["name"]: detail for detail in inputs}, {detail["name"]: detail for detail in outputs}
        runner = self._interpreter.get_signature_runner()
        return _in_order(runner.get_input_details(), inputs), _in_order(runner.get_output_details(), outputs)


class TfliteEntries:
    """A .tflite with several signatures, one per entry point, which all run on each call."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=str(path), num_threads=threads)
        names = list(interpreter.get_signature_list())
        self._runners = {entry: interpreter.get_signature_runner(entry) for entry in names}
        details = {entry: (one.get_input_details(), one.get_output_details()) for entry, one in self._runners.items()}
        self.inputs, self.outputs = (
            tuple(
                _spec(name_of(entry, name), detail)
                for entry, pair in details.items()
                for name, detail in pair[side].items()
            )
            for side in (0, 1)
        )

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the stored outputs of all entry points by name for stored inputs by name, batch 1."""
        found: dict[str, Array] = {}
        for entry, runner in self._runners.items():
            own = {name: values for key, values in inputs.items() if (name := of_entry(entry, key)) is not None}
            found |= {name_of(entry, name): values for name, values in runner(**own).items()}
        return found


def open_session(
    path: Path, threads: int = 1
) -> TfliteSession | TfliteEntries | decoder.InPlaceDecoder | encoder_decoder.InPlaceEncoderDecoder:
    """Load a file in LiteRT, on the CPU.

    Raises:
        OutsideError: the file needs operators of TensorFlow, which LiteRT does not have.
    """
    content = path.read_bytes()
    if found := select_ops(content):
        raise OutsideError(
            f"{path.name} needs {', '.join(found)} of TensorFlow, which no runtime here has; run it in an app that "
            "links the Select TF operators"
        )
    parsed = flatbuffer.read(content)
    signatures, length = flatbuffer.signature_names(parsed), decoder.length_of(parsed)
    if length is not None:
        if encoder_decoder.ENCODE in signatures:
            return encoder_decoder.InPlaceEncoderDecoder(path, threads)
        return decoder.InPlaceDecoder(path, length, threads)
    return TfliteEntries(path, threads) if len(signatures) > 1 else TfliteSession(path, threads)


def _in_order(details: Mapping[str, Any], order: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    places = {one["index"]: place for place, one in reversed(list(enumerate(order)))}
    return dict(sorted(details.items(), key=lambda item: places[item[1]["index"]]))


def _spec(name: str, detail: Mapping[str, Any], step: float | None = None) -> TensorSpec:
    scales, zero_points = (detail["quantization_parameters"][key] for key in ("scales", "zero_points"))
    quantized = len(scales) == 1 and np.issubdtype(detail["dtype"], np.integer)
    return TensorSpec(
        name=name,
        shape=tuple(int(size) for size in detail["shape"]),
        dtype=np.dtype(detail["dtype"]).name,
        scale=float(scales[0]) if quantized else step,
        zero_point=int(zero_points[0]) if quantized else None,
    )
