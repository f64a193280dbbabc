"""Android: an app in Kotlin that shows the classes of a photo or of what the camera sees, with a self-check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from export.bundle import golden
from export.bundle.deploy.android.readme import readme
from export.bundle.deploy.device import licence
from export.bundle.deploy.target import README, Contents, Files, of_precision
from export.bundle.read import Delivered, DeliveredFile, damage
from export.bundle.snippets import companions
from export.bundle.snippets.described import DescribedFile, described
from export.bundle.snippets.rendering import render
from export.bundle.write import GOLDEN, LABELS
from export.formats import PRIMARY
from export.metrics import OutputKind
from export.progress import Progress
from export.recipe import Io, Recipe
from export.runtime.jobs.feed import feed
from export.scheme import PREFERRED
from zoo.architecture import ARCHITECTURES
from zoo.errors import CheckFailedError, UsageProblemError

PROJECT = Path(__file__).with_name("project")
CODE, ASSETS, GOLDEN_ASSETS = (
    "app/src/main/kotlin/org/zooexport/app",
    "app/src/main/assets",
    "app/src/androidTest/assets",
)
PACKAGE = "package org.zooexport.app\n\n"
PHOTO = "golden_photo.png"
CLASSIFICATION = "classification"
# Types of numbers that LiteRT's CompiledModel reads and writes (TensorBuffer.kt).
COMPILED_TYPES = ("float32", "int8")
FEWEST_CLASSES = 2
# Largest error of an output, as a share of the largest output: of floats, and of files that round as they run.
TOLERANCE, TOLERANCE_OF_DYNAMIC = 1e-3, 0.1


@dataclass(frozen=True, kw_only=True)
class Android:
    """An app for classifiers of photos.

    Attributes:
        name: as typed after `--target`.
        title: for display.
        io: the type of inputs and outputs that suits it: the app takes all.
    """

    name: str = "android"
    title: str = "Android"
    io: Io | None = None

    def refusal(self, recipe: Recipe) -> str:
        """Return why the app runs no file of a recipe, and what it runs; empty if it may run one."""
        if recipe.formats and PRIMARY.name not in recipe.formats:
            return f"the app runs .{PRIMARY.name} files; add --format {PRIMARY.name}"
        architecture = ARCHITECTURES.get(recipe.model)
        if architecture is not None and architecture.task != CLASSIFICATION:
            return _no_classifier(f"{architecture.name} is for {architecture.task}")
        return ""

    def fetch(self) -> None:
        """Fetch nothing: Gradle fetches the libraries where the app is built."""

    def contents(self, delivered: Delivered, precision: str | None, folder_name: str, progress: Progress) -> Contents:
        """Return the project of the app with one proven file.

        Raises:
            UsageProblemError: the folder has no file that the app runs.
            CheckFailedError: a file differs from the exported one, or failed its proof.
        """
        file = _chosen(delivered, precision)
        record = next(one for one in delivered.manifest["files"] if one["file"] == file.path.name)
        manifest = {**delivered.manifest, "files": [record]}
        one = described(manifest, PRIMARY.name)
        if one is None or not one.photo or len(one.inputs) > 1 or not _scores_classes(delivered, one, record):
            raise UsageProblemError(f"--target {self.name}: {_no_classifier(f'{delivered.title} is none')}")
        pairs = _golden(delivered, file)
        photo_input = companions(manifest).get("photo_input.kt")
        if photo_input is None:
            dtype = one.inputs[0].dtype
            raise UsageProblemError(f"--target {self.name}: no app takes photos as {dtype}; export with --io float32")
        golden_photo = _undamaged(delivered, _photo(delivered))
        files: Files = {
            **{path.relative_to(PROJECT).as_posix(): path for path in sorted(PROJECT.rglob("*")) if path.is_file()},
            f"{CODE}/PhotoInput.kt": PACKAGE.encode() + photo_input,
            f"{CODE}/ModelFile.kt": _model_file(one, delivered, file, pairs).encode(),
            f"{ASSETS}/{file.path.name}": file.path,
            **{f"{ASSETS}/{name}": delivered.folder / name for name in _undamaged(delivered, LABELS)},
            **{f"{GOLDEN_ASSETS}/{PHOTO}": delivered.folder / name for name in golden_photo},
            **{f"{GOLDEN_ASSETS}/{name}": content for name, content in pairs.items()},
            README: readme(delivered.title, folder_name, file, licence(delivered)).encode(),
        }
        return Contents(sources=(file,), files=files)


def _no_classifier(who: str) -> str:
    return f"the app shows the classes of a photo, and {who}; choose a classifier of photos"


def _scores_classes(delivered: Delivered, one: DescribedFile, record: Mapping[str, Any]) -> bool:
    """Return whether the only output holds a score for each of several classes, as its proof judged it."""
    output = one.outputs[0]
    if not one.is_classifier or output.shape[-1] < FEWEST_CLASSES:
        return False
    kind = (record.get("comparisons") or {}).get(output.name, {}).get("kind")
    return kind == OutputKind.CLASSES.value if kind is not None else delivered.task == CLASSIFICATION


def _chosen(delivered: Delivered, precision: str | None) -> DeliveredFile:
    """Return the proven file of a precision; without one, the file that `zoo run` prefers."""
    proven = [file for file in delivered.files if file.format == PRIMARY.name and not file.failures]
    if not proven:
        raise UsageProblemError(f"{delivered.folder} has no proven .{PRIMARY.name}, which the app runs; export one")
    named = of_precision(delivered, proven, precision, f".{PRIMARY.name}")
    return next((file for scheme in PREFERRED for file in named if file.scheme == scheme), named[0])


def _golden(delivered: Delivered, file: DeliveredFile) -> dict[str, bytes]:
    """Return what the file reads and writes for each golden sample, as assets of the test."""
    path = delivered.folder / GOLDEN
    if trouble := damage(path, delivered.companions.get(GOLDEN, "")):
        raise CheckFailedError(f"{path}: {trouble}; see: zoo verify {delivered.folder}")
    samples = golden.read(path)
    inputs = samples.samples(delivered.photo_input)
    ((_, stored),) = samples.stored[file.path.name].items()
    pairs: dict[str, bytes] = {}
    for index in range(len(samples)):
        (fed,) = feed(file, inputs, index, file.takes_camera_bytes).values()
        pairs[f"input{index}.bin"] = np.ascontiguousarray(fed).tobytes()
        pairs[f"output{index}.bin"] = np.ascontiguousarray(stored[index]).tobytes()
    return pairs


def _model_file(one: DescribedFile, delivered: Delivered, file: DeliveredFile, pairs: Mapping[str, bytes]) -> str:
    (spec,), (output,) = one.inputs, one.outputs
    stored = [content for name, content in pairs.items() if name.startswith("output")]
    return render(
        "android_model_file.kt.jinja",
        one=one,
        title=delivered.title,
        output=output,
        output_bytes=prod(output.shape) * np.dtype(output.dtype).itemsize,
        classes=output.shape[-1],
        runs_compiled={spec.dtype, output.dtype} <= set(COMPILED_TYPES),
        is_exact=file.scheme.needs_calibration,
        tolerance=TOLERANCE_OF_DYNAMIC if file.scheme.is_dynamic else TOLERANCE,
        samples=len(stored),
        outputs_differ=len(set(stored)) > 1,
    )


def _photo(delivered: Delivered) -> str:
    return str((delivered.manifest.get("golden_photo") or {}).get("file", ""))


def _undamaged(delivered: Delivered, name: str) -> list[str]:
    """Return the name of a companion if it travels with the export as it was written; otherwise nothing."""
    is_whole = name in delivered.companions and not damage(delivered.folder / name, delivered.companions[name])
    return [name] if is_whole else []


ANDROID = Android()
