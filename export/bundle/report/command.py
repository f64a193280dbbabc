"""The command that repeats an export."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from export.passes import registry
from export.recipe import Recipe

# Fields of a recipe, and the options of `zoo export` that set them.
_FLAGS = {
    "weights": "--weights",
    "calibration": "--calibration",
    "calibration_count": "--calibration-count",
    "probe_count": "--probe-count",
    "observer": "--observer",
    "unroll": "--unroll",
    "preprocessing": "--preprocessing",
    "evaluate": "--evaluate",
    "io": "--io",
    "seed": "--seed",
}


def command(recipe: Mapping[str, Any]) -> str:
    """Return the command for the same export; file names have no folders, as in the manifest."""
    defaults = {field.name: field.default for field in fields(Recipe)}
    words = ["zoo", "export", recipe["model"], "--precision", ",".join(recipe["precisions"])]
    words += ["--format", ",".join(recipe["formats"])] if recipe["formats"] else []
    for key, value in recipe["options"].items():
        words += ["--set", f"{key}={value}"]
    for name, shape in recipe.get("input_shapes", {}).items():
        words += ["--set-input", f"{name}={','.join(map(str, shape))}".removeprefix("=")]
    for file in recipe.get("imports", ()):
        words += ["--import", file]
    words += ["--unsafe-lambda"] if recipe.get("unsafe_lambda") else []
    words += registry.words(recipe["passes"])
    for layer, width in recipe["raised"].items():
        words += ["--raise", f"{layer}={width}"]
    for key, flag in _FLAGS.items():
        if recipe.get(key, defaults[key]) != defaults[key]:
            words += [flag, str(recipe[key])]
    words += ["--random-calibration"] if recipe["random_calibration"] else []
    words += [] if recipe["reconstruct"] else ["--no-reconstruct"]
    words += ["--allow-select-tf-ops"] if recipe.get("allow_select_tf_ops") else []
    words += ["--streaming"] if recipe.get("streaming") else []
    words += ["--diagnose"] if recipe.get("diagnose") else []
    return shlex.join(words)
