"""The Python programs of a device's folder: short scripts, and the code that they run in lib/."""

from __future__ import annotations

from pathlib import Path

from export.bundle.deploy import on_device
from export.bundle.deploy.target import Files

ROOT = Path(__file__).resolve().parents[3]
LIBRARY, PACKAGE = "lib", "device"

# The modules of this project that run on a device as they are: they need numpy, Pillow and the standard library alone.
MODULES = (
    "calibration/photo_file.py",
    "zoo/audio/__init__.py",
    "zoo/audio/fixed_bands.py",
    "zoo/audio/fixed_fft.py",
    "zoo/audio/fixed_gain.py",
    "zoo/audio/fixed_point.py",
    "zoo/audio/front_end.py",
    "zoo/audio/mel.py",
    "zoo/audio/resampling.py",
    "zoo/audio/wave_file.py",
    "zoo/detection/boxes.py",
    "zoo/detection/decoding.py",
    "zoo/detection/heads.py",
    "zoo/detection/suppression.py",
    "zoo/errors.py",
    "zoo/language/tokenizer.py",
    "zoo/preprocessing/__init__.py",
    "zoo/preprocessing/photo.py",
)
EMPTY = ("calibration", "zoo", "zoo/detection", "zoo/language")

SCRIPT = '''#!/usr/bin/env python3
"""{docstring}"""

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.dont_write_bytecode = True  # the folder stays as it was packed
sys.path.insert(0, str(FOLDER / "{library}"))

try:
    from {package}.{module} import main
except ModuleNotFoundError as error:
    sys.exit(f"error: {{error.name}} is not installed; type: pip install -r requirements.txt")

sys.exit(main(FOLDER))
'''


def programs(*names: str) -> Files:
    """Return the scripts of these names, which are modules of `on_device`, and the code that they run."""
    own = Path(on_device.__file__).parent
    return {
        **{f"{name}.py": _script(own / f"{name}.py") for name in names},
        **{f"{LIBRARY}/{PACKAGE}/{path.name}": path for path in sorted(own.glob("*.py"))},
        **{f"{LIBRARY}/{name}": ROOT / name for name in MODULES},
        **{f"{LIBRARY}/{name}/__init__.py": b"" for name in EMPTY},
        f"{LIBRARY}/LICENSE": (ROOT / "LICENSE").read_bytes() if (ROOT / "LICENSE").is_file() else b"Apache-2.0\n",
    }


def _script(module: Path) -> bytes:
    docstring = module.read_text(encoding="utf-8").split('"""')[1]
    return SCRIPT.format(docstring=docstring, library=LIBRARY, package=PACKAGE, module=module.stem).encode()
