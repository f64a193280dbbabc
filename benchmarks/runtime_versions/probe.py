"""Run by the Python of this project with the packages of one release: print which files it accepts.

probe.py FOLDER_OF_THE_RELEASE FOLDER_OF_FILES; files are called KIND@VERSION.suffix.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
REFUSED = ("find op for builtin opcode", "out of range")


def accepts(path: Path) -> bool:
    """Return whether the release loads a file, or refuses it for another reason than the versions in it."""
    if path.suffix == ".onnx":
        import onnxruntime

        onnxruntime.set_default_logger_severity(4)
        try:
            onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception:  # each release has error classes of its own, which share no other base
            return False
        return True
    try:
        from tflite_runtime.interpreter import Interpreter
    except ImportError:
        from ai_edge_litert.interpreter import Interpreter
    try:
        Interpreter(model_path=str(path))
    except ValueError as error:
        return not any(words in str(error) for words in REFUSED)
    return True


newest: dict[str, int] = {}
for file in sorted(Path(sys.argv[2]).iterdir()):
    kind, _, version = file.stem.partition("@")
    if accepts(file):
        newest[kind] = max(newest.get(kind, 0), int(version))
print(json.dumps(newest))
