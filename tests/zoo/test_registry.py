from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import zoo
from zoo.errors import UsageProblemError

ZOO = Path(zoo.__file__).parent


def test_a_name_can_be_taken_once():
    with pytest.raises(ValueError, match="'mobilenet' is registered twice"):
        zoo.register(zoo.find("mobilenet"))


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UsageProblemError, match="unknown architecture 'mobilnet'; did you mean 'mobilenet'") as caught:
        zoo.find("mobilnet")
    assert caught.value.exit_code == 2


def test_every_file_that_registers_is_imported_by_the_zoo():
    registering = {
        path.stem
        for path in ZOO.glob("*.py")
        if any(
            isinstance(node, ast.Call) and getattr(node.func, "id", "") == "register"
            for node in ast.walk(ast.parse(path.read_text()))
        )
    }
    imported = {
        alias.name
        for node in ast.parse((ZOO / "__init__.py").read_text()).body
        if isinstance(node, ast.ImportFrom) and node.module == "zoo"
        for alias in node.names
    }
    assert registering == imported
    assert len(registering) >= 3


@pytest.mark.parametrize("chosen", [{"alpha": 0.3}, {"alfa": 0.5}])
def test_an_option_or_a_value_that_is_not_there_is_refused(chosen):
    with pytest.raises(UsageProblemError, match="alpha"):
        zoo.find("mobilenet").settings(chosen)


def test_a_value_becomes_the_choice_that_it_equals() -> None:
    settings = zoo.find("mobilenet").settings({"resolution": 128.0, "alpha": 1})
    assert [(value, type(value)) for value in settings.values()] == [(1.0, float), (128, int), (3, int)]


def test_importing_the_zoo_loads_no_heavy_library():
    heavy = "tensorflow", "keras", "numpy", "h5py", "PIL", "ai_edge_litert", "export", "calibration"
    code = f"import sys, zoo; print(*[name for name in {heavy!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ZOO.parent)
    assert loaded.stdout.strip() == ""


def test_the_nearest_word_is_shown_as_it_is_typed() -> None:
    from export.scheme import SCHEMES
    from zoo.errors import unknown

    assert str(unknown("precision", "itn8", SCHEMES)) == "unknown precision 'itn8'; did you mean 'int8'?"
