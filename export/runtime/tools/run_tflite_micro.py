"""Run a file in TensorFlow Lite Micro, in its own environment: FILE INPUTS.npz OUTPUTS.npz COUNT ARENA_BYTES.

INPUTS holds arrays (N, ...) named by the place of the input, "0", "1", ...; so does OUTPUTS, COUNT of them. The
interpreter prints on stderr how much of its arena it used.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from tflite_micro import runtime


def main(path: str, inputs: str, outputs: str, count: str, arena_bytes: str) -> None:
    """Write the outputs for all samples."""
    interpreter = runtime.Interpreter.from_file(path, arena_size=int(arena_bytes))
    with np.load(inputs) as arrays:
        fed = {int(place): arrays[place] for place in arrays.files}
    rows: list[list[Any]] = []
    for index in range(len(fed[0])):
        for place, values in fed.items():
            interpreter.set_input(np.ascontiguousarray(values[index : index + 1]), place)
        interpreter.invoke()
        rows.append([interpreter.get_output(place).copy() for place in range(int(count))])
    found: dict[str, Any] = {str(place): np.concatenate(column) for place, column in enumerate(zip(*rows, strict=True))}
    np.savez(outputs, **found)
    interpreter.print_allocations()


if __name__ == "__main__":
    main(*sys.argv[1:])
