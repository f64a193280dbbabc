"""Arm's Ethos-U: the network compiled by Vela for four NPUs, with what it estimates and what is left to the CPU."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from export.bundle.deploy.device import licence
from export.bundle.deploy.micro import chosen
from export.bundle.deploy.on_device.model import FILE
from export.bundle.deploy.target import README, Contents, Files
from export.bundle.read import Delivered, DeliveredFile
from export.bundle.write import LABELS
from export.formats import PRIMARY
from export.formats.footprint import NamedOperator
from export.progress import Progress, Quiet
from export.recipe import Io, Recipe
from export.runtime.tools import vela
from export.runtime.tools.environment import VELA, interpreter
from export.runtime.tools.vela import CONFIGURATIONS, Compiled, Configuration
from export.units import size_in_words, time_in_words
from zoo.errors import CheckFailedError

SCHEMA = "zoo-export ethos-u 1"
SEAMS = ("QUANTIZE", "DEQUANTIZE")
ON_NPU = "ethos-u"  # the operator that stands for all those that run there
_FLOAT = re.compile("float32", re.IGNORECASE)
_SEAM = re.compile("_(quantized|dequant)$")  # of the tensors on both sides of an operator in float
_NAMELESS = "StatefulPartitionedCall"


@dataclass(frozen=True, kw_only=True)
class OnCpu:
    """An operator that no NPU of the family takes.

    Attributes:
        operator: its name.
        layer: name of the Keras layer, or of the operation outside of a layer; empty if unknown.
        reason: why, in Vela's words.
        change: what to change.
    """

    operator: str
    layer: str
    reason: str
    change: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Placement:
    """A network on one NPU.

    Attributes:
        configuration: the NPU.
        compiled: the compiled file.
        file: its name.
        share: of the file's operators that run on the NPU.
        on_cpu: the others.
    """

    configuration: Configuration
    compiled: Compiled
    file: str
    share: float
    on_cpu: tuple[OnCpu, ...]

    def record(self) -> Mapping[str, Any]:
        """Return plain data."""
        return {
            "file": self.file,
            "accelerator": self.configuration.accelerator,
            "system": self.configuration.system,
            "memory": self.configuration.memory,
            "share_on_npu": self.share,
            "estimated_ms": self.compiled.milliseconds,
            "sram_bytes": self.compiled.sram_bytes,
            "other_bytes": self.compiled.other_bytes,
            "on_cpu": [asdict(one) for one in self.on_cpu],
        }


@dataclass(frozen=True, kw_only=True)
class EthosU:
    """An NPU beside a microcontroller.

    Attributes:
        name: as typed after `--target`.
        title: for display.
        io: the type of inputs and outputs that suits it.
    """

    name: str
    title: str
    io: Io

    def refusal(self, recipe: Recipe) -> str:
        """Return why no file of a recipe would run there, and the nearest that would; empty if one may."""
        return chosen.refusal(recipe)

    def fetch(self) -> None:
        """Fetch Vela.

        Raises:
            OutsideError: it cannot be fetched.
        """
        interpreter(VELA, Quiet())

    def contents(self, delivered: Delivered, precision: str | None, folder_name: str, progress: Progress) -> Contents:
        """Return the int8 file, compiled for every NPU.

        Raises:
            UsageProblemError: there is none that runs there.
            CheckFailedError: it differs from the exported one, or nothing of it runs on an NPU.
            OutsideError: Vela cannot be fetched.
        """
        file = chosen.choose(delivered, precision, self.title).file
        compiled = [(one, vela.compiled(file.path, one, progress)) for one in CONFIGURATIONS]
        placements = [placed(file.path, one, made, file.raised) for one, made in compiled]
        record = {
            "schema": SCHEMA,
            "name": delivered.name,
            "title": delivered.title,
            "trained": delivered.trained,
            "licence": licence(delivered),
            "file": file.path.name,
            "sha256": file.sha256,
            "inputs": [asdict(spec) for spec in file.inputs],
            "outputs": [asdict(spec) for spec in file.outputs],
            "compiler": VELA.packages[0],
            "placements": [one.record() for one in placements],
        }
        files: Files = {
            file.path.name: file.path,
            **{one.file: one.compiled.content for one in placements},
            **({LABELS: delivered.folder / LABELS} if LABELS in delivered.companions else {}),
            FILE: (json.dumps(record, indent=1) + "\n").encode(),
            README: _readme(delivered, file, placements),
        }
        return Contents(sources=(file,), files=files, notes=notes(placements))


def placed(path: Path, configuration: Configuration, compiled: Compiled, raised: Collection[str] = ()) -> Placement:
    """Return where the operators of a file run, some of whose layers may be `raised` to a higher precision.

    Raises:
        CheckFailedError: none runs on the NPU, or the compiled file has other inputs or outputs.
    """
    content = path.read_bytes()
    before, after = PRIMARY.operators(content), PRIMARY.operators(compiled.content)
    left = [one for one in after if one.name != ON_NPU]
    where = f"{path.name} on {configuration.accelerator}"
    if len(left) == len(after) or not compiled.milliseconds:
        reason = next(iter(compiled.reasons.values()), "Vela does not say why")
        raise CheckFailedError(f"nothing of {where} runs on the NPU: {reason}; see docs/microcontrollers.md")
    if PRIMARY.edges(compiled.content) != PRIMARY.edges(content):
        raise CheckFailedError(f"{where}: the compiled file has other inputs or outputs")
    return Placement(
        configuration=configuration,
        compiled=compiled,
        file=f"{path.stem}_{configuration.name}_vela{path.suffix}",
        share=1 - len(left) / len(before),
        on_cpu=tuple(_on_cpu(one, compiled.reasons, raised) for one in left),
    )


def _on_cpu(operator: NamedOperator, reasons: Mapping[tuple[str, str], str], raised: Collection[str]) -> OnCpu:
    reason = reasons.get((operator.name, operator.output), "Vela does not say why")
    change = "replace the layer by one with an operator of the list that `vela --supported-ops-report` writes"
    if _FLOAT.search(reason) or operator.name == "DEQUANTIZE":
        reason = "it computes in float32"
        change = "take a layer that int8 files compute in integers"
        change += ", and leave out --raise" if raised else ""
    return OnCpu(operator=operator.name, layer=layer_of(operator.output), reason=reason, change=change)


def layer_of(tensor: str) -> str:
    """Return the Keras layer in the name of a tensor: "net_1/conv_3_1/Relu;net_1/..." -> "conv_3".

    Without a layer, as of an operation of keras.ops, the name of the operation; empty if the name tells nothing.
    """
    parts = _SEAM.sub("", tensor.split(";")[0]).split("/")
    named = parts[1] if len(parts) > 1 else parts[0]
    return "" if named.startswith(_NAMELESS) else re.sub(r"_1$", "", named)


def notes(placements: Sequence[Placement]) -> tuple[str, ...]:
    """Return a sentence for each operator on the CPU; those that only change the type of its tensors go without."""
    # The NPUs differ little in what they take, and in their words.
    left = {(one.operator, one.layer): one for placement in reversed(placements) for one in placement.on_cpu}.values()
    computing = [one for one in left if one.operator not in SEAMS] or list(left)
    return tuple(f"{_named(one)} runs on the CPU ({one.reason}): {one.change}" for one in computing)


def _named(one: OnCpu) -> str:
    return f"{one.operator} of the layer {one.layer}" if one.layer else one.operator


def _readme(delivered: Delivered, file: DeliveredFile, placements: Sequence[Placement]) -> bytes:
    rows = [
        f"| {one.configuration.accelerator} | {one.configuration.system}, {one.configuration.memory} | {one.share:.0%} "
        f"| {time_in_words(one.compiled.milliseconds)} | {size_in_words(one.compiled.sram_bytes)} "
        f"| {size_in_words(one.compiled.other_bytes)} | {one.file} |"
        for one in placements
    ]
    left = "\n".join(f"- {note}" for note in notes(placements))
    return f"""\
# {delivered.title} on an Ethos-U

{file.path.name}, compiled by {VELA.packages[0]}. Times and memory are estimates of Vela's model of the NPU: nothing was
run on one.

| NPU | system, memory | on the NPU | estimated ms | SRAM | DRAM, flash | file |
|---|---|---|---|---|---|---|
{chr(10).join(rows)}

{left or "Nothing is left to the CPU."}

The compiled file takes the place of the network in an application of TensorFlow Lite Micro with the driver of the NPU,
whose resolver has room for one operator more and adds it with `AddEthosU()`; `xxd -i` makes an array of the file. Its
inputs and outputs are those of {file.path.name}; its arena is the SRAM of the table, not that of `--target
microcontroller`. No runtime here runs it, so that its outputs were not compared; the file that it was compiled from
was.

For another system, compile {file.path.name} yourself:

    pip install {VELA.packages[0]}
    vela {file.path.name} --accelerator-config ethos-u55-128 --config Arm/vela.ini \\
        --system-config Ethos_U55_High_End_Embedded --memory-mode Shared_Sram

{licence(delivered)}
""".encode()


ETHOS_U = EthosU(name="ethos-u", title="Arm's Ethos-U", io=Io.INT8)
