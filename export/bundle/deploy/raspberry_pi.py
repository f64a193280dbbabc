"""Raspberry Pi: programs in Python for photos, texts and the camera, and a self-check."""

from __future__ import annotations

from export.bundle.deploy.device import Device, DeviceModel
from export.bundle.deploy.programs import programs
from export.bundle.deploy.target import Files
from export.formats import FORMATS, PRIMARY

TOKENIZERS = "tokenizers>=0.22"


def _refuses(format_name: str, quantized_input: str | None, has_data: bool) -> str:
    if has_data:
        return "its weights are larger than 2 GB, and the device has less memory; export it with --precision int4"
    return ""


def _files(model: DeviceModel) -> Files:
    takes_photo = model.delivered.photo_input is not None
    scripts = ("run", "selfcheck", *(("camera",) if takes_photo else ()))
    requirements = [*_requirements(model), ""]
    return {**programs(*scripts), "requirements.txt": "\n".join(requirements).encode()}


def _requirements(model: DeviceModel) -> list[str]:
    runtimes = [
        f"{FORMATS[file.format].runtime}>={model.delivered.versions[FORMATS[file.format].runtime]}"
        for file in model.sources
    ]
    reads_text = any(one.get("tokenizer") for one in model.delivered.manifest["inputs"].values())
    return ["numpy", "pillow", runtimes[0], *([TOKENIZERS] if reads_text else [])]


def _readme(model: DeviceModel) -> str:
    delivered, names = model.delivered, [file.path.name for file in model.sources]
    takes_photo = delivered.photo_input is not None
    example = "photo.jpg" if takes_photo else '"some words"'
    others = [FORMATS[file.format].runtime for file in model.sources[1:]]
    lines = [
        f"# {delivered.title} on a Raspberry Pi",
        "",
        f"{' and '.join(names)}: the same network in {model.sources[0].scheme}; each of them is enough.",
        "",
        "Raspberry Pi OS with 64 bits, Python 3.11 or later. In this folder:",
        "",
        "    python3 -m venv .venv",
        "    .venv/bin/pip install -r requirements.txt",
        "    .venv/bin/python selfcheck.py          # the same outputs as at the export?",
        f"    .venv/bin/python run.py {example}",
        *(["    .venv/bin/python camera.py             # frames of the camera"] if takes_photo else []),
        "    .venv/bin/python selfcheck.py --bench  # one line with the latency, to share",
        "",
        *[f"`pip install {one}` lets the programs run the other file (`run.py --file {names[-1]}`)." for one in others],
        *_for_32_bits(model),
        "",
        "model.json says what the inputs and outputs mean; golden.npz holds inputs with the outputs at the export;",
        "`sha256sum -c SHA256SUMS` checks that everything was copied.",
        "",
        model.licence,
        "",
    ]
    return "\n".join(lines)


def _for_32_bits(model: DeviceModel) -> list[str]:
    primary = [file.path.name for file in model.sources if file.format == PRIMARY.name]
    if not primary:
        return ["", "There is no onnxruntime for Raspberry Pi OS with 32 bits."]
    return [
        "",
        f"With 32 bits, only {primary[0]} runs: `sudo apt install python3-numpy python3-pil`, then",
        "`python3 -m venv --system-site-packages .venv && .venv/bin/pip install tflite-runtime`.",
    ]


RASPBERRY_PI = Device(name="raspberry-pi", title="Raspberry Pi", refuses=_refuses, files=_files, readme=_readme)
