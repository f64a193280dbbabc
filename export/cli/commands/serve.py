"""`zoo serve FOLDER`: show a model in the browser, from a server on this machine."""

from __future__ import annotations

import contextlib
import errno
import shlex
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import click

from export.cli.console import print_command, standard_error, standard_output
from zoo.errors import OutsideError, UsageProblemError

if TYPE_CHECKING:
    from http.server import ThreadingHTTPServer


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 is the whole network."
)
def command(folder: Path, port: int, host: str) -> None:
    """Show a model in the browser, from a server on this machine.

    FOLDER is that of zoo export, which is packed into FOLDER-browser first, or of zoo pack --target browser.
    """
    from export.bundle import serve

    _check_address(host, port)
    page = _page(folder)
    running = _listening(page, host, port)
    console = standard_output()
    print_command(console, f"{page} is at {serve.address(running)}")
    console.print("stop with Ctrl-C", soft_wrap=True)
    console.file.flush()  # a program that reads the address waits for it
    with running, contextlib.suppress(KeyboardInterrupt):
        running.serve_forever()


def _page(folder: Path) -> Path:
    """Return the folder with the page: the given one, or that of the export in it.

    Raises:
        UsageProblemError: there is no page, and the folder is not that of an export; or the page's place is taken.
    """
    from export.bundle import deploy
    from export.bundle.deploy.pack import default_place, pack
    from export.bundle.deploy.packed_files import is_replaceable
    from export.bundle.read import read
    from export.bundle.serve import PAGE
    from export.bundle.write import MANIFEST
    from export.cli.progress_bar import ProgressBar

    if (folder / PAGE).is_file():
        return folder
    if not (folder / MANIFEST).is_file():
        raise UsageProblemError(
            f"{str(folder)!r} has no page to show; type the folder of an export, for example artifacts/mobilenet"
        )
    target = deploy.find("browser")
    place = default_place(folder, target)
    if not is_replaceable(place):
        otherwise = f"; or show it as it is: zoo serve {shlex.quote(str(place))}" if (place / PAGE).is_file() else ""
        raise UsageProblemError(
            f"{place} holds files that were not packed here, or were changed since; delete that folder{otherwise}"
        )
    with ProgressBar(standard_error()) as progress:
        return pack(read(folder), target, None, None, progress).path


def _check_address(host: str, port: int) -> None:
    """Check that the address can be used, before a page is packed.

    Raises:
        UsageProblemError: the host is no name of one.
        OutsideError: it cannot.
    """
    problem = UsageProblemError(f"--host {host!r} is no address; leave it out, or type one such as 0.0.0.0")
    if not host:  # would listen everywhere
        raise problem
    try:
        with socket.socket(socket.AF_INET) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
    except (UnicodeError, TypeError) as error:  # no name that a resolver could be asked for
        raise problem from error
    except OSError as error:
        raise _not_listening(error, host, port) from error


def _listening(page: Path, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server of the folder.

    Raises:
        OutsideError: the address cannot be used.
    """
    from export.bundle import serve

    try:
        return serve.server(page, host, port)
    except OSError as error:
        raise _not_listening(error, host, port) from error


def _not_listening(error: OSError, host: str, port: int) -> OutsideError:
    reason = error.strerror or error
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return OutsideError(
            f"cannot listen on {host}, which is no IPv4 address of this machine ({reason}); leave out --host"
        )
    return OutsideError(f"cannot listen on port {port} of {host} ({reason}); another port: --port 0")
