"""Import the packages of this distribution from its own folder, even if the program has modules of the same names.

They are `zoo`, `calibration` and `export`, and lie at the top of site-packages, where a program's own
`export.py` would be found first. `training` is not imported: it belongs to the command line.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path

NAMES = ("zoo", "calibration", "export")  # in the order of their imports


def load(folder: Path) -> None:
    """Import the packages from `folder`, and from nowhere else.

    Raises:
        ImportError: the program imported a module of its own under one of these names before.
    """
    for name in NAMES:
        loaded = sys.modules.get(name)
        if loaded is None:
            _load(name, folder)
        elif (folder / name).resolve() not in (Path(path).resolve() for path in getattr(loaded, "__path__", ())):
            where = getattr(loaded, "__file__", None) or "a namespace package"
            raise ImportError(
                f"zoo_export needs the name {name!r}, which is taken by {where}: rename that, or use zoo_export in "
                "another process"
            )


def _load(name: str, folder: Path) -> None:
    spec = PathFinder.find_spec(name, [str(folder)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{name} is missing in {folder}; install zoo-export again")
    sys.modules[name] = module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
