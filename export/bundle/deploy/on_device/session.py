"""Run a model file with the runtime that is installed: LiteRT, its predecessor tflite-runtime, or ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

from zoo.errors import UsageProblemError

from .decoders import Decoder, OnnxDecoder, TfliteDecoder, logits
from .model import Array, ModelFile

# For each kind of file the modules that run it, the preferred one first, and the package to install.
ONNXRUNTIME = "onnxruntime"
RUNTIMES = {
    ".tflite": (("ai_edge_litert", "tflite_runtime"), "ai-edge-litert"),
    ".onnx": ((ONNXRUNTIME,), ONNXRUNTIME),
}


class _DecoderSession:
    """A decoder as a file of whole texts."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return logits(self.decoder, inputs)


class Session(Protocol):
    """A loaded file."""

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return stored outputs (1, ...) by name for stored inputs (1, ...) by name."""
        ...


def runtime(file: ModelFile) -> str:
    """Return the name of the installed module that runs a file; empty if there is none."""
    modules, _ = RUNTIMES.get(file.path.suffix, ((), ""))
    return next((name for name in modules if find_spec(name) is not None), "")


def open_file(file: ModelFile, threads: int = 1, *, builtin_kernels: bool = False) -> Session:
    """Load a file.

    Args:
        file: the file.
        threads: number of threads of the runtime.
        builtin_kernels: whether LiteRT must use its own kernels in place of XNNPACK's, as it does on 32-bit Arm.

    Raises:
        UsageProblemError: its runtime is not installed.
    """
    found = runtime(file)
    if not found:
        raise UsageProblemError(
            f"nothing here runs {file.path.name}; type: pip install {RUNTIMES[file.path.suffix][1]}"
        )
    if decoder := _decoder(file, found, threads, builtin_kernels):
        return _DecoderSession(decoder)
    if found == ONNXRUNTIME:
        return _OnnxSession(file, _onnx_session(file, threads))
    return _TfliteSession(file, _interpreter(file, found, threads, builtin_kernels))


def open_decoder(file: ModelFile, threads: int = 1) -> Decoder | None:
    """Load a file that reads texts token by token; return None if it is another.

    Raises:
        UsageProblemError: its runtime is not installed.
    """
    found = runtime(file)
    if not found:
        open_file(file)  # says what to install
    return _decoder(file, found, threads, builtin_kernels=False)


def _decoder(file: ModelFile, module: str, threads: int, builtin_kernels: bool) -> Decoder | None:
    if not file.is_decoder:
        return None
    if module == ONNXRUNTIME:
        return OnnxDecoder(_onnx_session(file, threads))
    return TfliteDecoder(_interpreter(file, module, threads, builtin_kernels))


def _interpreter(file: ModelFile, module: str, threads: int, builtin_kernels: bool) -> Any:
    interpreter = import_module(f"{module}.interpreter")
    options: dict[str, Any] = {}
    if builtin_kernels:
        kernels = interpreter.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        options["experimental_op_resolver_type"] = kernels
    return interpreter.Interpreter(model_path=str(file.path), num_threads=threads, **options)


def _onnx_session(file: ModelFile, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(file.path), options, providers=["CPUExecutionProvider"])


class _TfliteSession:
    def __init__(self, file: ModelFile, interpreter: Any) -> None:
        self._interpreter = interpreter
        self._interpreter.allocate_tensors()
        inputs, outputs = self._details()
        self._inputs = {one.name: inputs[one.name]["index"] for one in file.inputs}
        self._outputs = {one.name: outputs[one.name]["index"] for one in file.outputs}

    def _details(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the details of inputs and outputs by the names in the signature, or else of the tensors."""
        if self._interpreter.get_signature_list():
            runner = self._interpreter.get_signature_runner()
            return runner.get_input_details(), runner.get_output_details()
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        return {one["name"]: one for one in inputs}, {one["name"]: one for one in outputs}

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        for name, index in self._inputs.items():
            self._interpreter.set_tensor(index, inputs[name])
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(index) for name, index in self._outputs.items()}


class _OnnxSession:
    def __init__(self, file: ModelFile, session: Any) -> None:
        self._session = session
        self._names = [one.name for one in file.outputs]

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return dict(zip(self._names, self._session.run(self._names, dict(inputs)), strict=True))
