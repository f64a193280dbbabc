"""The oldest releases of ONNX Runtime that load an .onnx."""

from __future__ import annotations

from pathlib import Path

from export.formats.requirements import Requirements, oldest_runtimes

TABLE = Path(__file__).with_name("runtime_versions.json")
STRUCTURE, STANDARD = "ir", "ai.onnx"


def requirements(path: Path) -> Requirements:
    """Return what a file requires: the version of its structure, of ONNX's operators and of the runtime's own."""
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    needed = [(STRUCTURE, int(model.ir_version))]
    needed += [(STANDARD, int(one.version)) for one in model.opset_import if one.domain in ("", STANDARD)]
    needed += [(f"{node.domain}.{node.op_type}", 1) for node in model.graph.node if node.domain not in ("", STANDARD)]
    return Requirements(oldest_runtimes=oldest_runtimes(TABLE, needed))
