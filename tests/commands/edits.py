"""Edits by hand of a delivered folder, whose digests and report the editor writes anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import TemplateError

from export.bundle import snippets
from export.bundle.report.page import page

FLOAT, INTEGER = "lenet5-float32.tflite", "lenet5-int8.tflite"


def write_report(folder: Path, manifest: dict[str, Any]) -> None:
    """Write the report and the code of the manifest; those of a manifest that gives none stay the old ones."""
    with suppress(KeyError, TypeError, ValueError, AttributeError, TemplateError):
        (folder / "report.html").write_text(page(manifest, pictures(folder)))
        for name, content in snippets.companions(manifest).items():
            (folder / name).write_bytes(content)


def pictures(folder: Path) -> dict[str, bytes]:
    """Return the pictures of a folder by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".svg", ".jpg", ".png")}


@dataclass
class Folder:
    """An export of LeNet-5 that is edited."""

    path: Path
    manifest: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, Any] = field(default_factory=dict)
    has_old_report: bool = False

    def __post_init__(self) -> None:
        self.manifest = json.loads((self.path / "manifest.json").read_text())
        with np.load(self.path / "golden.npz") as file:
            self.arrays = dict(file)

    def file(self, name: str) -> dict[str, Any]:
        return next(one for one in self.manifest["files"] if one["file"] == name)

    def write(self) -> None:
        """Write the manifest, the golden data and the report, with the digests of all files."""
        if "golden.npz" in self.manifest["companions"]:
            np.savez(self.path / "golden.npz", **self.arrays)
        for one in self.manifest["files"]:
            one["sha256"] = self.digest(one["file"])
        if not self.has_old_report:
            write_report(self.path, self.manifest)
        for name in self.manifest["companions"]:
            self.manifest["companions"][name] = self.digest(name)
        (self.path / "manifest.json").write_text(json.dumps(self.manifest))

    def digest(self, name: str) -> str:
        return hashlib.sha256((self.path / name).read_bytes()).hexdigest()


@dataclass(frozen=True)
class Edit:
    """One edit, and whether `zoo verify` sees it in a folder without a signature.

    What only the zoo shows, is not seen in the folder of a model from a file.
    """

    name: str
    apply: Callable[[Folder], object]
    is_seen: bool
    shown_by_zoo: bool


EDITS: dict[str, Edit] = {}


def edit(
    *, is_seen: bool, shown_by_zoo: bool = False
) -> Callable[[Callable[[Folder], object]], Callable[[Folder], object]]:
    def add(apply: Callable[[Folder], object]) -> Callable[[Folder], object]:
        name = apply.__name__.replace("_", " ")
        EDITS[name] = Edit(name, apply, is_seen, shown_by_zoo)
        return apply

    return add


seen, unseen, seen_by_zoo = edit(is_seen=True), edit(is_seen=False), edit(is_seen=True, shown_by_zoo=True)


# Fields that switch thresholds off


@seen
def weights_called_untrained(folder: Folder) -> None:
    folder.manifest["weights"]["trained"] = False


@seen
def weights_called_untrained_with_a_reason(folder: Folder) -> None:
    folder.manifest["weights"].update(trained=False, reason="random weights were requested")
    folder.manifest["proves"] = "float parity only: the weights are untrained"


@unseen
def weights_called_untrained_in_every_record(folder: Folder) -> None:
    weights_called_untrained_with_a_reason(folder)
    folder.manifest["weights"].update(name="random", sha256=None, source="seed 0")
    folder.manifest["recipe"]["weights"] = "random"
    for one in folder.manifest["files"]:
        _not_made(one, {"fidelity", "calibration", "clipping"} if "int8" in one["file"] else set())


@seen
def samples_called_noise(folder: Folder) -> None:
    folder.manifest["probe"]["real"] = False


@seen
def samples_called_noise_in_every_record(folder: Folder) -> None:
    for part in ("probe", "calibration"):
        folder.manifest[part]["real"] = False
    folder.manifest["recipe"]["random_calibration"] = True
    folder.manifest["proves"] = "float parity only: the samples are noise"
    for one in folder.manifest["files"]:
        _not_made(one, {"fidelity", "calibration", "clipping"} if "int8" in one["file"] else set())


