"""Check that a manifest does not contradict itself: what one record says follows from others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from export.bundle.completeness import reasons, results
from export.bundle.incomparable import says_incomparable
from export.bundle.manifest import proves
from export.bundle.read import Delivered
from export.bundle.writer import TOOL, writer
from export.formats import PRIMARY
from export.proof.check import CheckResult, Direction
from export.proof.checks import CHECKS
from export.recipe import Width
from export.scheme import FLOAT32, INT8, SCHEMES, W8A32, Scheme

Record = Mapping[str, Any]
ROUNDING = 1e-9  # of a share


def check(delivered: Delivered) -> tuple[CheckResult, ...]:
    """Check the records of the model and of the proof, which decide whether thresholds apply."""
    found = (_switches, _verdict, _deviations)
    wrong = [reason for find in found for reason in reasons(find, delivered.manifest)]
    return results("consistency", "the manifest", wrong, "its records do not contradict each other")


def check_file(record: Record, manifest: Record) -> tuple[CheckResult, ...]:
    """Check that the record of one file follows from its checks, and that the checks that matter were made."""
    wrong = [*reasons(_checks, record, manifest), *reasons(_numbers, record, manifest), *reasons(_raised, record)]
    return results("consistency", "its record", wrong, "it agrees with its checks")


def _switches(manifest: Record) -> Iterator[str]:
    """Yield what speaks against the fields that switch thresholds off."""
    weights, probe, recipe = manifest["weights"], manifest["probe"], manifest["recipe"]
    trained = weights["trained"]
    if trained != (not weights["reason"]):
        yield f"weights.trained is {trained}, but the reason why not is {weights['reason']!r}"
    if trained and (weights["sha256"] is None or weights["name"] == "random"):
        yield f"weights.trained is true, but the weights are called {weights['name']!r} or have no digest"
    if weights["taken_as_trained"] and not trained:
        yield "the weights were taken as trained, but weights.trained is false"
    if trained and recipe["weights"] == "random":
        yield "weights.trained is true, but the recipe requests random weights"
    if probe["real"] == recipe["random_calibration"]:
        yield f"probe.real is {probe['real']}, but random_calibration of the recipe is {recipe['random_calibration']}"
    if manifest["calibration"] and manifest["calibration"]["real"] != probe["real"]:
        yield "probe.real and calibration.real differ, although one source gives both"


def _verdict(manifest: Record) -> Iterator[str]:
    files = [*manifest["files"], *manifest["not_delivered"]]
    if manifest["passed"] != all(file["passed"] for file in files):
        yield f"passed is {manifest['passed']}, which its files contradict"
    scope = proves(trained=manifest["weights"]["trained"], real=manifest["probe"]["real"], files=manifest["files"])
    if manifest["proves"] != scope:
        yield f"it proves {manifest['proves']!r}, but should say {scope!r}"
    for file in manifest["files"]:
        if file["raised"] != _planned_layers(manifest, file["precision"]):
            yield f"{file['file']} has other layers in higher precision than the recipe"


def _deviations(manifest: Record) -> Iterator[str]:
    """Yield where the changed classes of a file contradict the share of equal predictions in its record."""
    found = manifest.get("deviations")
    if not found:
        return
    files = {file["file"]: file for file in (*manifest["files"], *manifest["not_delivered"])}
    for name, one in found["confusions"].items():
        agreement = files[found["file"]]["comparisons"][name]["top1_agreement"]
        listed = sum(pair["count"] for pair in one["pairs"])
        if agreement is None or abs(agreement - (1 - one["changed"] / one["count"])) > ROUNDING:
            yield f"{one['changed']} of {one['count']} classes of {name} changed, but same top-1 is {agreement}"
        if listed > one["changed"] or (listed < one["changed"] and not one["more_pairs"]):
            yield f"{one['changed']} classes of {name} changed, but {listed} are listed"
    for one in found["samples"]:
        if not 1 <= one["number"] <= manifest["probe"]["count"]:
            yield f"there is no sample {one['number']} among {manifest['probe']['count']}"


def _planned_layers(manifest: Record, precision: str) -> Mapping[str, str]:
    """Return the layers of a precision's files in higher precision: of int8 by the recipe, of others by the export."""
    found: Mapping[str, str] = (
        manifest["recipe"]["raised"] if precision == str(INT8) else manifest.get("raised", {}).get(precision, {})
    )
    return found


