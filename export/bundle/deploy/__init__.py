"""What travels with a file onto a device or runtime: each target is a file here and an entry of TARGETS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from export.bundle.deploy import pack, packed_files
from export.bundle.deploy.android import ANDROID
from export.bundle.deploy.browser import BROWSER
from export.bundle.deploy.ethos_u import ETHOS_U
from export.bundle.deploy.litert_lm import LITERT_LM
from export.bundle.deploy.microcontroller import MICROCONTROLLER
from export.bundle.deploy.onnxruntime_genai import ONNXRUNTIME_GENAI
from export.bundle.deploy.raspberry_pi import RASPBERRY_PI
from export.bundle.deploy.target import Target
from export.bundle.deploy.transformers_js import TRANSFORMERS_JS
from export.model.subject import artifact_name
from export.recipe import Recipe
from zoo.errors import UsageProblemError, unknown
from zoo.spelling import spelled

__all__ = ["TARGETS", "Target", "find", "requested", "with_types"]

TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        ANDROID,
        BROWSER,
        RASPBERRY_PI,
        MICROCONTROLLER,
        ETHOS_U,
        LITERT_LM,
        ONNXRUNTIME_GENAI,
        TRANSFORMERS_JS,
    )
}


def find(name: str) -> Target:
    """Return the target called `name`.

    Raises:
        UsageProblemError: an unknown name; the message suggests the most similar one.
    """
    name = spelled(name, TARGETS)
    if name not in TARGETS:
        raise unknown("target", name, TARGETS)
    return TARGETS[name]


def with_types(names: Sequence[str], recipe: Recipe) -> Recipe:
    """Return a recipe whose inputs and outputs have the type that suits its targets, unless it names one.

    Raises:
        UsageProblemError: a name is unknown.
    """
    types = {find(name).io for name in names}
    wanted = types.pop() if len(types) == 1 else None
    return replace(recipe, io=wanted) if wanted is not None and recipe.io is None else recipe


def requested(names: Sequence[str], recipe: Recipe, *, zipped: bool) -> list[Target]:
    """Return the targets of an export, before anything slow starts.

    Raises:
        UsageProblemError: a name is unknown, no file of the recipe runs on a target, or its folder holds other files.
    """
    if zipped and not names:
        raise UsageProblemError("--zip packs the folder of a target; add for example --target raspberry-pi")
    targets = [find(name) for name in dict.fromkeys(names)]
    for target in targets:
        if reason := target.refusal(recipe):
            raise UsageProblemError(f"--target {target.name}: {reason}")
        folder = pack.default_place(recipe.out / artifact_name(recipe), target)
        packed_files.check_place(pack.place(folder, zipped=zipped))
        target.fetch()
    return targets
