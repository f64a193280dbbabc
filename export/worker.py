"""The child process that touches native runtimes; it never imports TensorFlow. See `export.child`."""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from calibration.fingerprint import Fingerprint
from calibration.observers import SplitObserver
from calibration.samples import Array, Samples
from export import cores
from export.diagnosis.measuring import layer_errors, together
from export.targets import PRIMARY, target_of
from export.targets.dissection import Dissector
from export.targets.session import Session, TensorSpec
from export.versions import version
from zoo.errors import UsageProblemError

WARM_UP_RUNS = 3
SLOW_MS = 50.0  # an inference: less is not worth loading a file twice


def run(
    path: str, samples: str, outputs: str, camera_bytes: bool, threads: int = 1, hurry_after: int | None = None
) -> dict[str, Any]:
    """Run a file on saved samples; write the stored outputs to `outputs` (.npz), answer specs and times.

    Args:
        path: of the file.
        samples: folder that `Samples.save` wrote.
        outputs: of the .npz to write, arrays (N, ...) by output name as the file stores them.
        camera_bytes: feed the photos' bytes to a uint8 input, as a device would.
        threads: of the runtime.
        hurry_after: so many samples, which alone are timed then, a slow file gets all cores: its answers are the same.
    """
    loaded = Samples.load(Path(samples))
    target = target_of(Path(path))
    session = target.open(Path(path), threads)
    specs = _specs(session)
    rows: dict[str, list[Array]] = {spec.name: [] for spec in session.outputs}
    for _ in range(WARM_UP_RUNS):
        session.run(feed(session, loaded, 0, camera_bytes))
    milliseconds: list[float] = []
    timed = len(loaded)
    for index in range(len(loaded)):
        if index == hurry_after and np.median(milliseconds) > SLOW_MS:
            timed = index
            del session  # before there is another: one holds all weights
            session = target.open(Path(path), max(threads, cores.count()))
        inputs = feed(session, loaded, index, camera_bytes)
        start = time.perf_counter()
        stored = session.run(inputs)
        milliseconds.append((time.perf_counter() - start) * 1e3)
        for name, values in stored.items():
            rows[name].append(values)
    arrays: dict[str, Any] = {name: np.concatenate(values) for name, values in rows.items()}
    np.savez(outputs, **arrays)
    census = [asdict(op) for op in target.census(Path(path))]
    return {
        **specs,
        **_times(milliseconds[:timed]),
        "milliseconds": milliseconds,
        "census": census,
    }


def observe(path: str, samples: str, observer: str) -> dict[str, Any]:
    """Observe every activation of a float file; answer the ranges, how stable they are, and what activations are like.

    The fingerprints are of the first sample, and of what may be clipped: neither inputs nor outputs of the file, nor
    what holds the same numbers in another shape.
    """
    watcher = PRIMARY.watch(Path(path))
    split = SplitObserver(observer, watcher.edges)
    fingerprints: dict[str, Fingerprint] = {}

    def first(name: str, values: Array) -> None:
        split.half(0)(name, values)
        if values.size:
            fingerprints[name] = Fingerprint.of(values)

    watcher.watch(Samples.load(Path(samples)), lambda index: split.half(index) if index else first)
    stability = split.stability()
    return {
        "ranges": split.ranges().record(),
        "stability": stability.record() if stability else None,
        "fingerprints": {
            name: fingerprint.record()
            for name, fingerprint in fingerprints.items()
            if not any(fingerprint.is_like(fingerprints[edge]) for edge in watcher.edges if edge in fingerprints)
        },
    }


def activations(path: str, samples: str, count: int, outputs: str) -> dict[str, Any]:
    """Show every activation of a float file on the first samples; write them to `outputs` (.npz), answer the steps.

    Args:
        path: of the file.
        samples: folder that `Samples.save` wrote.
        count: of samples.
        outputs: of the .npz to write, arrays (N, ...) by the position of the tensor among `names`.
    """
    watcher = PRIMARY.watch(Path(path))
    rows: dict[str, list[Array]] = {}
    loaded = Samples.load(Path(samples))

    def keep(name: str, values: Array) -> None:
        rows.setdefault(name, []).append(np.array(values))

    watcher.watch(loaded.take(np.arange(min(count, len(loaded)))), lambda _: keep)
    arrays: dict[str, Any] = {str(position): np.concatenate(values) for position, values in enumerate(rows.values())}
    np.savez(outputs, **arrays)
    return {"names": list(rows), "steps": [asdict(step) for step in watcher.steps]}


