"""Fold batch norm, transposed kernels and constants.

The basic level of ONNX Runtime's optimizer does this and writes only standard operators.
"""

from __future__ import annotations

from pathlib import Path

from export import temporary
from export.errors import ConversionError
from export.formats.onnx.protos import ModelProto
from export.formats.onnx.session import load_errors, save_optimized


def fold(proto: ModelProto) -> ModelProto:
    """Return `proto` folded; `proto` itself is emptied to avoid two copies of the weights."""
    import onnx

    with temporary.folder() as folder:
        before, after = Path(folder, "before.onnx"), Path(folder, "after.onnx")
        onnx.save(proto, str(before))
        proto.Clear()
        try:
            save_optimized(before, after, "ORT_ENABLE_BASIC")
        except load_errors() as error:
            raise ConversionError(f"ONNX Runtime rejects the converted graph: {error}") from error
        folded = onnx.load(str(after))
    # The runtime lists all its domains, but the file only uses the standard one.
    kept = [entry for entry in folded.opset_import if not entry.domain]
    del folded.opset_import[:]
    folded.opset_import.extend(kept)
    del folded.metadata_props[:]
    return folded