def _checks(record: Record, manifest: Record) -> Iterator[str]:
    """Yield results of checks that contradict their numbers, and checks that are missing."""
    for one in record["checks"]:
        if one["threshold"] is not None and one["value"] is not None:
            at_least = one["direction"] == Direction.AT_LEAST
            good = one["value"] >= one["threshold"] if at_least else one["value"] <= one["threshold"]
            if good != one["passed"]:
                yield f"{one['id']} of {one['subject']} has passed {one['passed']}, which its value contradicts"
    if record["passed"] != (not record["trouble"] and all(one["passed"] for one in record["checks"])):
        yield f"passed is {record['passed']}, which its checks contradict"
    if record["trouble"]:
        return
    made, not_made = {one["id"] for one in record["checks"]}, {one["id"] for one in record["checks_not_made"]}
    scheme = SCHEMES[record["precision"]]
    id = "parity" if scheme == FLOAT32 else "fidelity"
    is_judged = scheme.can_be_judged(trained=manifest["weights"]["trained"], real=manifest["probe"]["real"])
    if is_judged and id not in made and not (scheme == FLOAT32 and says_incomparable(manifest)):
        yield f"{id} was not checked, without which nothing is proven"
    if not is_judged and {"fidelity", "calibration", "clipping"} & made:
        yield "thresholds were applied, which is done for trained weights and real inputs only"
    if record["format"] == PRIMARY.name and (lost := [one for one in always_made(scheme) if one not in made]):
        yield f"{', '.join(lost)} was not checked, without which no {scheme} .{PRIMARY.name} is proven"
    is_same_version = manifest["versions"].get(TOOL) == writer()
    missing = [check.id for check in CHECKS if check.id not in made | not_made]
    if is_same_version and missing:
        yield f"the checks {', '.join(missing)} are neither made nor listed as not made"
    if twice := sorted(made & not_made):
        yield f"{', '.join(twice)} is listed both as made and as not made"


def always_made(scheme: Scheme) -> tuple[str, ...]:
    """Return the checks that every version makes of the primary format's file of a precision."""
    if scheme == FLOAT32:
        return ()
    return ("structure", "storage", *(("arithmetic", "ranges") if scheme.needs_calibration else ()))


def _numbers(record: Record, manifest: Record) -> Iterator[str]:
    """Yield where the recorded comparisons differ from the checks that were made with them."""
    if record["trouble"]:
        return
    names = {spec["name"] for spec in record["outputs"]}
    if set(record["comparisons"]) != names:
        yield f"the comparisons do not cover the outputs {', '.join(sorted(names))}"
    for name, compared in record["comparisons"].items():
        values = [
            one["value"]
            for one in record["checks"]
            if (one["id"], one["subject"], one["quantity"]) in {(id, name, "SQNR") for id in ("parity", "fidelity")}
        ]
        if values and compared["sqnr_db"] not in values:
            yield f"the SQNR of {name} is {compared['sqnr_db']:.4g} dB, but {values[0]:.4g} dB in its check"
        if compared["sample_count"] != manifest["probe"]["count"]:
            yield f"{name} was compared on {compared['sample_count']} samples of {manifest['probe']['count']}"
    counts = {"integer": 0, "float": 0}
    for op in record["census"]:
        kind = "integer" if op["arithmetic"] == "int16" else op["arithmetic"]
        counts[kind] = counts.get(kind, 0) + op["count"]
    computing = counts["integer"] + counts["float"]
    if record["integer_share"] != (counts["integer"] / computing if computing else None):
        yield "the share of integer operators does not follow from the operators"


def _raised(record: Record) -> Iterator[str]:
    scheme, widths = SCHEMES[record["precision"]], set(record["raised"].values())
    if widths and not scheme.needs_calibration and (scheme != W8A32 or widths != {str(Width.FLOAT32)}):
        yield f"layers of a {scheme} file cannot be in higher precision"
    if scheme.activation_bits == 16 and str(Width.INT16) in widths:
        yield f"{Width.INT16} is no higher precision in a {scheme} file"
