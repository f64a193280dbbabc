"""The tools that zoo-export is compared with, and their settings: one `Peer` is one row of the table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

TOOLS = Path(__file__).parent / "tools"
OURS = "zoo-export"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One tool with one setting.

    Attributes:
        tool: its name in `--tools`; several settings of one tool share it.
        title: of the row.
        script: in `tools/`, with a function `quantize(float_file, samples, out, **settings)`.
        reads: suffix of the float file that it takes.
        writes: suffix of the int8 file.
        settings: of the function.
        distributions: whose versions the row states, the tool's own first.
        environment: name of the requirements file; None for the project's own environment.
    """

    tool: str
    title: str
    script: str
    reads: str
    writes: str
    distributions: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: str | None = None

    @property
    def path(self) -> Path:
        """The script."""
        return TOOLS / self.script

    def identity(self) -> dict[str, Any]:
        """Return everything that determines the file of this peer, except the versions and the data."""
        content = hashlib.sha256(self.path.read_bytes()).hexdigest()
        return {"tool": self.tool, "script": content, "settings": dict(self.settings)}


_ONNX_RUNTIME = Peer(
    tool="onnxruntime",
    title="ONNX Runtime quantize_static",
    script="onnx_runtime.py",
    reads=".onnx",
    writes=".onnx",
    distributions=("onnxruntime", "onnx"),
)
_NNCF = Peer(
    tool="nncf",
    title="NNCF",
    script="nncf_onnx.py",
    reads=".onnx",
    writes=".onnx",
    distributions=("nncf", "onnx", "onnxruntime"),
    environment="nncf",
)


def _set(peer: Peer, title: str, **settings: Any) -> Peer:
    return replace(peer, title=f"{peer.title}, {title}", settings=settings)


PEERS = (
    Peer(
        tool="tflite-converter",
        title="TFLiteConverter, full integer, int8 inputs and outputs",
        script="tflite_converter.py",
        reads=".keras",
        writes=".tflite",
        distributions=("tensorflow", "keras"),
    ),
    Peer(
        tool="ai-edge-quantizer",
        title="ai-edge-quantizer, static_wi8_ai8, its own calibration",
        script="ai_edge.py",
        reads=".tflite",
        writes=".tflite",
        distributions=("ai-edge-quantizer", "ai-edge-litert"),
    ),
    Peer(
        tool="mct",
        title="Model Compression Toolkit, PTQ, imx500",
        script="mct.py",
        reads=".keras",
        writes=".tflite",
        distributions=("model-compression-toolkit", "tensorflow"),
        environment="mct",
    ),
    _set(_ONNX_RUNTIME, "U8S8, per channel, min-max", activations="QUInt8"),
    _set(_ONNX_RUNTIME, "S8S8, per channel, min-max", activations="QInt8"),
    *(
        _set(_NNCF, f"{preset}, {correction}", preset=preset, fast_bias_correction=fast)
        for correction, fast in (("accurate bias correction", False), ("fast bias correction, its default", True))
        for preset in ("PERFORMANCE", "MIXED")
    ),
)


def tools() -> tuple[str, ...]:
    """Return what `--tools` may name, ours first."""
    return (OURS, *dict.fromkeys(peer.tool for peer in PEERS))
