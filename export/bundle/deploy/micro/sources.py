"""The network, its operators, golden samples and an example as C++ for TensorFlow Lite Micro."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from calibration.samples import Array
from export.bundle.deploy.micro.chosen import MicroFile
from export.bundle.deploy.micro.outputs import MicroOutputs
from export.bundle.deploy.on_device.comparison import MOST_STEPS
from export.bundle.deploy.target import Files
from export.bundle.read import Delivered
from export.bundle.snippets.generate import plus, snippets
from export.bundle.snippets.rendering import render
from export.model.output_kinds import SCORING_CLASSES
from export.model.tensor_spec import TensorSpec
from export.units import size_in_words

PHOTO_INPUT = "photo_input.h"
MOST_GOLDEN_BYTES = 65536  # of golden inputs; with more, one sample has to do
PER_LINE = 24
_C_TYPES = {"int8": "std::int8_t", "uint8": "std::uint8_t"}
_LIMITS = {"int8": (-128, 127), "uint8": (0, 255)}


@dataclass(frozen=True, kw_only=True)
class CTensor:
    """An input or output as the templates write it: see `TensorSpec`; `size` is in bytes."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    ctype: str
    limits: tuple[int, int]
    size: int
    scale: float | None
    zero_point: int | None


def sources(delivered: Delivered, chosen: MicroFile, outputs: MicroOutputs, arena_bytes: int) -> Files:
    """Return the C++ files, by name."""
    file, labels, photo_input = chosen.file, delivered.labels, _photo_input(delivered, chosen)
    values: dict[str, Any] = {
        "title": delivered.title,
        "file": file.path.name,
        "inputs": [_tensor(spec) for spec in file.inputs],
        "outputs": [_tensor(spec) for spec in file.outputs],
        "plus": plus,
        "signed": [str(spec.dtype == "int8").lower() for spec in file.outputs],
        "has_photo": bool(photo_input),
        "has_labels": bool(labels),
        "is_classifier": delivered.task in SCORING_CLASSES and len(file.outputs) == 1,
        "subject": "photos" if photo_input else "inputs of yours",
    }
    content = file.path.read_bytes()
    model = render(
        "micro_model.h.jinja",
        **values,
        model_bytes=len(content),
        arena=arena_bytes,
        activations=size_in_words(chosen.footprint.activations_bytes),
        persistent=size_in_words(chosen.footprint.persistent_bytes),
    )
    texts = {
        "model.h": model,
        "model.cc": _bytes("model.h", {"alignas(16) const unsigned char kModel[]": content}),
        "operators.h": render("micro_operators.h.jinja", file=file.path.name, kernels=chosen.footprint.kernels),
        "selfcheck.h": render("micro_selfcheck.h.jinja"),
        "selfcheck.cc": render("micro_selfcheck.cc.jinja"),
        "main.cc": render("micro_main.cc.jinja", **values),
        **_golden(outputs, is_exact=outputs.run is not None and not chosen.footprint.has_floats),
        **(_labels(labels) if labels else {}),
    }
    if photo_input:
        texts[PHOTO_INPUT] = photo_input
    return {name: text.encode() for name, text in texts.items()}


def _photo_input(delivered: Delivered, chosen: MicroFile) -> str:
    """Return the preprocessing of a photo as C++; empty if a photo is not all that somebody gives."""
    records = [one for one in delivered.manifest["files"] if one["file"] == chosen.file.path.name]
    written = snippets({**delivered.manifest, "files": records})
    return next((one.code for one in written if one.name == PHOTO_INPUT), "")


def _tensor(spec: TensorSpec) -> CTensor:
    return CTensor(
        name=spec.name,
        shape=spec.shape,
        dtype=spec.dtype,
        ctype=_C_TYPES[spec.dtype],
        limits=_LIMITS[spec.dtype],
        size=prod(spec.shape),
        scale=spec.scale if spec.zero_point is not None else None,
        zero_point=spec.zero_point,
    )


def _golden(outputs: MicroOutputs, *, is_exact: bool) -> dict[str, str]:
    """Return the golden samples as C++; `is_exact` says that a board computes the same numbers."""
    sides = {"Input": outputs.inputs, "Output": outputs.outputs}
    room = sum(values[0].nbytes for values in outputs.inputs.values())
    count = min(len(outputs), 2 if 2 * room <= MOST_GOLDEN_BYTES else 1)
    arrays: dict[str, bytes] = {}
    tables = []
    for side, tensors in sides.items():
        rows = []
        for sample in range(count):
            names = [f"k{side}{place}Sample{sample}" for place in range(len(tensors))]
            rows.append(f"{{{', '.join(names)}}}")
            for name, values in zip(names, tensors.values(), strict=True):
                arrays[f"const unsigned char {name}[]"] = _stored(values[sample])
        tables.append(f"const unsigned char* const kGolden{side}s[][{len(tensors)}] = {{{', '.join(rows)}}};")
    header = render(
        "micro_golden.h.jinja",
        samples=count,
        computed=outputs.computed_by,
        most_steps=0 if is_exact else int(MOST_STEPS),
        inputs=len(outputs.inputs),
        outputs=len(outputs.outputs),
    )
    return {"golden.h": header, "golden.cc": _bytes("golden.h", arrays, "\n".join(tables))}


def _stored(values: Array) -> bytes:
    return np.ascontiguousarray(values).tobytes()


def _labels(labels: Sequence[str]) -> dict[str, str]:
    """Return the names of the classes as C++."""
    rows = "".join(f"    {quoted(label)},\n" for label in labels)
    table = f"const char* const kLabels[] = {{\n{rows}}};"
    return {
        "labels.h": render("micro_labels.h.jinja", count=len(labels)),
        "labels.cc": _bytes("labels.h", {}, table),
    }


def _bytes(header: str, arrays: Mapping[str, bytes], table: str = "") -> str:
    written = [{"declaration": declaration, "numbers": _numbers(content)} for declaration, content in arrays.items()]
    return render("micro_bytes.cc.jinja", headers=[header], arrays=written, table=table)


def _numbers(content: bytes) -> str:
    """Return bytes as lines of numbers, each with a comma behind it."""
    words = [f"{number}," for number in content]
    return "".join("".join(words[start : start + PER_LINE]) + "\n" for start in range(0, len(words), PER_LINE))


def quoted(text: str) -> str:
    """Return a text as a C++ string, in which every byte but plain letters and marks is a number."""
    plain = "".join(chr(one) if 32 <= one < 127 and chr(one) not in '"\\?' else f"\\{one:03o}" for one in text.encode())
    return f'"{plain}"'