def dissect(path: str, float_file: str, samples: str, count: int, camera_bytes: bool) -> dict[str, Any]:
    """Compare every activation of a quantized file with the float file's, on the first samples.

    Args:
        path: of the quantized file.
        float_file: of the float one, in the primary format.
        samples: folder that `Samples.save` wrote.
        count: of samples.
        camera_bytes: as for `run`.
    """
    loaded = Samples.load(Path(samples))
    dissector = target_of(Path(path)).dissect(Path(path), Path(float_file))
    pairs = [
        (
            {name: np.asarray(values[index : index + 1]) for name, values in loaded.inputs.items()},
            feed(dissector, loaded, index, camera_bytes),
        )
        for index in range(min(count, len(loaded)))
    ]
    errors = layer_errors(dissector, pairs)
    return {
        "layers": [error.record() for error in errors],
        "missing": list(dissector.missing),
        "output_sqnr_db": min(together(dissector, errors)),
    }


def bench(path: str, runs: int, threads: int) -> dict[str, Any]:
    """Time a file on noise: only the numbers' types matter to its speed."""
    target = target_of(Path(path))
    empty_mb = peak_mb()
    session = target.open(Path(path), threads)
    generator = np.random.default_rng(0)
    inputs = {spec.name: _noise(generator, spec) for spec in session.inputs}
    for _ in range(WARM_UP_RUNS):
        session.run(inputs)
    milliseconds = []
    for _ in range(runs):
        start = time.perf_counter()
        session.run(inputs)
        milliseconds.append((time.perf_counter() - start) * 1e3)
    return {
        **_times(milliseconds),
        "milliseconds": milliseconds,
        "peak_mb": peak_mb(),
        "empty_mb": empty_mb,
        "runtime": target.runtime,
        "version": version(target.runtime),
    }


def bench_in_turns(paths: list[str], rounds: int, runs: int, threads: int) -> dict[str, Any]:
    """Time files on noise, one after the other, `rounds` times; answer the least median of each.

    What else the machine does hits all alike.
    """
    turns = [[bench(path, runs, threads)["p50_ms"] for path in paths] for _ in range(rounds)]
    return {"p50_ms": [min(times) for times in zip(*turns, strict=True)]}


def peak_mb() -> float:
    """Return the most memory that this process has held, in megabytes.

    Not `ru_maxrss` where there is /proc: Linux counts in it what the parent held when it started us.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))
        return float(kilobytes) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def inspect(path: str) -> dict[str, Any]:
    """Describe a file: inputs, outputs and operators."""
    target = target_of(Path(path))
    session = target.open(Path(path))
    return {
        "format": target.name,
        **_specs(session),
        "census": [asdict(op) for op in target.census(Path(path))],
    }


def feed(session: Session | Dissector, samples: Samples, index: int, camera_bytes: bool) -> dict[str, Array]:
    """Return one sample as the file's inputs store it.

    Raises:
        UsageProblemError: the file wants other inputs than the samples hold.
    """
    if {spec.name for spec in session.inputs} != set(samples.inputs):
        wanted = ", ".join(spec.name for spec in session.inputs)
        raise UsageProblemError(f"the file's inputs are {wanted}; the samples hold {', '.join(samples.inputs)}")
    fed = {}
    # Photos are of the first input; others, which are drawn, may be of uint8 too.
    photo = next(iter(samples.inputs)) if camera_bytes and samples.photos is not None else None
    for spec in session.inputs:
        if spec.name == photo and spec.dtype == "uint8" and samples.photos is not None:
            fed[spec.name] = np.ascontiguousarray(samples.photos[index : index + 1])
        else:
            fed[spec.name] = spec.quantize(np.asarray(samples.inputs[spec.name][index : index + 1]))
    return fed


def _noise(generator: np.random.Generator, spec: TensorSpec) -> Array:
    if np.issubdtype(np.dtype(spec.dtype), np.integer):
        high = 2 if spec.scale is None else 127  # token ids must stay inside the smallest table
        return generator.integers(0, high, spec.shape).astype(spec.dtype)
    return generator.uniform(-1, 1, spec.shape).astype(spec.dtype)


def _specs(session: Session) -> dict[str, Any]:
    return {
        "inputs": [asdict(spec) for spec in session.inputs],
        "outputs": [asdict(spec) for spec in session.outputs],
    }


def _times(milliseconds: list[float]) -> dict[str, float]:
    p50, p90 = np.percentile(milliseconds, [50, 90])
    return {"p50_ms": float(p50), "p90_ms": float(p90)}


JOBS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "run": run,
    "observe": observe,
    "activations": activations,
    "dissect": dissect,
    "bench": bench,
    "bench_in_turns": bench_in_turns,
    "inspect": inspect,
}


def main() -> int:
    """Read a request from standard input, write the answer to the file that it names."""
    request = json.load(sys.stdin)
    try:
        answer = JOBS[request["job"]](**request["arguments"])
    except UsageProblemError as error:
        answer = {"refused": str(error), "exit_code": error.exit_code}
    Path(request["answer"]).write_text(json.dumps(answer), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
