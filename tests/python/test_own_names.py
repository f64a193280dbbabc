"""`import zoo_export` works next to modules of the user that have the names of our packages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = ("export.py", "zoo.py", "calibration.py", "training/__init__.py")
EXPORT = """
import zoo_export
from pathlib import Path

delivery = zoo_export.run(zoo_export.Recipe(model="lenet5", formats=("tflite",), out=Path("out")))
print(delivery.passed, *(artifact.file_name for artifact in delivery.artifacts))
print(zoo_export.open_file(next(Path("out").rglob("*.tflite"))).outputs[0].name)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a script's neighbours."""
    for name in NAMES:
        path = tmp_path / "own" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("raise SystemExit('the wrong one')\n")
    return tmp_path / "own"


def ran(script: Path, packages: Path) -> subprocess.CompletedProcess[str]:
    """Run a script as a user does: its own folder is searched first."""
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    command = [sys.executable, script.name]
    return subprocess.run(command, cwd=script.parent, env=environment, capture_output=True, text=True, check=False)


def test_modules_next_to_the_script_do_not_shadow_ours(folder: Path) -> None:
    script = folder / "export.py"  # the script itself has such a name
    script.write_text("import zoo_export; print(zoo_export.Recipe(model='lenet5').model)")
    done = ran(script, ROOT)
    assert (done.returncode, done.stdout) == (0, "lenet5\n"), done.stderr


def test_a_name_that_is_already_imported_is_reported_in_one_sentence(folder: Path) -> None:
    (folder / "calibration.py").write_text("")
    script = folder / "go.py"
    script.write_text("import calibration, zoo_export")
    last = ran(script, ROOT).stderr.splitlines()[-1]
    assert last.startswith("ImportError: zoo_export needs the name 'calibration', which is taken by ")
    assert str(folder / "calibration.py") in last


def test_a_user_s_own_training_is_still_found_afterwards(folder: Path) -> None:
    (folder / "training" / "__init__.py").write_text("OWN = 1")
    script = folder / "go.py"
    script.write_text("import zoo_export, training; print(training.OWN)")
    assert ran(script, ROOT).stdout == "1\n"


def test_a_checkout_behind_a_link_is_the_same_checkout(folder: Path) -> None:
    (folder.parent / "link").symlink_to(ROOT)
    script = folder.parent / "go.py"
    script.write_text(f"import sys, zoo; sys.path[1:1] = [{str(folder.parent / 'link')!r}]; import zoo_export")
    done = ran(script, ROOT)
    assert done.returncode == 0, done.stderr


def test_importing_it_loads_nothing_heavy(folder: Path) -> None:
    script = folder / "go.py"
    script.write_text("import sys, zoo_export; print({'tensorflow', 'keras', 'numpy', 'onnx'} & sys.modules.keys())")
    assert ran(script, ROOT).stdout == "set()\n"


@pytest.mark.large
def test_an_installed_wheel_exports_next_to_modules_of_these_names(folder: Path, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    options = ["--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "wheel", *options, "--wheel-dir", tmp_path / "wheels", _sources(tmp_path)], check=True)
    (wheel,) = (tmp_path / "wheels").glob("*.whl")
    subprocess.run([*pip, "install", *options, "--target", tmp_path / "installed", wheel], check=True)
    script = folder / "go.py"
    script.write_text(EXPORT)
    done = ran(script, tmp_path / "installed")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["True lenet5-float32.tflite", "logits"]


def _sources(folder: Path) -> Path:
    """Return a copy of the sources of a wheel, because setuptools writes into their folder."""
    from shutil import copytree, ignore_patterns

    packages = ("zoo_export", "zoo", "export", "calibration", "training")
    for name in packages:
        copytree(ROOT / name, folder / "sources" / name, ignore=ignore_patterns("__pycache__"))
    (folder / "sources/docs").mkdir()
    for name in ("pyproject.toml", "docs/pypi.md", "LICENSE"):
        (folder / "sources" / name).write_bytes((ROOT / name).read_bytes())
    return folder / "sources"