@seen
def layer_in_higher_precision_invented(folder: Folder) -> None:
    folder.file(INTEGER)["raised"] = {"c3": "float32"}


@seen
def layer_in_float_invented_in_every_record(folder: Folder) -> None:
    _raise(folder, "float32")


@seen
def layer_in_int16_invented_in_every_record(folder: Folder) -> None:
    _raise(folder, "int16")


@seen
def float32_files_renamed_to_float16(folder: Folder) -> None:
    _rename(folder, "float32", "float16")


@seen
def int8_files_renamed_to_w8a32(folder: Folder) -> None:
    _rename(folder, "int8", "w8a32")


@seen
def int8_files_renamed_to_w8a16(folder: Folder) -> None:
    _rename(folder, "int8", "w8a16")


@seen
def precision_changed_in_the_manifest(folder: Folder) -> None:
    folder.file(FLOAT)["precision"] = "int8"


# Records of the proof


@seen
def all_files_removed_from_the_manifest(folder: Folder) -> None:
    folder.manifest["files"] = []


@seen
def one_file_removed(folder: Folder) -> None:
    folder.manifest["files"].remove(folder.file(INTEGER))
    del folder.arrays[f"stored/{INTEGER}/logits"]
    (folder.path / INTEGER).unlink()


@seen
def checks_removed(folder: Folder) -> None:
    folder.file(INTEGER)["checks"] = []


@seen
def fidelity_called_not_made(folder: Folder) -> None:
    _not_made(folder.file(INTEGER), {"fidelity"})


@seen
def structure_removed_from_the_checks(folder: Folder) -> None:
    checks = folder.file(INTEGER)["checks"]
    checks[:] = [one for one in checks if one["id"] != "structure"]


@seen
def checks_removed_as_if_an_older_version_had_not_made_them(folder: Folder) -> None:
    folder.manifest["versions"]["zoo-export"] = "0.0.1"
    for file in folder.manifest["files"]:
        file["checks"] = [one for one in file["checks"] if one["id"] in ("parity", "fidelity")]
        file["checks_not_made"] = []


@seen
def failed_value_called_passed(folder: Folder) -> None:
    check = folder.file(INTEGER)["checks"][0]
    check["value"] = check["threshold"] - 1


@seen
def comparisons_removed(folder: Folder) -> None:
    folder.file(INTEGER)["comparisons"] = {}


@seen
def sqnr_raised(folder: Folder) -> None:
    folder.file(INTEGER)["comparisons"]["logits"]["sqnr_db"] += 10


@unseen
def sqnr_raised_in_every_record(folder: Folder) -> None:
    sqnr_raised(folder)
    folder.file(INTEGER)["checks"][0]["value"] += 10


@seen
def fewer_samples_of_the_proof(folder: Folder) -> None:
    folder.manifest["probe"]["count"] -= 1


@seen
def size_changed(folder: Folder) -> None:
    folder.file(INTEGER)["bytes"] //= 2


@seen
def operators_called_integer(folder: Folder) -> None:
    for op in folder.file(FLOAT)["census"]:
        op["arithmetic"] = "integer"
    folder.file(FLOAT)["integer_share"] = 1.0


@seen
def share_of_integers_changed(folder: Folder) -> None:
    folder.file(FLOAT)["integer_share"] = 1.0


@seen
def statement_of_the_proof_changed(folder: Folder) -> None:
    folder.manifest["proves"] = "accuracy on ImageNet"


@unseen
def accuracy_invented(folder: Folder) -> None:
    scores = {"top1": 0.999, "top5": 1.0}
    samples = folder.manifest["probe"] | {"source": "ImageNet"}
    folder.manifest["evaluation"] = {"task": "classification", "samples": samples, "count": 50_000, "scores": scores}
    for one in folder.manifest["files"]:
        one["scores"] = scores


