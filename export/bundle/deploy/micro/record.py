"""What model.json and the README of a microcontroller say: the file, its memory, and what was checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from export.bundle.deploy.device import licence
from export.bundle.deploy.micro.chosen import MicroFile
from export.bundle.deploy.micro.outputs import MicroOutputs
from export.bundle.read import Delivered
from export.bundle.write import LABELS
from export.formats.footprint import MARGIN
from export.runtime.tools.environment import TFLITE_MICRO
from export.units import count_in_words, size_in_words

SCHEMA = "zoo-export microcontroller 1"


@dataclass(frozen=True, kw_only=True, eq=False)
class MicroModel:
    """What a microcontroller gets.

    Attributes:
        delivered: the folder of the export.
        chosen: the file.
        outputs: what it computes there.
    """

    delivered: Delivered
    chosen: MicroFile
    outputs: MicroOutputs

    @property
    def arena_bytes(self) -> int:
        """The size of the arena in the sources."""
        return self.outputs.arena_bytes

    def record(self) -> Mapping[str, Any]:
        """Return the content of model.json."""
        delivered, file, footprint = self.delivered, self.chosen.file, self.chosen.footprint
        return {
            "schema": SCHEMA,
            "name": delivered.name,
            "title": delivered.title,
            "task": delivered.task,
            "meaning": delivered.meaning,
            "trained": delivered.trained,
            "licence": licence(delivered),
            "file": file.path.name,
            "sha256": file.sha256,
            "precision": file.scheme.name,
            "inputs": [asdict(spec) for spec in file.inputs],
            "outputs": [asdict(spec) for spec in file.outputs],
            "contracts": delivered.manifest["inputs"],
            "labels": LABELS if LABELS in delivered.companions else None,
            "memory": {
                "arena_bytes": self.arena_bytes,
                "planned_bytes": footprint.arena_bytes,
                "activations_bytes": footprint.activations_bytes,
                "persistent_bytes": footprint.persistent_bytes,
                "planning_bytes": footprint.planning_bytes,
                "flash_bytes": footprint.flash_bytes,
            },
            "macs": footprint.macs,
            "operators": list(footprint.kernels),
            "checked": self._checked(),
        }

    def _checked(self) -> Mapping[str, Any]:
        outputs, run = self.outputs, self.outputs.run
        return {
            "runtime": TFLITE_MICRO.packages[0] if run is not None else None,
            "not_run": outputs.trouble or None,
            "samples": len(outputs),
            "identical_to_plain_kernels": outputs.to_plain.is_identical if outputs.to_plain is not None else None,
            "to_plain_kernels": outputs.to_plain.words if outputs.to_plain is not None else None,
            "to_model_db": {
                name: {"here": _finite(here), "at_export": _finite(at_export)}
                for name, (here, at_export) in outputs.to_model_db.items()
            },
            "activations_bytes": run.activations_bytes if run is not None else None,
            "persistent_bytes": run.persistent_bytes if run is not None else None,
        }

    def memory_words(self) -> list[str]:
        """Return the memory and the work as rows of a table in Markdown."""
        footprint, run = self.chosen.footprint, self.outputs.run
        is_planned = self.arena_bytes == footprint.given_bytes
        why = f"the plan and {MARGIN:.0%}" if is_planned else "more than planned: the runtime did not start with less"
        used = "not measured" if run is None else size_in_words(run.arena_bytes)
        return [
            "| | |",
            "|---|---|",
            f"| arena (RAM), `kArenaBytes` | {self.arena_bytes:,} bytes: {why} |",
            f"| of it tensors, scratch buffers | {footprint.activations_bytes:,} bytes, as the runtime places them |",
            f"| of it kept by the runtime | {footprint.persistent_bytes:,} bytes, estimated |",
            f"| used by the runtime on this machine | {used} |",
            f"| the network (flash) | {footprint.flash_bytes:,} bytes |",
            f"| one inference | {count_in_words(footprint.macs)} multiply-accumulate operations |",
        ]

    def checked_words(self) -> str:
        """Return what was compared, in sentences."""
        outputs = self.outputs
        distances = "; ".join(
            f"{name} {here:.1f} dB ({at_export:.1f} dB with the kernels at the export)"
            for name, (here, at_export) in outputs.to_model_db.items()
        )
        fidelity = f"Against the Keras model: {distances}."
        if outputs.to_plain is None:
            return (
                f"**Not run in TensorFlow Lite Micro**: {outputs.trouble}. The golden outputs are those of LiteRT's "
                f"plain kernels, which it shares. {fidelity}"
            )
        return (
            f"{len(outputs)} golden samples were run in {TFLITE_MICRO.packages[0]} on x86. Against LiteRT's plain "
            f"kernels: {_same(outputs.to_plain.is_identical, outputs.to_plain.words)}. {fidelity}"
        )


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _same(is_identical: bool, words: str) -> str:
    return "every output is identical" if is_identical else words
