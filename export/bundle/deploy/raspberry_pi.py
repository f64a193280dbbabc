"""Raspberry Pi: programs in Python for photos, texts and the camera, and a self-check."""

from __future__ import annotations

from export.bundle.deploy.device import Device, DeviceModel
from export.bundle.deploy.programs import programs
from export.bundle.deploy.target import Files
from export.formats import FORMATS, PRIMARY
from zoo.inputs import sound_of

TOKENIZERS = "tokenizers>=0.22"
LAST_WITH_32_BITS = "tflite-runtime"


def _refuses(has_data: bool) -> str:
    if has_data:
        return "its weights are larger than 2 GB, and the device has less memory; export it with --precision int4"
    return ""


def _files(model: DeviceModel) -> Files:
    scripts = ["selfcheck", *(["run"] if _example(model) else []), *(["camera"] if _takes_photo(model) else [])]
    requirements = [*_requirements(model), ""]
    return {**programs(*scripts), "requirements.txt": "\n".join(requirements).encode()}


def _takes_photo(model: DeviceModel) -> bool:
    return model.delivered.photo_input is not None


def _reads_text(model: DeviceModel) -> bool:
    return any(one.get("tokenizer") for one in model.delivered.manifest["inputs"].values())


def _example(model: DeviceModel) -> str:
    """Return what is typed behind run.py; empty for models that take no photo, sound or text."""
    examples = {
        "photo.jpg": _takes_photo(model),
        "word.wav": sound_of(model.delivered.inputs) is not None,
        '"some words"': _reads_text(model),
    }
    return next((example for example, is_taken in examples.items() if is_taken), "")


def _requirements(model: DeviceModel) -> list[str]:
    runtime = FORMATS[model.sources[0].format].runtime
    tokenizers = [TOKENIZERS] if _reads_text(model) else []
    return ["numpy", "pillow", f"{runtime}>={model.delivered.versions[runtime]}", *tokenizers]


def _readme(model: DeviceModel) -> str:
    names = [file.path.name for file in model.sources]
    scheme, others = model.sources[0].scheme, [FORMATS[file.format].runtime for file in model.sources[1:]]
    example = _example(model)
    # Libraries for the camera come with the system, so that the environment must see its packages.
    options = "--system-site-packages " if _takes_photo(model) else ""
    lines = [
        f"# {model.delivered.title} on a Raspberry Pi",
        "",
        f"{' and '.join(names)}: the same network in {scheme}; each of them is enough."
        if len(names) > 1
        else f"{names[0]}: the network in {scheme}.",
        "",
        "Raspberry Pi OS with 64 bits, Python 3.11 or later. In this folder:",
        "",
        f"    python3 -m venv {options}.venv",
        "    .venv/bin/pip install -r requirements.txt",
        "    .venv/bin/python selfcheck.py          # the same outputs as at the export?",
        *([f"    .venv/bin/python run.py {example}"] if example else []),
        *(["    .venv/bin/python camera.py             # frames of the camera"] if _takes_photo(model) else []),
        "    .venv/bin/python selfcheck.py --bench  # one line with the latency, to share",
        "",
        *([] if example else ["The inputs are numbers; lib/device/selfcheck.py shows how a file is run on them.", ""]),
        *[f"`pip install {one}` lets the programs run {names[-1]} as well." for one in others],
        "",
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
    records = {one["file"]: one for one in model.delivered.manifest["files"]}
    for file in model.sources:
        required = records[file.path.name].get("requirements")  # exports of earlier versions have none
        if file.format == PRIMARY.name and (required is None or LAST_WITH_32_BITS in required["oldest_runtimes"]):
            return [
                f"With 32 bits, the last runtime is tflite-runtime 2.14 of 2023, which loads {file.path.name}:",
                "`sudo apt install python3-numpy python3-pil`, then",
                "`python3 -m venv --system-site-packages .venv && .venv/bin/pip install tflite-runtime`.",
            ]
    return ["With 32 bits, no runtime loads it: export int8 or float32 as .tflite."]


RASPBERRY_PI = Device(name="raspberry-pi", title="Raspberry Pi", refuses=_refuses, files=_files, readme=_readme)
