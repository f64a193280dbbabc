"""Kotlin's compiler, fetched from npm once and pinned by a digest; it runs where there is a Java."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from zoo.pinned import Source
from zoo.weights import sources

COMPILER = Source(
    kind="npm",
    location="kotlin-compiler@2.4.20",
    members=tuple(
        f"package/lib/{name}.jar"
        for name in ("kotlin-stdlib", "kotlin-compiler", "kotlinx-coroutines-core-jvm", "annotations-13.0")
    ),
    sha256="9b3c782829428cdf33c6402d9f1f86d481cbe9c9d53d97163d31d275c644c110",
)
STUBS = Path(__file__).with_name("stubs")
MISSING = next((f"{name} is not installed" for name in ("java", "npm") if shutil.which(name) is None), "")


def compiled(files: Iterable[Path], out: Path, *options: str) -> str:
    """Compile Kotlin files into a folder of classes, and return the compiler's messages.

    Raises:
        AssertionError: they do not compile.
    """
    jars = sources.fetch(COMPILER)
    classes = os.pathsep.join(map(str, jars))
    program = ("-cp", classes, "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler")
    words = ("-no-reflect", "-no-stdlib", "-cp", jars[0], "-d", out, *options, *files)
    done = subprocess.run(["java", "-Xmx1g", *program, *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def run(classes: Path, main: str, arguments: Sequence[str]) -> None:
    """Run a compiled program.

    Raises:
        AssertionError: it fails.
    """
    library = sources.fetch(COMPILER)[0]
    command = ["java", "-cp", os.pathsep.join(map(str, (classes, library))), main, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
