"""Browser: a page that runs the model on a photo, the webcam or a text, with both runtimes, without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator

from export.bundle import web
from export.bundle.deploy.device import Device, DeviceModel
from export.bundle.deploy.target import Files
from export.bundle.read import damage
from export.bundle.web.libraries import RUNTIMES, TOKENIZERS_JS, WebLibrary
from export.formats import FORMATS
from zoo.inputs import tokenizer_of

PAGE = "page.json"


def _refuses(has_data: bool) -> str:
    if has_data:
        return "its weights are larger than 2 GB, more than a page can hold; export it with --precision int4"
    return ""


def _files(model: DeviceModel) -> Files:
    libraries = {path: content for one in _libraries(model) for path, content in one.files().items()}
    example = {name: model.delivered.folder / name for name in _example(model)}
    page = {
        "example": next(iter(example), None),
        "tokenizer": _tokenizer(model) or None,
        "libraries": [one.title for one in _libraries(model)],
    }
    return {**web.sources(), PAGE: (json.dumps(page, indent=1) + "\n").encode(), **example, **libraries}


def _libraries(model: DeviceModel) -> Iterator[WebLibrary]:
    for name in dict.fromkeys(FORMATS[file.format].runtime for file in model.sources):
        yield RUNTIMES[name]
    if _tokenizer(model):
        yield TOKENIZERS_JS


def _tokenizer(model: DeviceModel) -> str:
    """Return the name of the tokenizer that travels with the model; empty if there is none."""
    name = tokenizer_of(model.delivered.inputs)
    return name if name in model.delivered.companions else ""


def _example(model: DeviceModel) -> Iterator[str]:
    """Yield the name of the full-size photo of the first golden input, if it travels with the export."""
    delivered = model.delivered
    name = str((delivered.manifest.get("golden_photo") or {}).get("file", ""))
    if name in delivered.companions and not damage(delivered.folder / name, delivered.companions[name]):
        yield name


def _readme(model: DeviceModel) -> str:
    names = " and ".join(file.path.name for file in model.sources)
    return f"""\
# {model.delivered.title} in the browser

{names}, with {" and ".join(one.title for one in _libraries(model))}. In the folder that contains this one:

    zoo serve {model.folder_name}

Then open the address that it prints. Choose a photo or use the webcam: nothing leaves the browser, and the page loads
nothing from elsewhere. `?selfcheck` behind the address runs the golden inputs, and compares with the outputs of the
native runtimes at the export.

Without zoo-export, any web server of static files will do. Threads need the headers `Cross-Origin-Opener-Policy:
same-origin` and `Cross-Origin-Embedder-Policy: require-corp`; without them, one thread runs.

preprocess.js, runtimes.js and predictions.js are what a page of your own needs; they have no dependencies but the
libraries in runtimes/.

{model.licence}
"""


def _fetch() -> None:
    for library in RUNTIMES.values():
        library.files()


BROWSER = Device(name="browser", title="the browser", refuses=_refuses, files=_files, readme=_readme, libraries=_fetch)
