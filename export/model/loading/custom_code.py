"""Run a user's own file that defines custom layers, only if the user names the file."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from zoo.errors import UsageProblemError

FLAG = "--import"


def run_file(text: str) -> str:
    """Run a Python file, make its layers and functions known to Keras, and return a note about it.

    What the file registers under a name of its own (`keras.saving.register_keras_serializable`) keeps that name.

    Raises:
        UsageProblemError: there is no such file, or it fails.
    """
    path = Path(text).expanduser()
    if path.suffix != ".py" or not path.is_file():
        raise UsageProblemError(f"{FLAG} {text}: there is no such Python file; give the file that defines your layers")
    import keras

    known = keras.saving.get_custom_objects()
    module = _executed(path)
    for name, value in vars(module).items():
        if callable(value) and getattr(value, "__module__", "") == module.__name__:
            known.setdefault(name, value)
    return f"{path.name} was run, because {FLAG} names it"


def _executed(path: Path) -> ModuleType:
    """Return the module of a file; files beside it can be imported by it."""
    spec = importlib.util.spec_from_file_location(f"user_{path.stem}", path)
    assert spec is not None  # for a .py file there always is a loader
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # pickle and dataclasses look the module up
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the user's file may raise anything
        first = next(iter(str(error).splitlines()), "")
        raise UsageProblemError(f"{FLAG} {path.name} fails: {type(error).__name__}: {first}") from error
    finally:
        sys.path.remove(str(path.parent.resolve()))
    return module
