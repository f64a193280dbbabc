"""Compare the outputs of an int8 .onnx here and on an emulated CPU with AVX2 but without VNNI.

On such CPUs ONNX Runtime multiplies u8 x s8 with an instruction that saturates; newer CPUs have a better one. The
Haswell of qemu has no VNNI (`apt-get install qemu-user`). Emulated times are meaningless.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.cost import export
from calibration.samples import Array, Samples
from export.bundle.read import read
from export.process import environment

COUNT = 8


def run(models: list[str]) -> None:
    """Print the difference between the outputs of the int8 .onnx on an emulated Haswell and on this machine."""
    if shutil.which("qemu-x86_64") is None:
        sys.exit("error: qemu-x86_64 is missing; on Debian type: apt-get install qemu-user")
    print(f"\n## int8 .onnx on an emulated Haswell (AVX2, no VNNI) and here, {COUNT} photos\n")
    print("| model | largest difference, steps of the output | same prediction |\n|---|---|---|")
    for name in models:
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            export(name, work, "int8", "--format", "onnx", "--keep-failed")
            delivered = read(work / name)
            (file,) = delivered.files
            with np.load(work / name / "golden.npz", allow_pickle=False) as arrays:
                inputs = {key.removeprefix("input/"): arrays[key] for key in arrays if key.startswith("input/")}
                photos = arrays["photos"]
            Samples(inputs=inputs, photos=photos, photo_input=delivered.photo_input, source="golden", seed=0).save(
                work / "samples"
            )
            here, there = (_outputs(work, file.path, emulator) for emulator in ([], _EMULATOR))
            (output,) = file.outputs
            step = 1 if output.zero_point is not None else output.scale or 1
            steps = np.abs(here.astype(np.float64) - there.astype(np.float64)).max() / step
            print(f"| {name} | {steps:.0f} | {(here.argmax(1) == there.argmax(1)).mean():.0%} |")


_EMULATOR = ["qemu-x86_64", "-cpu", "Haswell"]


def _outputs(work: Path, file: Path, emulator: list[str]) -> Array:
    outputs = work / "outputs.npz"
    paths = [str(file), str(work / "samples"), str(outputs)]
    program = "import sys; from export.runtime.jobs.run import run; run(*sys.argv[1:], camera_bytes=True)"
    command = [*emulator, sys.executable, "-P", "-c", program, *paths]
    subprocess.run(command, env=environment(), check=True, capture_output=True)
    with np.load(outputs, allow_pickle=False) as arrays:
        (name,) = arrays.files
        found: Array = arrays[name]
    return found
