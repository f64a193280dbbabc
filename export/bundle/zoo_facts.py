"""Compare a manifest with the zoo: for a network of the zoo, its inputs, task, classes and weights are known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from export.bundle.completeness import reasons, results
from export.bundle.read import Delivered
from export.bundle.write import LABELS
from export.proof.check import CheckResult
from zoo import class_names, inputs
from zoo.architecture import ARCHITECTURES, Architecture
from zoo.errors import UsageProblemError
from zoo.pinned import Weights

OF_ZOO = " of the zoo"  # the end of the subject of the check


def architecture_of(delivered: Delivered) -> Architecture | None:
    """Return the architecture of a network of the zoo; None for a streaming form and for a model from a file."""
    recipe = delivered.manifest["recipe"]
    return None if recipe["streaming"] else ARCHITECTURES.get(str(recipe["model"]))


def check(delivered: Delivered) -> tuple[CheckResult, ...]:
    """Check the facts of a network of the zoo; nothing is known of a model from a file."""
    architecture = architecture_of(delivered)
    if architecture is None:
        return ()
    wrong = [*reasons(_weights, delivered.manifest, architecture), *reasons(_facts, delivered, architecture)]
    return results(
        "consistency", f"{architecture.name}{OF_ZOO}", wrong, "inputs, task and weights are those of the zoo"
    )


def _weights(manifest: Mapping[str, Any], architecture: Architecture) -> Iterator[str]:
    """Yield where the record of the weights differs from those that the zoo pins by their digests."""
    record, requested = manifest["weights"], manifest["recipe"]["weights"]
    tags = {one.tag: one for one in architecture.weights}
    pinned = {source.sha256 for one in architecture.weights for source in one.sources} - {""}
    if not record["trained"] and record["sha256"] is not None:
        yield "weights.trained is false, but untrained weights of the zoo are random and have no digest"
    if not record["trained"] and requested in tags:
        yield f"weights.trained is false, but the recipe requests the {requested} weights"
    if record["sha256"] in pinned and (not record["trained"] or record["name"] not in tags):
        yield f"the digest of the weights is that of trained ones of {architecture.name}, which their record denies"
    if record["name"] in tags:
        trained = tags[record["name"]]
        known = {source.sha256 for source in trained.sources}
        if "" not in known and record["sha256"] not in known:
            yield f"the digest of the {trained.tag} weights is not the one that the zoo pins"
        if record["licence"] != trained.licence:
            yield f"the licence of the {trained.tag} weights is {trained.licence}, not {record['licence']}"


def _facts(delivered: Delivered, architecture: Architecture) -> Iterator[str]:
    """Yield where inputs, task, outputs or classes differ from those of the architecture."""
    manifest = delivered.manifest
    trained = architecture.trained_as(manifest["recipe"]["weights"])
    settings = _settings(manifest, architecture, trained)
    task = architecture.task if settings is None else architecture.task_for(settings)
    if delivered.task != task:
        yield f"the task of {architecture.name} is {task}, not {delivered.task or 'unknown'}"
    if settings is None:
        return
    if not architecture.entry_points:
        known = json.loads(json.dumps(inputs.record(architecture.inputs(**settings))))
        if manifest["inputs"] != known:
            difference = _difference(known, manifest["inputs"])
            yield f"the inputs are not those of this version's {architecture.name}: {difference}"
    meaning = architecture.detection(**settings).record() if architecture.detection else None
    if delivered.meaning != json.loads(json.dumps(meaning)):
        yield f"the meaning of the outputs is not that of {architecture.name}"
    for name, content in (architecture.companions(**settings) if architecture.companions else {}).items():
        if delivered.companions.get(name) != hashlib.sha256(content).hexdigest():
            yield f"{name} is missing or is not the one of {architecture.name}"
    stem = (trained and trained.labels) or architecture.labels
    labels = class_names.read(stem) if stem else ()
    if labels and LABELS not in delivered.companions:
        yield f"{LABELS} with the names of the {len(labels)} classes is missing"
    elif delivered.labels and delivered.labels != labels:
        yield f"{LABELS} differs from the class names of {architecture.name}"


def _settings(
    manifest: Mapping[str, Any], architecture: Architecture, trained: Weights | None
) -> dict[str, Any] | None:
    """Return the options of the build; None if `--set` cannot give them."""
    if trained is not None and trained.options:
        return dict(trained.options)
    try:
        return dict(architecture.settings(manifest["recipe"]["options"]))
    except UsageProblemError:
        return None


def _difference(known: Mapping[str, Any], recorded: Mapping[str, Any]) -> str:
    """Return the first difference between two records of inputs."""
    for name, values in known.items():
        for key, value in values.items():
            found = recorded.get(name, {}).get(key)
            if found != value:
                return f"{key} of {name} is {value}, not {found}"
    return f"there are {', '.join(known)} only"
