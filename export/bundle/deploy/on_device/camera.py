"""Run the model on the frames of a camera (picamera2 or OpenCV), or of photos in a folder."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import UsageProblemError, ZooError

from . import session
from .inputs import from_photo, open_photo
from .model import load, positive
from .predictions import lines
from .run import choose, real_outputs

if TYPE_CHECKING:
    from PIL.Image import Image

SIZE = (640, 480)  # of a frame, which the preprocessing then shrinks


def main(folder: Path) -> int:
    """Run the command; return its exit code: 0, or 2 for a mistake."""
    parser = argparse.ArgumentParser(prog="camera.py", description=__doc__)
    parser.add_argument("--frames", type=Path, metavar="FOLDER", help="take photos of this folder in place of a camera")
    parser.add_argument("--device", type=int, default=0, help="number of the camera for OpenCV (default: 0)")
    parser.add_argument("--most", type=positive, help="number of frames (default: until Ctrl-C)")
    parser.add_argument("--file", help="name of the model file (default: the first that a runtime here can run)")
    parser.add_argument("--threads", type=positive, default=2, help="threads of the runtime (default: 2)")
    arguments = parser.parse_args()
    try:
        watch(folder, arguments)
    except ZooError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print()
    return 0


def watch(folder: Path, arguments: argparse.Namespace) -> None:
    """Print the prediction for every frame, and its latency."""
    model = load(folder)
    file = choose(model, arguments.file)
    opened = session.open_file(file, arguments.threads)
    for number, frame in enumerate(frames(arguments)):
        if number == arguments.most:
            return
        start = time.perf_counter()
        outputs = real_outputs(file, opened, from_photo(model, file, frame))
        taken_ms = (time.perf_counter() - start) * 1e3
        print(f"frame {number}, {taken_ms:.0f} ms: {lines(model, outputs, frame.size)[0].strip()}", flush=True)


def frames(arguments: argparse.Namespace) -> Iterator[Image]:
    """Yield frames.

    Raises:
        UsageProblemError: there are no photos, no library for cameras, or no camera.
    """
    if arguments.frames is not None:
        return _of_folder(arguments.frames)
    if find_spec("picamera2") is not None:
        return _of_picamera2()
    if find_spec("cv2") is not None:
        return _of_opencv(arguments.device)
    raise UsageProblemError(
        "no library for cameras is installed; type: sudo apt install python3-picamera2, or: pip install opencv-python"
    )


def _of_folder(folder: Path) -> Iterator[Image]:
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    if not paths:
        raise UsageProblemError(f"{folder} is not a folder with photos")
    for path in paths:
        yield open_photo(path)


def _of_picamera2() -> Iterator[Image]:
    from picamera2 import Picamera2  # type: ignore[import-not-found]  # comes with Raspberry Pi OS

    camera = Picamera2()
    camera.configure(camera.create_video_configuration(main={"size": SIZE, "format": "RGB888"}))
    camera.start()
    try:
        while True:
            yield camera.capture_image("main")
    finally:
        camera.stop()


def _of_opencv(number: int) -> Iterator[Image]:
    import cv2  # type: ignore[import-not-found]  # the user's choice of library
    from PIL import Image

    camera: Any = cv2.VideoCapture(number)
    try:
        while True:
            is_read, frame = camera.read()
            if not is_read:
                raise UsageProblemError(f"camera {number} gives no frames; type another --device")
            yield Image.fromarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    finally:
        camera.release()
