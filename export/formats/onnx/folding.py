"""Fold what does not depend on the input: batch norm into convolutions, transposed kernels, constants.

ONNX Runtime's own optimizer at its basic level does it, and writes standard operators only.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from export.errors import ConversionError
from export.formats.onnx.protos import ModelProto
from export.formats.onnx.session import load_errors, save_optimized


def fold(proto: ModelProto) -> ModelProto:
    """Return `proto` folded; `proto` is emptied on the way, so that its weights are not held twice."""
    import onnx

    with tempfile.TemporaryDirectory(prefix="zoo-fold-") as folder:
        before, after = Path(folder, "before.onnx"), Path(folder, "after.onnx")
        onnx.save(proto, str(before))
        proto.Clear()
        try:
            save_optimized(before, after, "ORT_ENABLE_BASIC")
        except load_errors() as error:
            raise ConversionError(f"ONNX Runtime refuses the converted graph: {error}") from error
        folded = onnx.load(str(after))
    # The runtime lists every domain that it knows; the standard one is enough.
    kept = [entry for entry in folded.opset_import if not entry.domain]
    del folded.opset_import[:]
    folded.opset_import.extend(kept)
    del folded.metadata_props[:]
    return folded
