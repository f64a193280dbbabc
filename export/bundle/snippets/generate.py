"""From a manifest to code: one program for each delivered format, and the input for other languages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from export.bundle import web
from export.bundle.snippets.described import DescribedFile, described
from export.bundle.snippets.rendering import literal, render
from export.bundle.snippets.snippet import Snippet
from export.bundle.web.libraries import LITERT_JS, ONNXRUNTIME_WEB
from export.formats import FORMATS, PRIMARY
from export.model.tensor_spec import TensorSpec
from zoo.preprocessing import Preprocessing

PREPROCESS = "preprocess.js"

_PARTS = {"tokens": "ids", "token mask": "attention_mask", "token segments": "type_ids"}
_LIMITS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}
_C_TYPES = {"int8": "std::int8_t", "uint8": "std::uint8_t", "float32": "float"}
_ARRAYS = {"int8": "Int8Array", "uint8": "Uint8Array", "float32": "Float32Array"}
_TITLES = {"ai-edge-litert": "LiteRT", "onnxruntime": "ONNX Runtime"}
_WEB = {
    "ai-edge-litert": ("@litertjs/core@2.5.3", LITERT_JS.title, frozenset({"float32", "uint8"})),
    "onnxruntime": ("onnxruntime-web@1.30.0", ONNXRUNTIME_WEB.title, frozenset(_ARRAYS)),
}
_EXACT = {
    "photo": "It prepares a photo exactly as manifest.json says and as zoo run does: the same bytes, the same classes.",
    "text": "It prepares a text exactly as manifest.json says and as zoo run does.",
    "golden": "It takes golden inputs of the export; manifest.json says what the inputs mean.",
}
_FILTERS = {
    "swift": "Everything is as in manifest.json but the filter: Core Graphics resizes by a filter of its own, not by\n"
    "Pillow's {filter}, so that pixels differ, and a class may differ where two are close.",
    "c": "Everything is as in manifest.json but the filter: resize by {filter} with antialiasing, as Pillow does.\n"
    "Other filters change pixels, and a class may differ where two are close.",
}


def snippets(manifest: Mapping[str, Any]) -> tuple[Snippet, ...]:
    """Return the code for the files of a manifest, which need not come from this project.

    Raises:
        ValueError, KeyError, TypeError: the manifest is damaged.
    """
    found: list[Snippet] = []
    files = [one for name in FORMATS if (one := described(manifest, name)) is not None]
    for one in files:
        found.append(_python(one))
    for one in files:
        found.extend(_javascript(one))
    if files:
        found.extend(_other_languages(files[0]))
    return tuple(found)


def companions(manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the code as files of the delivered folder, by name."""
    found = snippets(manifest)
    files = {one.name: one.code.encode() for one in found}
    if any(one.name.endswith(".mjs") for one in found):
        files[PREPROCESS] = web.sources()[PREPROCESS]
    return files


def _python(one: DescribedFile) -> Snippet:
    runtime = FORMATS[one.format].runtime
    name = f"run_{_stem(runtime)}.py"
    kind = "photo" if one.photo else "text" if one.tokenizer else "golden"
    extra = {"photo": " pillow", "text": " tokenizers", "golden": ""}[kind]
    packages = f"{runtime} numpy{extra}"
    code = render(
        "run.py.jinja",
        one=one,
        photo=one.preprocessing,
        runtime=_TITLES[runtime],
        is_primary=one.format == PRIMARY.name,
        name=name,
        packages=packages,
        subject={"photo": "photos", "text": "texts", "golden": "golden inputs"}[kind],
        example={"photo": "photo.jpg", "text": '"Some words."', "golden": ""}[kind],
        promise=_EXACT[kind],
        over_fraction=_over_fraction(one.preprocessing),
        parts=_PARTS,
        stored=_stored_in_python,
        real=_real_in_python,
    )
    return Snippet(
        name=name, title=f"Python, {_TITLES[runtime]}", needs=f"pip install {packages}", remark="", code=code
    )


def _stem(runtime: str) -> str:
    return {"ai-edge-litert": "litert"}.get(runtime, runtime)


def _stored_in_python(spec: TensorSpec, values: str) -> str:
    if spec.scale is not None and spec.zero_point is not None:
        return f"quantized({values}, {spec.scale!r}, {spec.zero_point}, np.{spec.dtype})"
    return f"np.asarray({values}, np.{spec.dtype})"


