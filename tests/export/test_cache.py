"""Kept results: the same files as without them, nothing of other models, and no harm by damage or a full disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from export import cache
from export.cache import Cache
from export.cli.main import main
from export.model.model_digest import model_digest
from export.recipe import Recipe
from zoo.weights.sources import cache_folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache that is used, beside the downloads of the usual one."""
    monkeypatch.delenv("ZOO_EXPORT_NO_CACHE")
    monkeypatch.setenv("ZOO_EXPORT_CACHE", str(tmp_path / "home"))
    return tmp_path / "home"


def results(home: Path) -> list[Path]:
    return sorted((home / cache.FOLDER).glob("*/*"))


def counting(make: Callable[[], bytes]) -> tuple[Callable[[], bytes], list[int]]:
    calls: list[int] = []

    def counted() -> bytes:
        calls.append(1)
        return make()

    return counted, calls


def test_a_result_is_made_once(tmp_path: Path) -> None:
    make, calls = counting(lambda: b"result")
    kept, name = Cache(folder=tmp_path), cache.name_of("step", "argument")
    assert [kept.content(name, make) for _ in range(3)] == [b"result"] * 3
    assert len(calls) == 1


@pytest.mark.parametrize("damage", ["cut", "changed", "emptied"])
def test_a_damaged_result_is_made_again(damage: str, tmp_path: Path) -> None:
    make, calls = counting(lambda: b"result")
    kept, name = Cache(folder=tmp_path), cache.name_of("step")
    kept.content(name, make)
    (path,) = tmp_path.glob("*/*")
    content = path.read_bytes()
    path.write_bytes({"cut": content[:-1], "changed": content[:-1] + b"!", "emptied": b""}[damage])
    assert kept.content(name, make) == b"result"
    assert kept.content(name, make) == b"result"
    assert len(calls) == 2


def test_a_cache_that_cannot_be_written_is_not_missed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert Cache(folder=tmp_path / "file").content(cache.name_of("step"), lambda: b"result") == b"result"


def test_an_argument_without_a_digest_keeps_nothing(tmp_path: Path) -> None:
    make, calls = counting(lambda: b"result")
    for _ in range(2):
        Cache(folder=tmp_path).content(cache.name_of("step", None), make)
    assert len(calls) == 2
    assert not list(tmp_path.iterdir())


def test_names_depend_on_every_argument_and_on_their_borders() -> None:
    names = [cache.name_of(*parts) for parts in [("a", "b", "c"), ("a", "bc"), ("a", "b"), ("b", "a"), ("a", "b", "")]]
    assert len(set(names)) == len(names)


def test_the_results_that_were_not_used_for_longest_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MOST_BYTES", 400)
    kept, names = Cache(folder=tmp_path), [cache.name_of("step", str(index)) for index in range(3)]
    for age, name in zip((300, 200, 100), names, strict=True):
        kept.content(name, lambda: bytes(100))
        path = tmp_path / name[:2] / name
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    kept.content(names[0], lambda: bytes(100))  # used again, and with that the newest
    kept.content(cache.name_of("step", "3"), lambda: bytes(100))
    assert [(tmp_path / name[:2] / name).is_file() for name in names] == [True, False, True]


def network(units: int = 4) -> keras.Model:
    keras.utils.set_random_seed(0)
    x = keras.Input((8,), name="x")
    return keras.Model(x, layers.Dense(units, name="y")(layers.Dropout(0.5, name="half")(x)), name="network")


def test_the_digest_of_a_model_is_that_of_its_layers_and_weights() -> None:
    one, same, wider, changed = network(), network(), network(5), network()
    weights = changed.layers[-1].get_weights()
    weights[0][3, 2] = np.nextafter(weights[0][3, 2], np.float32(9))
    changed.layers[-1].set_weights(weights)
    assert model_digest(one) == model_digest(same)
    assert len({model_digest(model) for model in (one, wider, changed)}) == 3


class Doubled(layers.Layer):
    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return 2 * x


