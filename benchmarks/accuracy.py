"""Accuracy and agreement on labelled ImageNet photos: ZOO_IMAGENET_SAMPLE is a folder with labels.csv and images/.

The photos are likely training images, so only differences between files are meaningful, not the accuracy itself.
"""

from __future__ import annotations

import csv
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.cost import export, manifest
from calibration.labelled import find_labelled, labelled_samples
from export.metrics import compare, compare_steps
from export.runtime.run_file import measure
from zoo.inputs import from_record, preprocessing_of

PLAIN = ["--no-reconstruct", "--observer", "min-max"]


def run(models: list[str]) -> None:
    """Print top-1 of the Keras model and of every file, and the agreement of the two int8 files."""
    place = os.environ.get("ZOO_IMAGENET_SAMPLE")
    if not place:
        sys.exit("error: set ZOO_IMAGENET_SAMPLE to a folder with labels.csv and images/")
    sample = Path(place)
    print("\n## Accuracy on labelled photos\n")
    print("| model | calibration | photos | file | top-1 | drop, points | same prediction as float32 | SQNR dB |")
    print("|---|---|---|---|---|---|---|---|")
    agreements = []
    for name in models:
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            calibration, rest = split(sample, work)
            for source, labels, more in (
                ("built-in photos", sample / "labels.csv", []),
                ("built-in photos, plain", sample / "labels.csv", PLAIN),
                ("every tenth photo", rest, ["--calibration", str(calibration)]),
                ("every tenth photo, plain", rest, ["--calibration", str(calibration), *PLAIN]),
            ):
                out = work / source.replace(" ", "-").replace(",", "")
                cost = export(name, out, "float32,int8", "--keep-failed", "--evaluate", str(labels), *more)
                found: Any = manifest(cost)
                agreements.append((name, source, *_print_rows(name, source, found, out, labels, work)))
    print("\n| model | calibration | the two int8 files: same prediction | outputs within 1 LSB | largest, LSB |")
    print("|---|---|---|---|---|")
    for name, source, same, within, largest in agreements:
        print(f"| {name} | {source} | {same:.2%} | {within:.4%} | {largest} |")


def _print_rows(name: str, source: str, found: Any, out: Path, labels: Path, work: Path) -> tuple[float, float, int]:
    """Print a row per file; return agreement of the int8 files on all photos."""
    keras_top1, folder = found["evaluation"]["scores"]["top1"], out / found["name"]
    photos = find_labelled(labels, classes=1000)
    samples = work / "samples"
    shutil.rmtree(samples, ignore_errors=True)
    preprocessing = preprocessing_of(from_record(found["inputs"]))
    assert preprocessing is not None  # the networks of this benchmark read photos
    labelled_samples(
        photos,
        name=found["files"][0]["inputs"][0]["name"],
        preprocessing=preprocessing,
        seed=0,
        work=samples,
    )
    print(f"| {name} | {source} | {len(photos)} | Keras | {keras_top1:.3f} | | | |")
    results = {}
    for file in found["files"]:
        measured = measure(folder / file["file"], samples, camera_bytes=file["takes_camera_bytes"])
        results[file["precision"], file["format"]] = measured
        (output,) = measured.real
        reference = results["float32", "tflite"].real[output]
        compared = compare(reference=reference, actual=measured.real[output])
        drop = 100 * (keras_top1 - file["scores"]["top1"])
        print(
            f"| {name} | {source} | {len(photos)} | {file['file']} | {file['scores']['top1']:.3f} | {drop:.1f} "
            f"| {compared.top1_agreement:.1%} | {compared.sqnr_db:.1f} |"
        )
    one, other = results["int8", "tflite"], results["int8", "onnx"]
    (spec,) = one.outputs
    steps = compare_steps(reference=one.real[spec.name], actual=other.real[spec.name], step=spec.scale or 1.0)
    return steps.top1_agreement or 0.0, steps.within_one_step, steps.max_steps


def split(sample: Path, work: Path) -> tuple[Path, Path]:
    """Return a folder with every tenth photo of `sample`, and a CSV of the others; both lie in `work`."""
    calibration = work / "calibration"
    calibration.mkdir()
    with (sample / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rest = []
    for index, row in enumerate(rows):
        photo = (sample / "images" / Path(row["file"]).name).resolve()
        if index % 10 == 0:
            shutil.copy(photo, calibration)
        else:
            rest.append({**row, "file": str(photo)})
    with (work / "rest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rest[0]))
        writer.writeheader()
        writer.writerows(rest)
    return calibration, work / "rest.csv"
