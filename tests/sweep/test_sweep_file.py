"""Every mistake in the file of a sweep is named in one sentence, before any job starts; a combination is a job."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from export.cli.main import main
from export.cli.sweep.order import in_order
from tests.sweep.files import jobs_of, written

RECIPE = "\n[recipes.int8]\nint8 = true\n"
GOOD = 'models = ["lenet5"]' + RECIPE
# The content of a file -> what the message must say.
MISTAKES = {
    'models = ["lenet5"': "is not TOML",
    RECIPE: "models must be a list",
    "models = []" + RECIPE: "models must be a list",
    'models = ["lenet5"]': "there is no recipe",
    'model = ["lenet5"]' + RECIPE: "unknown section 'model'; did you mean 'models'?",
    'models = ["lenet55"]' + RECIPE: "unknown architecture 'lenet55'; did you mean 'lenet5'",
    'models = ["nowhere.keras"]' + RECIPE: "nowhere.keras",
    'models = ["lenet5", "lenet5"]' + RECIPE: "two models are called lenet5",
    'models = [{name = "a"}]' + RECIPE: "a model is a name, a file or a table",
    'models = [{model = "lenet5", precison = "int8"}]' + RECIPE: "unknown option 'precison'; did you mean 'precision'?",
    'models = [{model = "lenet5", name = "a/b"}]' + RECIPE: "letters, digits",
    'models = [{model = "lenet5", int8 = false}]' + RECIPE: "int8 is set by the model and by the recipe",
    'models = ["lenet5"]\nrecipes = 3': "recipes must be a section",
    'models = ["lenet5"]\n[recipes]\nint8 = true': "recipes.int8 must be a section",
    'models = ["lenet5"]\n[recipes."a b"]\nint8 = true': "letters, digits",
    GOOD + 'calibraton = "photos"': "unknown option 'calibraton'; did you mean",
    GOOD + 'out = "there"': "type it after `zoo sweep`: --out FOLDER",
    GOOD + 'target = "browser"': 'devices = ["raspberry-pi"]',
    GOOD + "diagnose = 1": "write diagnose = true",
    GOOD + "seed = true": "seed needs a value",
    GOOD + 'seed = "x"': "--seed",
    GOOD + 'calibration = "nowhere"': "'nowhere' does not exist",
    GOOD + 'calibration = "numpy:zeros"': "a sweep cannot tell when a function returns other samples",
    GOOD + 'observer = "minmx"': "unknown observer 'minmx'; did you mean 'min-max'?",
    GOOD + 'precision = "int9"': "unknown precision 'int9'",
    GOOD + "prune = 2": "lenet5 x int8: ",
    'devices = ["rasbery-pi"]\n' + GOOD: "unknown target 'rasbery-pi'; did you mean 'raspberry-pi'?",
    "devices = 3\n" + GOOD: "devices must be a list of names",
    'devices = ["microcontroller"]\n' + GOOD + '[recipes.half]\nprecision = "float16"': (
        '[[exclude]] with model = "lenet5", recipe = "half" and device = "microcontroller"'
    ),
    GOOD + '[[exclude]]\nmodels = "lenet5"': "unknown key of [[exclude]] 'models'; did you mean 'model'?",
    GOOD + '[[exclude]]\nrecipe = "int9"': "unknown recipe of [[exclude]] 'int9'; did you mean 'int8'?",
    GOOD + '[[exclude]]\nmodel = "lenet5"': "leaves no combination",
    'exclude = "lenet5"\n' + GOOD: "exclude is a list of sections",
}


@pytest.mark.parametrize("content", MISTAKES)
def test_mistake_is_named_before_any_work(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, content)
    assert main(["sweep", "sweep.toml"]) == 2
    printed = capsys.readouterr()
    assert MISTAKES[content] in printed.err
    assert len(printed.err.splitlines()) == 1
    assert not printed.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sweep.toml"]


def test_combinations_are_the_product_without_what_is_left_out(tmp_path: Path) -> None:
    content = """
models = ["lenet5", {model = "mobilenet", weights = "tiny", name = "small"}]
[recipes.int8]
int8 = true
[recipes.half]
precision = "float16"
[[exclude]]
model = "small"
recipe = "half"
"""
    found = jobs_of(tmp_path, content)
    assert [job.name for job in found] == ["lenet5-int8", "lenet5-half", "small-int8"]
    assert [job.recipe.weights for job in found] == [None, None, "tiny"]
    assert [str(job.recipe.schemes[0]) for job in found] == ["int8", "float16", "int8"]


def test_devices_that_take_the_same_files_share_an_export(tmp_path: Path) -> None:
    content = 'models = ["lenet5"]\ndevices = ["raspberry-pi", "android", "microcontroller"]' + RECIPE
    found = jobs_of(tmp_path, content)
    assert sorted(device for job in found for device in job.devices) == ["android", "microcontroller", "raspberry-pi"]
    assert len(found) < 3
    assert len({job.key for job in found}) == len({job.name for job in found}) == len(found)
    assert all(job.pack_keys.keys() == set(job.devices) for job in found)


def test_options_have_the_meaning_that_they_have_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("")
    content = """
models = ["mobilenet"]
[options]
set = {alpha = 0.5}
weights = "random"
[recipes.a]
precision = ["int8", "float16"]
reconstruct = false
raise = ["logits=float32"]
calibration-count = 7
"""
    (job,) = jobs_of(tmp_path, content)
    assert job.recipe.options == {"alpha": 0.5}
    assert [str(scheme) for scheme in job.recipe.schemes] == ["int8", "float16"]
    assert (job.recipe.reconstruct, job.recipe.calibration_count, dict(job.recipe.raised)) == (
        False,
        7,
        {"logits": "float32"},
    )


def test_paths_begin_in_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    from PIL import Image

    Image.new("RGB", (40, 40)).save(tmp_path / "photos" / "one.png")
    (job,) = jobs_of(tmp_path, GOOD + 'calibration = "photos"')
    assert job.recipe.calibration == str(tmp_path / "photos")


def test_list_prints_the_jobs_and_runs_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, GOOD + "[recipes.half]\nprecision = 'float16'")
    assert main(["sweep", str(path), "--out", str(tmp_path / "out"), "--list"]) == 0
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines() if "to do" in line] == ["lenet5-int8", "lenet5-half"]
    assert "2 jobs" in printed
    assert not (tmp_path / "out").exists()


def test_checks_do_not_import_tensorflow(tmp_path: Path) -> None:
    import subprocess

    path = written(tmp_path, GOOD)
    code = (
        "import sys; from export.cli.main import main; "
        f"main(['sweep', {str(path)!r}, '--list', '--out', {str(tmp_path / 'out')!r}]); "
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'keras', 'onnxruntime', 'ray')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_jobs_of_a_model_do_not_follow_each_other_and_large_models_are_first(tmp_path: Path) -> None:
    content = 'models = ["lenet5", "mobilenet"]\n[recipes.a]\nint8 = true\n[recipes.b]\nprecision = "float16"'
    names = [job.name for job in in_order(jobs_of(tmp_path, content))]
    assert names == ["mobilenet-a", "lenet5-a", "mobilenet-b", "lenet5-b"]