def _real_in_python(spec: TensorSpec) -> str:
    stored = f"stored[{literal(spec.name)}].astype(np.float64)"
    if spec.scale is None or spec.zero_point is None:
        return stored
    return f"({stored}{plus(-spec.zero_point)}) * {spec.scale!r}"


def _javascript(one: DescribedFile) -> Iterator[Snippet]:
    """Yield the code for the browser, if the runtime there takes the types of the file as it is published."""
    runtime = FORMATS[one.format].runtime
    package, title, types = _WEB[runtime]
    specs = (*one.inputs, *one.outputs)
    if not one.photo or len(one.inputs) > 1 or any(spec.dtype not in types for spec in specs):
        return
    (spec,) = one.inputs
    names = ["fitPhoto"]
    names += [] if one.takes_camera_bytes else ["normalise"]
    names += ["roundHalfToEven"] if one.has_quantized_photo else []
    name = f"run_{_stem(runtime)}.mjs"
    code = render(
        "run.mjs.jinja",
        one=one,
        photo=one.preprocessing,
        spec=spec,
        runtime=title,
        is_primary=one.format == PRIMARY.name,
        packages=package,
        promise=_EXACT["photo"],
        imports=names,
        limits=_LIMITS.get(spec.dtype),
        plus=plus,
        array_of=lambda spec: _ARRAYS[spec.dtype],
        dequantize=_real_in_javascript,
    )
    yield Snippet(name=name, title=f"JavaScript, {title}", needs=f"npm install {package}", remark="", code=code)


def _real_in_javascript(spec: TensorSpec) -> str:
    if spec.scale is None or spec.zero_point is None:
        return "Number"
    return f"(one) => (one{plus(-spec.zero_point)}) * {spec.scale!r}"


def _other_languages(one: DescribedFile) -> Iterator[Snippet]:
    """Yield the input for languages of apps; those without a filter of their own leave the resize to a library."""
    photo, (spec, *others) = one.preprocessing, one.inputs
    if photo is None or others or spec.dtype not in _C_TYPES:
        return
    filters = {"nearest": ".none", "bilinear": ".medium", "bicubic": ".high"}  # of Core Graphics
    for suffix, language, title in (
        ("kt", "kotlin", "Kotlin, Android"),
        ("swift", "swift", "Swift, iOS and macOS"),
        ("h", "c", "C++"),
    ):
        remark = _FILTERS.get(language, "").format(filter=photo.resize)
        code = render(
            f"photo_input.{suffix}.jinja",
            one=one,
            photo=photo,
            spec=spec,
            promise=remark or _EXACT["photo"],
            cut=_cut(photo),
            colours=_colours(photo),
            filter=filters[photo.resize],
            bytes=4 if spec.dtype == "float32" else 1,
            limits=_LIMITS.get(spec.dtype),
            plus=plus,
            over_fraction=_over_fraction(photo),
            ctype=_C_TYPES[spec.dtype],
            per_channel=lambda values, suffix: _per_channel(values, suffix, photo.channels),
        )
        name = f"photo_input.{suffix}"
        yield Snippet(name=name, title=title, needs="", remark=remark.replace("\n", " "), code=code)


def plus(number: int) -> str:
    """Return what adds a number in all these languages."""
    return f" + {number}" if number > 0 else f" - {-number}" if number else ""


def _over_fraction(photo: Preprocessing | None) -> str:
    """Return what divides by the fraction that is cut out."""
    return f" / {photo.crop_fraction!r}" if photo is not None and photo.crop_fraction != 1 else ""


def _cut(photo: Preprocessing) -> str:
    return "whole" if photo.fit == "stretch" else "centre"


def _colours(photo: Preprocessing) -> str:
    """Return the channels of a pixel in the order of the input, from the numbers red, green and blue."""
    if photo.colours == "GRAY":  # the weights of Pillow, in 16 bits
        return "(19595 * red + 38470 * green + 7471 * blue + 32768) >> 16"
    return ", ".join(("blue", "green", "red") if photo.colours == "BGR" else ("red", "green", "blue"))


def _per_channel(values: tuple[float, ...], suffix: str, channels: int) -> str:
    return ", ".join(
        f"{float(one)!r}{suffix}" for one in (values * channels if len(values) == 1 else values)[:channels]
    )
