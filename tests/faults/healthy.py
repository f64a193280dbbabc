"""Count the healthy files that the proof refuses.

`python -m tests.faults.healthy` exports the tiny trained network of every family in both formats and all precisions:
with five seeds, with every option that changes files, with one layer of each kind in higher precision, from a user's
file, at another size, and with random weights. It prints every refused file and the table of docs/proof.md. A file is
refused if its row says that it failed, or if `zoo verify` does not accept its folder. Words limit the run to networks;
a path of a .keras file, with its rows beside it in calib.npz, exports that. `--only WORD` limits it to the options that
contain the word.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zoo
from export.bundle.read import read
from export.bundle.report.rows import rows
from export.bundle.verify import verify
from export.pipeline import run
from export.progress import Quiet
from export.recipe import Recipe
from tests.faults.healthy_cases import ALL, FEW, SEEDS, Case, cases
from tests.zoo.families import families
from zoo.errors import UsageProblemError

NAMES = [name for name in families() if zoo.find(name).trained_as("tiny")]


@dataclass
class Count:
    """What happened to the exports of one option."""

    exports: int = 0
    files: int = 0
    not_possible: int = 0
    refused: list[str] = field(default_factory=list)
    seconds: float = 0.0


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("networks", nargs="*", default=NAMES)
    parser.add_argument("--only", default="")
    given = parser.parse_args(words)
    counts: dict[str, Count] = defaultdict(Count)
    for case in chosen(given.networks):
        if given.only not in case.option:
            continue
        count, start = counts[case.option], time.perf_counter()
        try:
            found, refused = tried(case)
        except UsageProblemError as error:
            count.not_possible += 1
            print(f"not possible: {case.title}: {error}", file=sys.stderr, flush=True)
            continue
        except Exception:  # A crash of any kind is counted as a refusal, and the sweep goes on.
            found, refused = 0, [traceback.format_exc()]
        count.exports += 1
        count.files += found
        count.refused += refused
        count.seconds += time.perf_counter() - start
        print(f"{time.perf_counter() - start:.0f} s: {case.title}", file=sys.stderr, flush=True)
        for line in refused:
            print(f"refused: {case.title}: {line}", flush=True)
    print("| option | exports | files | refused | not possible | s |\n|---|---|---|---|---|---|")
    for option, one in counts.items():
        cells = (one.exports, one.files, len(one.refused), one.not_possible, f"{one.seconds:.0f}")
        print(f"| {option} | {' | '.join(map(str, cells))} |", flush=True)
    return 1 if any(one.refused for one in counts.values()) else 0


def chosen(words: Sequence[str]) -> Iterator[Case]:
    for word in words:
        if word in NAMES:
            yield from cases(word, NAMES.index(word))
            continue
        calibration = Path(word).parent / "calib.npz"
        for seed in range(SEEDS):
            fields = {"model": word, "weights": None, "schemes": ALL, "calibration": str(calibration)}
            yield Case(network=word, option="own models", seed=seed, fields=fields)


def tried(case: Case) -> tuple[int, list[str]]:
    """Return the number of files of an export, and those that were refused with their reasons."""
    import keras

    keras.backend.clear_session()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fields: dict[str, Any] = {"model": case.network, "weights": "tiny", "seed": case.seed, **FEW, **case.fields}
        if case.prepare is not None:
            fields |= case.prepare(folder)
        delivery = run(Recipe(**fields, out=folder / "out"))
        found = rows(delivery.manifest)
        refused = [f"{row.file} {row.verdict}: {row.reason}" for row in found if row.state == "failed"]
        if delivery.folder is not None:
            refused += unverified(delivery.folder)
        return len(found), refused


def unverified(folder: Path) -> list[str]:
    """Return what `zoo verify` does not accept of a folder."""
    found = verify(read(folder), Quiet())
    checks = [(check.subject, check) for check in found.checks]
    checks += [(file.file.path.name, check) for file in found.files for check in file.checks]
    troubles = [f"verify of {file.file.path.name}: {file.trouble}" for file in found.files if file.trouble]
    return troubles + [f"verify of {subject}: {check}" for subject, check in checks if not check.passed]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
