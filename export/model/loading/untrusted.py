"""Refuse model files that would run code of their own, before any library loads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.model.loading.keras2.configuration import mappings
from export.model.loading.keras2.operators import operators
from export.model.loading.keras2.wrappers import known
from export.model.loading.load_failure import lambda_refusal
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import h5py

_LAMBDAS = frozenset({"Lambda", "__lambda__"})
_FUNCTIONS = frozenset({"TFOpLambda", "SlicingOpLambda"})
_OPERATIONS = frozenset({"TensorFlowOpLayer"})
# Modules that a configuration may name; tf_keras imports any module that it finds there.
_MODULES = ("keras", "tf_keras", "builtins")


def check_config(path: Path, config: Any, *, unsafe_lambda: bool = False) -> None:
    """Check that a model's configuration names only classes and functions of Keras, and wrappers that are known.

    Args:
        path: the model's file, for messages.
        config: the configuration.
        unsafe_lambda: accept Lambda layers.

    Raises:
        UsageProblemError: it contains Python code, a TensorFlow function that models do not need, or another module.
    """
    for part in mappings(config):
        kind = part.get("class_name")
        if kind in _LAMBDAS and not unsafe_lambda:
            raise UsageProblemError(lambda_refusal(path))
        if kind in _OPERATIONS:
            raise UsageProblemError(
                f"{path.name} has a layer of TensorFlow 1 (TensorFlowOpLayer); build the model with Keras layers and "
                "save it again"
            )
        if kind in _FUNCTIONS:
            _check_function(path, part)
        if unsafe_lambda and "function_type" in part:
            continue  # a Lambda of Keras 2 says in which module it was written; nothing imports that
        module = part.get("module")
        if isinstance(module, str) and module.split(".")[0] not in _MODULES and not known.is_known(kind, module):
            raise UsageProblemError(
                f"{path.name} needs {kind!r} of the Python module {module!r}, whose code is not in the file; build the "
                "model in Python and call export.run there (docs/python.md)"
            )


def check_hdf5(path: Path, file: h5py.File) -> None:
    """Check that an HDF5 file reads no other file.

    Raises:
        UsageProblemError: it has a link to another file, or stores an array outside of itself.
    """
    import h5py

    def visit(group: h5py.Group) -> None:
        for name in group:
            if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
                raise UsageProblemError(f"{path.name} is refused: its entry {name!r} reads another file")
            member = group[name]
            if isinstance(member, h5py.Group):
                visit(member)
            elif member.external or member.is_virtual:
                raise UsageProblemError(f"{path.name} is refused: its array {name!r} is stored in another file")

    visit(file)


def _check_function(path: Path, part: Mapping[str, Any]) -> None:
    symbol = (part.get("config") or {}).get("function")
    if symbol not in operators():
        raise UsageProblemError(
            f"{path.name} calls tf.{symbol} between its layers, which has no equivalent in Keras 3; replace it by a "
            "Keras layer and save the model again"
        )
