"""Entry points of `zoo` and `zoo-export`: dispatch to a command and turn errors into exit codes.

Exit codes: 0 success; 1 a check failed; 2 usage error; 3 outside failure; 130 interrupted.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Callable, Sequence

import click

from export import missing
from export.cli.bad_value import bad_value
from export.cli.console import print_error
from export.cli.program import typeable
from zoo.errors import OutsideError, UsageProblemError, ZooError, unknown

# Sections of the help, with the commands of each and their help lines, in the order of the help.
# A new command is a file in `export/cli/commands` and a line here. The help does not import the commands.
SECTIONS: dict[str, dict[str, str]] = {
    "Discover": {
        "list": "List the architectures that are ready to export.",
        "show": "Show one architecture, its options, weights and card; or the layers of a model file; or draw it.",
        "inspect": "Describe a model file: arithmetic, inputs, outputs, operators.",
    },
    "Configure": {
        "doctor": "Check the installation.",
        "cache": "Show what is kept on disk between commands, or clear it.",
    },
    "Build": {
        "train": "Train a network on your photos, sounds or texts: first its new last layer, then all layers.",
        "export": "Export networks of the zoo or model files (.keras, .h5, SavedModel folder), and prove every file.",
        "sweep": "Export many combinations of models, recipes and devices, and compare their files.",
        "pack": "Write delivered files with all that a device, or another runtime, needs to run them.",
    },
    "Measure": {
        "prove": "Prove a file that another tool made from a Keras model, and name its faults.",
        "verify": "Prove a delivered folder again, without TensorFlow.",
        "run": "Run a delivered file on photos, .wav files or texts, without TensorFlow; some networks write texts.",
        "serve": "Show a model in the browser, from a server on this machine.",
        "bench": "Measure latency and memory of model files, without TensorFlow.",
    },
}

# Modules of commands that live in another package.
ELSEWHERE = {"train": "training.command"}
# What to type where an argument is missing.
EXAMPLES = {
    "list": "zoo list",
    "show": "zoo show mobilenet",
    "inspect": "zoo inspect FILE",
    "doctor": "zoo doctor",
    "train": "zoo train mobilenet --data photos/",
    "export": "zoo export mobilenet --int8",
    "sweep": "zoo sweep sweep.toml",
    "pack": "zoo pack artifacts/mobilenet --target raspberry-pi",
    "prove": "zoo prove FILE --model mobilenet",
    "verify": "zoo verify artifacts/mobilenet",
    "run": "zoo run artifacts/mobilenet photo.jpg",
    "serve": "zoo serve artifacts/mobilenet",
    "bench": "zoo bench artifacts/mobilenet",
}
INTERRUPTED = 130
BROKEN_PIPE = 141  # 128 + SIGPIPE, the usual exit code of the first program in `zoo list | head -1`.


def command_names() -> list[str]:
    """Return the names of all commands, in the order of the help."""
    return [name for names in SECTIONS.values() for name in names]


def load_command(name: str) -> click.Command:
    """Return the command of that name.

    Raises:
        UsageProblemError: no such command; the message suggests the most similar names.
    """
    if name not in command_names():
        raise unknown("command", name, command_names())
    command = importlib.import_module(ELSEWHERE.get(name, f"export.cli.commands.{name}")).command
    assert isinstance(command, click.Command)  # A failure would be a bug of this program.
    return command


class Commands(click.Group):
    """A command group that imports each command on first use and groups the help by purpose."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help."""
        return command_names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or None if `cmd_name` is an option."""
        return None if cmd_name.startswith("-") else load_command(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one help section per purpose."""
        for title, lines in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(lines.items()))


def _print_version(context: click.Context, _parameter: click.Parameter, requested: bool) -> None:
    if requested:
        from importlib.metadata import version

        click.echo(f"zoo-export {version('zoo-export')}")
        context.exit()


@click.group(
    cls=Commands,
    epilog=typeable("Start with:  zoo list   then   zoo show mobilenet   then   zoo export mobilenet --int8"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version and exit.",
)
def zoo() -> None:
    """Export Keras models to TFLite and ONNX, and prove that every file matches its model."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `zoo ARGUMENTS` (default: those of the process) and return the exit code."""
    return run(lambda: zoo, "zoo", sys.argv[1:] if arguments is None else arguments)


def main_export(arguments: Sequence[str] | None = None) -> int:
    """Run `zoo-export ARGUMENTS`, which is `zoo export ARGUMENTS`, and return the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    return run(lambda: load_command("export"), "zoo-export", arguments)


def run(find: Callable[[], click.Command], program: str, arguments: Sequence[str]) -> int:
    """Run a command; print an expected error as one line on stderr and return the exit code."""
    try:
        code = _invoke(find(), program, arguments)
        sys.stdout.flush()  # Report a full disk or a closed pipe before the exit code is decided.
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        print_error(_rephrase(error))
        return error.exit_code
    except ZooError as error:
        print_error(str(error))
        return error.exit_code
    except ModuleNotFoundError as error:
        if not (what_to_type := missing.sentence(error)):
            raise
        print_error(what_to_type)
        return OutsideError.exit_code
    except (KeyboardInterrupt, click.Abort):
        print_error("interrupted")
        return INTERRUPTED
    except OSError as error:
        return _handle_os_error(error)
    return code


def _invoke(command: click.Command, program: str, arguments: Sequence[str]) -> int:
    """Run `command` and return its exit code: the integer that it returns, or else 0."""
    if f"_{program.upper().replace('-', '_')}_COMPLETE" in os.environ:
        # The shell requests completions; click prints them and exits.
        command.main(list(arguments), prog_name=program)
    try:
        with command.make_context(program, list(arguments)) as context:
            result = command.invoke(context)
    except click.exceptions.Exit as request:  # --help, --version
        return request.exit_code
    return result if isinstance(result, int) else 0


def _rephrase(error: click.ClickException) -> str:
    """Return click's error message in this program's style, with what to type."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, click.NoSuchOption) and context:
        known = [word for parameter in context.command.get_params(context) for word in parameter.opts]
        options = [word for word in known if word.startswith("--")]
        return str(unknown("option", error.option_name, options))
    is_missing = isinstance(error, click.MissingParameter)
    if isinstance(error, click.BadParameter) and context and error.param and not is_missing:
        return bad_value(error)
    message = error.format_message().rstrip(".")
    name = (context.info_name or "").removeprefix("zoo-") if context else ""
    return message[:1].lower() + message[1:] + (f"; type for example: {EXAMPLES[name]}" if name in EXAMPLES else "")


def _handle_os_error(error: OSError) -> int:
    """Print the errors that the user can resolve and return an exit code; raise all others again."""
    _settle_stdout()
    if isinstance(error, BrokenPipeError):
        return BROKEN_PIPE
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" (writing {error.filename})" if error.filename else ""
        print_error(f"the disk is full{where}; free some space and type the same command again")
        return OutsideError.exit_code
    if isinstance(error, PermissionError) and error.filename:
        print_error(f"no permission for {error.filename}; choose another path or change its permissions")
        return UsageProblemError.exit_code
    raise error


def _settle_stdout() -> None:
    """Discard the pending output of stdout: Python flushes again at exit, which would change the exit code."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