@unseen
def latency_halved(folder: Folder) -> None:
    folder.file(INTEGER)["p50_ms"] /= 2


# What the model is, and how to feed it


@seen
def input_called_no_photo_bytes(folder: Folder) -> None:
    folder.file(INTEGER)["takes_camera_bytes"] = False


@seen
def scale_of_the_output_changed(folder: Folder) -> None:
    folder.file(INTEGER)["outputs"][0]["scale"] *= 1.01


@seen
def scale_of_the_preprocessing_changed(folder: Folder) -> None:
    folder.manifest["inputs"]["image"]["scale"] = [1 / 127.5]


@seen_by_zoo
def filter_of_the_preprocessing_changed(folder: Folder) -> None:
    folder.manifest["inputs"]["image"]["resize"] = "nearest"


@seen_by_zoo
def crop_of_the_preprocessing_changed(folder: Folder) -> None:
    folder.manifest["inputs"]["image"]["crop_fraction"] = 0.875


@seen
def preprocessing_removed(folder: Folder) -> None:
    folder.manifest["inputs"]["image"] = {"kind": "vector"}


@seen
def preprocessing_removed_from_every_record(folder: Folder) -> None:
    preprocessing_removed(folder)
    folder.manifest["probe"]["preprocessing"] = folder.manifest["calibration"]["preprocessing"] = None
    del folder.arrays["photos"]


@seen_by_zoo
def task_removed(folder: Folder) -> None:
    folder.manifest["task"] = ""


@seen_by_zoo
def task_changed(folder: Folder) -> None:
    folder.manifest["task"] = "segmentation"


@seen
def name_changed(folder: Folder) -> None:
    folder.manifest["name"] = "lenet6"


@unseen
def title_changed(folder: Folder) -> None:
    folder.manifest["title"] = "LeNet-6"


@seen_by_zoo
def digest_of_the_weights_changed(folder: Folder) -> None:
    folder.manifest["weights"]["sha256"] = "0" * 64


@seen_by_zoo
def licence_changed(folder: Folder) -> None:
    folder.manifest["weights"]["licence"] = "proprietary"


@unseen
def version_changed(folder: Folder) -> None:
    folder.manifest["versions"]["keras"] = "2.0"


@unseen
def history_invented(folder: Folder) -> None:
    folder.manifest["history"] = [{"step": "quantization-aware training"}]


# Class names, golden data and other files


@seen_by_zoo
def class_names_swapped(folder: Folder) -> None:
    names = (folder.path / "labels.txt").read_text().splitlines()
    (folder.path / "labels.txt").write_text("\n".join([names[1], names[0], *names[2:]]) + "\n")


@seen
def class_name_added(folder: Folder) -> None:
    with (folder.path / "labels.txt").open("a") as file:
        file.write("eleventh\n")


@seen
def class_names_removed(folder: Folder) -> None:
    del folder.manifest["companions"]["labels.txt"]
    (folder.path / "labels.txt").unlink()


@seen
def class_names_not_listed(folder: Folder) -> None:
    del folder.manifest["companions"]["labels.txt"]


@seen
def golden_data_removed(folder: Folder) -> None:
    del folder.manifest["companions"]["golden.npz"]
    (folder.path / "golden.npz").unlink()


@seen
def golden_data_not_listed(folder: Folder) -> None:
    del folder.manifest["companions"]["golden.npz"]


@seen
def golden_photos_removed(folder: Folder) -> None:
    del folder.arrays["photos"]


@seen
def one_golden_sample_left(folder: Folder) -> None:
    folder.arrays = {name: values[:1] for name, values in folder.arrays.items()}


@seen
def golden_samples_all_equal(folder: Folder) -> None:
    folder.arrays = {name: np.repeat(values[:1], len(values), 0) for name, values in folder.arrays.items()}


@seen
def expected_outputs_scaled(folder: Folder) -> None:
    folder.arrays["expected/logits"] = folder.arrays["expected/logits"] * np.float32(1.001)


@seen
def outputs_of_a_file_removed(folder: Folder) -> None:
    del folder.arrays[f"stored/{INTEGER}/logits"]


