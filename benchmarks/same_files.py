"""Check that two commits of this project export the same files: `python -m benchmarks same_files --base COMMIT`.

For changes that must not change a number: the code of a base commit and the code of this checkout make every export
below, on the same machine. Every model file, golden array and check must be equal; times are not compared. The
records lie in `build/same_files/`. The base is exported once; with `--twice` again, to show that an export is
repeatable.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RECORDS = ROOT / "build" / "same_files"
PHOTOS = 200  # of Fashion-MNIST, for calibration: enough for the 64 samples of the proof, too
TINY = ("mobilenet", "resnet50", "efficientnet_b0", "densenet121", "yolo_v4_tiny", "unet", "vae")
ALL = ("--precision", "float32,float16,int8,w8a16,w8a32")
MOBILENET = ("mobilenet", "--weights", "tiny", "--int8", "--calibration", "PHOTOS")

# Words of `zoo export`; PHOTOS is a folder of photos. One width for the budget: its choice of widths depends on times.
CASES: Mapping[str, Sequence[str]] = {
    "lenet5": ("lenet5", *ALL),
    **{name: (name, "--weights", "tiny", *ALL) for name in TINY},
    "lenet5 --max-drop": ("lenet5", "--calibration", "PHOTOS", "--max-drop", "1%", "--raise-to", "w8a32"),
    "mobilenet --raise": (*MOBILENET, "--raise", "conv1=int16", "--raise", "conv_pw_2=float32"),
    "mobilenet --prune": (*MOBILENET, "--prune", "0.5"),
    "mobilenet --prune-channels": (*MOBILENET, "--prune-channels", "0.3"),
}

# Names of a check's fields, the current name first; older base commits use the others.
FIELDS = (("id", "question"), ("subject", "output"), ("value",), ("threshold", "bar"), ("passed",))

Record = dict[str, Any]


def main(arguments: Sequence[str]) -> int:
    """Compare this checkout with a base commit; return 0 where every record is equal."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks same_files", description=__doc__)
    parser.add_argument("--base", required=True, metavar="COMMIT", help="commit whose files are expected")
    parser.add_argument("--twice", action="store_true", help="export the base twice first, and compare it with itself")
    parser.add_argument("--only", metavar="A,B", help="cases to export; all if not given")
    options = parser.parse_args(arguments)
    cases = {name: CASES[name] for name in options.only.split(",")} if options.only else CASES
    base = _commit(options.base)
    with tempfile.TemporaryDirectory(prefix="same-files-") as folder:
        photos = _photos(Path(folder) / "photos")
        expected = _base_record(base, cases, photos, Path(folder))
        if options.twice:
            with _checkout(base, Path(folder) / "again") as checkout:
                if not _report("base, again", expected, _exports(checkout, cases, photos)):
                    return 1
        return 0 if _report("this checkout", expected, _exports(ROOT, cases, photos)) else 1


def _base_record(base: str, cases: Mapping[str, Sequence[str]], photos: Path, work: Path) -> Record:
    """Return the base's record of `cases`; cases that an earlier run recorded are not exported again."""
    path = RECORDS / f"{base}.json"
    known: Record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    missing = {name: words for name, words in cases.items() if name not in known}
    if missing:
        with _checkout(base, work / "base") as checkout:
            known |= _exports(checkout, missing, photos)
        RECORDS.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(known, indent=1), encoding="utf-8")
    return {name: known[name] for name in cases}


@contextmanager
def _checkout(commit: str, folder: Path) -> Iterator[Path]:
    """Check out a commit into `folder` for the duration of the block."""
    _git("worktree", "add", "--detach", str(folder), commit)
    try:
        yield folder
    finally:
        _git("worktree", "remove", "--force", str(folder))


def _exports(checkout: Path, cases: Mapping[str, Sequence[str]], photos: Path) -> Record:
    found = {}
    for name, words in cases.items():
        print(f"export {name} in {checkout.name}", flush=True)
        with tempfile.TemporaryDirectory(prefix="same-files-") as folder:
            typed = [str(photos) if word == "PHOTOS" else word for word in words]
            code = _zoo(checkout, ["export", *typed, "--keep-failed", "--out", folder])
            found[name] = {"exit code": code, **dict(sorted(_facts(Path(folder))))}
    return found


def _zoo(checkout: Path, words: Sequence[str]) -> int:
    """Run the command `zoo` of a checkout, whose entry point its pyproject.toml names."""
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    module, _, function = project["project"]["scripts"]["zoo"].partition(":")
    program = f"import sys; from {module} import {function}; sys.exit({function}())"
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-P", "-c", program, *words]
    return subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False).returncode


def _facts(out: Path) -> Iterator[tuple[str, Any]]:
    """Yield what must be equal in the export below `out`, by name."""
    import numpy as np

    for manifest in out.glob("*/manifest.json"):
        folder = manifest.parent
        record = json.loads(manifest.read_text(encoding="utf-8"))
        for file in record["files"]:
            content = (folder / file["file"]).read_bytes()
            yield f"bytes of {file['file']}", hashlib.sha256(content).hexdigest()
            yield f"checks of {file['file']}", [_check(check) for check in file["checks"] if not _is_timed(check)]
        with np.load(folder / "golden.npz", allow_pickle=False) as arrays:
            for name in arrays.files:
                array = arrays[name]
                yield f"golden {name}", f"{array.dtype} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"


def _check(check: Mapping[str, Any]) -> list[Any]:
    return [check[next(name for name in names if name in check)] for names in FIELDS]


def _is_timed(check: Mapping[str, Any]) -> bool:
    return _check(check)[:2] in (["budget", "latency"], ["budget", "int8"])


def _report(title: str, expected: Record, found: Record) -> bool:
    """Print the differences; return whether there are none."""
    differences = [
        f"{case}: {fact}\n    base: {expected[case].get(fact)}\n    here: {found[case].get(fact)}"
        for case in expected
        for fact in sorted({*expected[case], *found[case]})
        if expected[case].get(fact) != found[case].get(fact)
    ]
    facts = sum(map(len, expected.values()))
    print(f"{title}: {facts - len(differences)} of {facts} facts of {len(expected)} exports are equal")
    for difference in differences:
        print(f"  {difference}")
    return not differences


def _photos(folder: Path) -> Path:
    """Write photos of clothes as PNG files."""
    import numpy as np
    from PIL import Image

    folder.mkdir()
    with np.load(ROOT / "tests" / "data" / "fashion_mnist_500.npz") as arrays:
        for index, photo in enumerate(arrays["calibration_photos"][:PHOTOS]):
            Image.fromarray(photo[:, :, 0]).save(folder / f"{index:03}.png")
    return folder


def _commit(name: str) -> str:
    return _git("rev-parse", "--verify", f"{name}^{{commit}}").strip()


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout
