"""Describe a model file from its content: inputs, outputs, operators and arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from export.process import RuntimeCrashError, call
from export.runtime import data_files
from export.runtime.file_content import digest
from export.runtime.jobs.describe import describe

READ_SECONDS = 300


def inspect_file(path: Path) -> dict[str, Any]:
    """Return the facts about a model file as plain data; its runtime runs in a child process.

    Raises:
        UsageProblemError: the file does not exist or has no supported format.
        RuntimeCrashError: the file is damaged, or its runtime crashed on it.
    """
    try:
        facts = call(describe, timeout_s=READ_SECONDS, path=path)
    except RuntimeCrashError as error:
        advice = "" if ";" in str(error) else "; export or copy the file again"
        raise RuntimeCrashError(f"cannot read {path}: {error}{advice}") from error
    return {
        "file": str(path),
        "bytes": data_files.size_bytes(path),
        "sha256": digest(path),
        "data": data_files.digests(path),
        "verdict": judge(facts["census"], [*facts["inputs"], *facts["outputs"]]),
        **facts,
    }


def judge(operators: Sequence[Mapping[str, Any]], edges: Sequence[Mapping[str, Any]]) -> str:
    """Return a sentence on the arithmetic of a file; `edges` are its inputs and outputs."""
    flex = [record["op"] for record in operators if record["op"].startswith("Flex")]
    if flex:
        return f"needs TensorFlow on the device: the LiteRT runtime does not include {', '.join(flex)}"
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
    return "all-integer: all operators, inputs and outputs use integers"