@seen
def outputs_of_another_file_added(folder: Folder) -> None:
    folder.arrays["stored/other.tflite/logits"] = folder.arrays[f"stored/{INTEGER}/logits"]


@seen
def weights_of_the_float_file_changed(folder: Folder) -> None:
    content = bytearray((folder.path / FLOAT).read_bytes())
    middle = len(content) // 2 // 4 * 4
    weights = np.frombuffer(content, "<f4", 1000, middle) * np.float32(1.01)
    content[middle : middle + 4000] = weights.tobytes()
    (folder.path / FLOAT).write_bytes(content)


@seen
def weights_of_the_int8_file_changed(folder: Folder) -> None:
    _flip(folder, 40)


@seen
def one_weight_of_the_int8_file_changed_by_a_step(folder: Folder) -> None:
    _flip(folder, 1)


@unseen
def one_weight_changed_and_the_sibling_removed(folder: Folder) -> None:
    _flip(folder, 1)
    folder.manifest["recipe"]["formats"] = ["tflite"]
    for one in [one for one in folder.manifest["files"] if one["format"] == "onnx"]:
        folder.manifest["files"].remove(one)
        del folder.arrays[f"stored/{one['file']}/logits"]
        (folder.path / one["file"]).unlink()


@seen
def report_changed(folder: Folder) -> None:
    folder.has_old_report = True
    report = folder.path / "report.html"
    report.write_text(report.read_text().replace("LeNet-5", "LeNet-6"))


@seen
def changed_classes_hidden(folder: Folder) -> None:
    (found,) = folder.manifest["deviations"]["confusions"].values()
    found.update(changed=found["changed"] + 1, near_ties=found["near_ties"] + 1)
    found["pairs"] = [
        {**dict.fromkeys(("model_margin", "file_margin"), 0.01), "count": found["changed"], "near_ties": 1}
    ]
    found["pairs"][0] |= {"model": "Shirt", "file": "Coat"}


@unseen
def prediction_for_a_large_error_changed(folder: Folder) -> None:
    folder.manifest["deviations"]["samples"][0]["file"]["rows"][0]["title"] = "Shirt or Coat"


@unseen
def diagram_replaced(folder: Folder) -> None:
    diagram = folder.path / "diagram.svg"
    diagram.write_text(diagram.read_text().replace("LeNet", "AlexNet"))


@seen
def report_not_listed(folder: Folder) -> None:
    del folder.manifest["companions"]["report.html"]


def _not_made(record: dict[str, Any], ids: set[str]) -> None:
    record["checks"] = [one for one in record["checks"] if one["id"] not in ids]
    known = {one["id"] for one in record["checks_not_made"]}
    record["checks_not_made"] += [
        {"id": id, "reason": "no threshold applies", "missing": False} for id in sorted(ids - known)
    ]


def _raise(folder: Folder, width: str) -> None:
    folder.manifest["recipe"]["raised"] = {"c3": width}
    for one in _files(folder, "int8"):
        one["raised"] = {"c3": width}


def _rename(folder: Folder, before: str, after: str) -> None:
    """Give the files of a precision the name of another one, in the manifest, the folder and the golden data."""
    precisions = folder.manifest["recipe"]["precisions"]
    precisions[precisions.index(before)] = after
    for one in _files(folder, before):
        name = one["file"].replace(before, after)
        (folder.path / one["file"]).rename(folder.path / name)
        folder.arrays[f"stored/{name}/logits"] = folder.arrays.pop(f"stored/{one['file']}/logits")
        one.update(file=name, precision=after)


def _files(folder: Folder, precision: str) -> Iterator[dict[str, Any]]:
    yield from (one for one in folder.manifest["files"] if one["precision"] == precision)


def _flip(folder: Folder, count: int) -> None:
    """Change the last bit of `count` weights of the int8 file."""
    content = bytearray((folder.path / INTEGER).read_bytes())
    middle = len(content) // 2
    for position in range(middle, middle + count):
        content[position] ^= 1
    (folder.path / INTEGER).write_bytes(content)
