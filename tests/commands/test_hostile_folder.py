"""A folder from anywhere cannot write to the terminal, block the command or fill the memory."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.cli.main import main
from export.cli.printable import printable

Edit = Callable[[Callable[[dict[str, Any]], object]], None]
ESCAPES = ("\x1b[2J", "\x9b31m", "\x07", "\x1b]0;title\x07", "\u202egnp.exe", "\r")


@pytest.mark.parametrize("escape", ESCAPES, ids=repr)
def test_escape_sequences_of_a_manifest_never_reach_the_terminal(
    escape: str, copy: Path, edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["title"] = manifest["name"] = f"LeNet{escape}"
        manifest["weights"].update(trained=False, reason=f"no network{escape}")

    edit(change)
    (copy / "labels.txt").write_text("\n".join(f"class {number}{escape}" for number in range(10)))
    for command in (["verify", str(copy)], ["verify", str(copy), "--json"], ["inspect", str(copy)]):
        main(command)
        printed = "".join(capsys.readouterr())
        assert escape[0] not in printed.replace("\r\n", "\n")


def test_printable_keeps_lines_and_names() -> None:
    assert printable("größe\n\tdepthwise_1 → ok") == "größe\n\tdepthwise_1 → ok"
    assert printable("\x1b[2J") == "\N{REPLACEMENT CHARACTER}[2J"


@pytest.mark.parametrize("name", ["golden.npz", "lenet5-int8.tflite", "manifest.json"])
@pytest.mark.parametrize("kind", ["a named pipe", "a link to a device"])
def test_files_that_are_none_are_refused_at_once(
    name: str, kind: str, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / name).unlink()
    if kind == "a named pipe":
        os.mkfifo(copy / name)
    else:
        (copy / name).symlink_to("/dev/zero")
    assert main(["verify", str(copy)]) == (2 if name == "manifest.json" else 1)
    words = " ".join("".join(capsys.readouterr()).split())
    assert "regular file" in words or "has no manifest.json" in words


def test_an_archive_that_unpacks_to_far_more_is_refused(
    copy: Path, seal: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / "golden.npz").unlink()
    packed = zipfile.ZipFile(copy / "golden.npz", "w", zipfile.ZIP_DEFLATED)
    with packed as archive, archive.open("input/image.npy", "w") as file:
        np.lib.format.write_array(file, np.zeros((8, 4_000_000), np.float32))  # type: ignore[no-untyped-call]
    seal()
    assert main(["verify", str(copy)]) == 1
    assert "it unpacks from 0.1 MB to 0.13 GB" in " ".join("".join(capsys.readouterr()).split())
