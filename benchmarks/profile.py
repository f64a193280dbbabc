"""Where time and memory of an export go: `python -m benchmarks profile NAME [options of zoo export]`.

Prints wall time, processor time and memory by step, and the functions of this project that use most processor time
with the library that they call. Nothing is read from the cache unless `--cached` is given. A function that runs with
the interpreter locked (a runtime's inference) is sampled when it returns, which is its caller's line.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import sampled
from benchmarks.process import resident, tree

START, WAIT = "start", "export/process:do"
INTERVAL_S = 0.2  # each look at the memory of the processes takes some 20 ms
CACHED = "--cached"
SMALLEST_SHARE = 0.01  # of the processor time: functions with less are not printed


@dataclass
class Steps:
    """The progress of an export, with the time and the memory of every step."""

    names: list[str] = field(default_factory=lambda: [START])
    times: list[float] = field(default_factory=lambda: [time.monotonic()])
    memory: list[tuple[float, int, int]] = field(default_factory=list)

    def step(self, what: str, done: int | None = None, total: int | None = None, detail: str = "") -> None:
        """Note the time at which another step begins."""
        if what and what != self.names[-1]:
            self.names.append(what)
            self.times.append(time.monotonic())

    def at(self, moment: float) -> str:
        """Return the step at a time."""
        return self.names[max(bisect_right(self.times, moment) - 1, 0)]

    def watch(self, done: threading.Event) -> None:
        """Note the memory of the export and of its children until `done`; shared pages count once."""
        while not done.wait(INTERVAL_S):
            _, *export = [resident(one) for one in tree(os.getpid())]  # the first is this process
            self.memory.append((time.monotonic(), sum(export[:1]), sum(export[1:])))


@dataclass(frozen=True)
class Sample:
    """What a process did between two moments."""

    process: int
    moment: float
    wall_s: float
    processor_s: float
    function: str
    library: str


def main(arguments: Sequence[str]) -> int:
    """Export with samples and print the tables."""
    if not arguments or arguments[0].startswith("-"):
        print("usage: python -m benchmarks profile NAME [--cached] [options of zoo export]")
        return 0 if "--help" in arguments else 2
    steps = Steps()
    with tempfile.TemporaryDirectory(prefix="zoo-export-profile-") as folder:
        os.environ[sampled.FOLDER] = folder
        cached = [] if CACHED in arguments else ["--no-cache"]
        words = [*(word for word in arguments if word != CACHED), *cached, "--out", f"{folder}/out"]
        done = threading.Event()
        watcher = threading.Thread(target=steps.watch, args=(done,))
        watcher.start()
        try:
            _export(words, steps)
        finally:
            done.set()
            watcher.join()
        samples = list(_samples(Path(folder)))
    _print_steps(steps, samples)
    _print_functions(steps, samples)
    return 0


def _export(words: Sequence[str], steps: Steps) -> None:
    """Run `zoo export WORDS` with `steps` in place of the progress bar."""
    from export import process, remote
    from export.cli.commands.export import command
    from export.cli.requested_recipe import requested_recipe
    from export.runtime import background

    with command.make_context("zoo export", list(words)) as context:
        options = {
            name: value for name, value in context.params.items() if name not in ("targets", "zipped", "as_json")
        }
    (model,), no_cache = options.pop("models"), options.pop("no_cache")
    recipe = requested_recipe(model, **options, use_cache=not no_cache)
    process.PROGRAM = sampled.PROGRAM
    background.start(remote.export, steps, request=remote.request_of(recipe))
    steps.step("end")


def _samples(folder: Path) -> Iterator[Sample]:
    for path in folder.glob("*.tsv"):
        for line in path.read_text(encoding="utf-8").splitlines():
            moment, wall_s, processor_s, function, library = line.split("\t")
            yield Sample(int(path.stem), float(moment), float(wall_s), float(processor_s), function, library)


def _print_steps(steps: Steps, samples: Sequence[Sample]) -> None:
    main_process = _exporting(samples)
    ours, children = Counter[str](), Counter[str]()
    peaks, ends = dict[str, tuple[int, int]](), dict[str, int]()
    for one in samples:
        (ours if one.process == main_process else children)[steps.at(one.moment)] += one.processor_s
    for moment, export, others in steps.memory:
        name = steps.at(moment)
        peaks[name] = max(peaks.get(name, (0, 0)), (export, others), key=sum)
        ends[name] = export + others
    walls = Counter[str]()
    for name, begin, end in zip(steps.names, steps.times, steps.times[1:], strict=False):
        walls[name] += end - begin
    print("\n| step | wall, s | processor, s | of children | peak, GB | of it children | at its end |")
    print("|---|---|---|---|---|---|---|")
    for name in dict.fromkeys(steps.names):
        peak = peaks.get(name, (0, 0))
        print(
            f"| {name} | {walls[name]:.1f} | {ours[name]:.1f} | {children[name]:.1f} "
            f"| {sum(peak) / 1e9:.2f} | {peak[1] / 1e9:.2f} | {ends.get(name, 0) / 1e9:.2f} |"
        )
    total = sum(ours.values()), sum(children.values()), max(map(sum, peaks.values()), default=0) / 1e9
    print(f"| **all** | {sum(walls.values()):.1f} | {total[0]:.1f} | {total[1]:.1f} | {total[2]:.2f} | | |")
    print(f"\n{len({one.process for one in samples}) - 1} child processes of the export")


def _print_functions(steps: Steps, samples: Sequence[Sample]) -> None:
    main_process = _exporting(samples)
    spent, walls = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for one in samples:
        where = "export" if one.process == main_process else "child"
        key = (steps.at(one.moment), where, one.function, one.library)
        spent[key] += one.processor_s
        walls[key] += one.wall_s if one.function != WAIT else 0.0
    least = SMALLEST_SHARE * sum(spent.values())
    print("\n| step | process | function | library | processor, s | wall, s |\n|---|---|---|---|---|---|")
    for key, seconds in spent.most_common():
        if seconds >= least:
            print(f"| {' | '.join(key)} | {seconds:.2f} | {walls[key]:.2f} |")


def _exporting(samples: Sequence[Sample]) -> int:
    """Return the process of the export, which was the first to write a sample."""
    return min(samples, key=lambda one: one.moment).process


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