class Tripled(keras.Operation):
    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return 3 * x

    def compute_output_spec(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return keras.KerasTensor(x.shape, x.dtype)


class Fourfold:
    def __call__(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return 4 * x


def relu(x: keras.KerasTensor) -> keras.KerasTensor:
    """Bears the name of a function of Keras, and nothing else in a model's description."""
    return 5 * x


def inside(operation: keras.Operation) -> keras.Model:
    x = keras.Input((8,))
    return keras.Model(x, operation(x))


FOREIGN = {
    "own layer": Doubled(),
    "Lambda": layers.Lambda(lambda x: 2 * x),
    "own operation": Tripled(),
    "own operation in a nested model": inside(Tripled()),
    "own function": layers.Dense(3, activation=lambda x: 2 * x),
    "own function of a known name": layers.Dense(3, activation=relu),
    "own callable object": layers.Activation(Fourfold()),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_models_with_code_of_others_have_no_digest(name: str) -> None:
    assert model_digest(inside(FOREIGN[name])) is None


@pytest.mark.parametrize(
    ("model", "settings", "expected"),
    [
        ("mobilenet", {}, True),
        ("my.keras", {}, True),
        ("my.H5", {}, True),
        ("my.keras", {"imports": ("layers.py",)}, False),
        ("my.keras", {"unsafe_lambda": True}, False),
        ("my.keras", {"use_cache": False}, False),
        ("a/saved_model", {}, False),
    ],
)
def test_results_are_kept_of_models_without_code_only(model: str, settings: dict[str, Any], expected: bool) -> None:
    assert cache.may_be_used(Recipe(model=model, **settings)) is expected


def exported(out: Path, *words: str) -> dict[str, bytes]:
    assert main(["export", "mobilenet", "--weights", "tiny", "--int8", "--out", str(out), *words]) == 0
    return {path.name: path.read_bytes() for path in (out / "mobilenet-tiny").glob("*int8.*")}


def test_an_export_with_kept_results_gives_the_same_files(home: Path, tmp_path: Path) -> None:
    without = exported(tmp_path / "without", "--no-cache")
    assert not results(home)
    first = exported(tmp_path / "first")
    assert len(results(home)) == 5  # two conversions, the new weights, the observed ranges, the chosen ones
    assert exported(tmp_path / "again") == first == without
    # Other settings need other results, and share those that do not depend on them.
    exported(tmp_path / "other", "--seed", "1")
    assert len(results(home)) == 8


RESULT = f"results/ab/ab{'0' * 62}"
MINE = (
    "results/2025/photo.jpg",
    "results/ab/notes.txt",
    "origins/mine.txt",
    "emulation/games/a.rom",
    "mine/letter.txt",
)


def fill(home: Path, *names: str) -> None:
    for name in names:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(bytes(2_000_000))


def test_the_command_shows_and_clears_parts_and_nothing_else(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(home, RESULT, f"{'0' * 64}/weights.npz", f"emulation/arm-{'0' * 12}/bin", *MINE)
    (home / "emulation" / f"linked-{'0' * 12}").symlink_to(home / "mine", target_is_directory=True)
    assert main(["cache"]) == 0
    shown = capsys.readouterr().out
    assert all(f"{part:<9}   2.00 MB" in shown for part in ("results", "downloads", "emulation"))
    assert main(["cache", "--clear", "RESULTS"]) == 0
    assert not (home / RESULT).exists()
    assert (home / f"emulation/arm-{'0' * 12}/bin").is_file()
    assert main(["cache", "--clear", "all"]) == 0
    assert sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()) == sorted(MINE)
    assert main(["cache", "--clear", "weights"]) == 2


def test_files_of_the_users_are_never_removed_to_make_room(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_BYTES", 100)
    fill(home, RESULT, *MINE)
    cache.at_home().content(cache.name_of("step"), lambda: bytes(50))
    assert not (home / RESULT).exists()
    assert all((home / name).is_file() for name in MINE)


def test_without_a_home_another_folder_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZOO_EXPORT_CACHE", raising=False)
    monkeypatch.setattr(Path, "expanduser", lambda path: (_ for _ in ()).throw(RuntimeError("no home")))
    assert cache_folder().is_absolute()
