"""What a model file is, told by the file itself: inputs, outputs, operators, integer or not."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from export.child import RuntimeCrashError, call

READ_SECONDS = 300
LAYER_SECONDS, LAYER_PROGRAM = 3600, "export.diagnosis.process"


def inspect_file(path: Path) -> dict[str, Any]:
    """Return plain data about a model file; its runtime works in a child process.

    Raises:
        UsageProblemError: no target reads such a file.
        RuntimeCrashError: the file is damaged, or its runtime crashed on it.
    """
    try:
        facts = call("inspect", timeout_s=READ_SECONDS, path=path)
    except RuntimeCrashError as error:
        raise RuntimeCrashError(f"cannot read {path}: {error}") from error
    content = path.read_bytes()
    return {
        "file": str(path),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "verdict": judge(facts["census"], [*facts["inputs"], *facts["outputs"]]),
        **facts,
    }


def inspect_layers(path: Path, model: str | None, samples: str | None) -> dict[str, Any]:
    """Return plain data about every layer of a quantized file, and the worst; see `export.diagnosis`.

    Args:
        path: of the file.
        model: a name of the zoo or a .keras file; None to ask the manifest beside the file.
        samples: a folder of photos, an .npz or .npy; None for those of the file's proof.

    Raises:
        UsageProblemError: nobody says which model it is; it is not that model, or it holds no integers.
        RuntimeCrashError: the file is damaged, or its runtime crashed on it.
    """
    return call(
        "examine", timeout_s=LAYER_SECONDS, program=LAYER_PROGRAM, path=path.resolve(), model=model, samples=samples
    )


def judge(operators: Sequence[Mapping[str, Any]], edges: Sequence[Mapping[str, Any]]) -> str:
    """Return in a sentence what kind of file this is; `edges` are its inputs and outputs."""
    flex = [record["op"] for record in operators if record["op"].startswith("Flex")]
    if flex:
        return f"needs TensorFlow on the device: {', '.join(flex)}; no small runtime has these operators"
    in_float = [record for record in operators if record["arithmetic"] == "float"]
    integer_count = sum(record["count"] for record in operators if record["arithmetic"] in ("integer", "int16"))
    if not integer_count:
        return "float: no operator computes in integers"
    if in_float:
        float_count = sum(record["count"] for record in in_float)
        names = ", ".join(f"{record['op']} x {record['count']}" for record in in_float)
        share = f"{float_count} of {float_count + integer_count} operators compute in float"
        return f"integer with float islands: {share}: {names}"
    float_edges = [edge["name"] for edge in edges if edge["dtype"].startswith("float")]
    if float_edges:
        return f"integer inside, float outside: {', '.join(float_edges)}"
    return "all-integer: every operator computes in integers, and so are inputs and outputs"
