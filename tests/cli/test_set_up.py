"""The set-up and the documents agree with the code."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from export.cli.doctor.dependencies import DEPENDENCIES, locked_versions
from export.cli.main import command_names

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
README = (ROOT / "README.md").read_text()
REQUIREMENTS = PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["export"]


def _locked() -> dict[str, set[str]]:
    """Return the versions in the lock, by package: more than one where Python's versions differ."""
    versions: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK, re.MULTILINE):
        versions.setdefault(name, set()).add(version)
    return versions


def _names(requirements: list[str]) -> list[str]:
    return [re.split(r"[<>=]", requirement)[0] for requirement in requirements]


def test_every_requirement_is_locked() -> None:
    required = _names(REQUIREMENTS + PROJECT["dependency-groups"]["dev"])
    assert [name for name in required if name not in _locked()] == []


def test_lock_has_a_hash_for_each_package_and_no_server() -> None:
    packages = re.split(r"^(?=\S)", LOCK, flags=re.MULTILINE)[1:]
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []
    assert "://" not in LOCK


def test_doctor_knows_the_locked_version_of_every_dependency() -> None:
    assert sorted(d.distribution for d in DEPENDENCIES) == sorted(_names(REQUIREMENTS))
    assert {name: set(versions) for name, versions in locked_versions().items()} == _locked()
    assert {d.distribution for d in DEPENDENCIES} <= locked_versions().keys()


def test_contributors_guide_justifies_every_dependency() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    required = _names(REQUIREMENTS + PROJECT["dependency-groups"]["dev"])
    assert [name for name in required if f"| {name} |" not in guide] == []


@pytest.mark.parametrize("name", command_names())
def test_readme_lists_every_command(name: str) -> None:
    assert f"`zoo {name}" in README


def test_readme_lists_only_existing_commands() -> None:
    assert set(re.findall(r"`zoo ([a-z]+)", README)) <= set(command_names())


@pytest.fixture
def ci(tmp_path: Path) -> Callable[[int, str], subprocess.CompletedProcess[str]]:
    """Run .ci/run after this many commits, with a `make` that prints its targets and fails at one of them."""
    for name, line in (("git", "echo $COMMITS"), ("make", 'echo "$*"; [ "$1" != "$FAILS" ]')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o755)

    def run(commits: int, fails: str = "") -> subprocess.CompletedProcess[str]:
        environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "COMMITS": str(commits), "FAILS": fails}
        return subprocess.run([ROOT / ".ci/run"], env=environment, capture_output=True, text=True, check=False)

    return run


def test_ci_runs_lint_types_the_package_tests_and_one_third_of_the_large_tests(
    ci: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    made = [ci(commits).stdout.splitlines() for commits in range(57, 67)]
    assert {tuple(targets[:-1]) for targets in made} == {("lint", "types", "package", "test")}
    assert {targets[-1] for targets in made} == {"large SHARD=1/3", "large SHARD=2/3", "large SHARD=3/3"}


@pytest.mark.parametrize("fails", ["lint", "types", "package", "test", "large"])
def test_ci_stops_at_the_first_failure(fails: str, ci: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = ci(57, fails)
    assert done.returncode != 0
    assert done.stdout.splitlines()[-1].split()[0] == fails


def test_environment_is_rebuilt_only_if_lock_or_project_change(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    ready = tmp_path / ".venv/.ready"
    ready.parent.mkdir()
    ready.touch()

    def planned() -> str:
        command = ["make", "--dry-run", "--no-print-directory", "setup"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    newer = ready.stat().st_mtime + 10
    os.utime(ready, (newer, newer))
    assert "pip install" not in planned()
    for name in ("requirements.lock", "pyproject.toml"):
        os.utime(tmp_path / name, (newer + 10, newer + 10))
        assert "pip install" in planned()
        os.utime(tmp_path / name, (newer - 10, newer - 10))
