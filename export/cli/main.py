"""The commands `zoo` and `zoo-export`: finding the command, and what a shell is answered.

Exit codes: 0 good; 1 a check failed; 2 the user's mistake; 3 an outside failure; 130 interrupted.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Callable, Sequence

import click

from export.cli.console import print_error
from zoo.errors import OutsideError, UsageProblemError, ZooError, unknown

# What a user wants to do, and the commands for it with their line of the help, in the order of the help.
# A new command is a file in `export/cli/commands` and a line here. The help imports none of them.
SECTIONS: dict[str, dict[str, str]] = {
    "Discover": {
        "list": "List the architectures that are ready to export.",
        "show": "Show one architecture: paper, options, weights, card; or draw it.",
        "inspect": "Describe a model file: integer or not, inputs, outputs, operators.",
    },
    "Configure": {"doctor": "Check the installation."},
    "Build": {
        "train": "Train a network on your photos: first its new last layer, then all layers.",
        "export": "Export a network of the zoo or a .keras file, and prove every file.",
    },
    "Measure": {
        "verify": "Prove a delivered folder again, without TensorFlow.",
        "run": "Run a delivered file on photos, without TensorFlow.",
        "bench": "Measure time and memory of files in turn, without TensorFlow.",
    },
}
# Of a command in a package of its own, which imports this one.
ELSEWHERE = {"train": "training.command"}
INTERRUPTED = 130
BROKEN_PIPE = 141  # 128 + SIGPIPE: what a shell shows for `zoo list | head -1` in any other program.


def command_names() -> list[str]:
    """Return the names of all commands, in the order of the help."""
    return [name for names in SECTIONS.values() for name in names]


def load_command(name: str) -> click.Command:
    """Return the command of that name.

    Raises:
        UsageProblemError: no such command; the message holds the nearest ones.
    """
    if name not in command_names():
        raise unknown("command", name, command_names())
    command = importlib.import_module(ELSEWHERE.get(name, f"export.cli.commands.{name}")).command
    assert isinstance(command, click.Command)  # A mistake of ours, not of the user.
    return command


class Commands(click.Group):
    """A group whose commands are imported when they are asked for, and whose help is ordered by intent."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help."""
        return command_names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or None for an option that was typed in its place."""
        return None if cmd_name.startswith("-") else load_command(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section per intent."""
        for title, lines in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(lines.items()))


def _print_version(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        click.echo(f"zoo-export {version('zoo-export')}")
        context.exit()


@click.group(
    cls=Commands,
    epilog="Start with:  zoo list   then   zoo show mobilenet   then   zoo export mobilenet --int8",
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
    """Keras models to TFLite and ONNX, each file proven to be the model."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `zoo ARGUMENTS` (default: those of the process) and return the exit code."""
    return answer(lambda: zoo, "zoo", sys.argv[1:] if arguments is None else arguments)


def main_export(arguments: Sequence[str] | None = None) -> int:
    """Run `zoo-export ARGUMENTS`, which is `zoo export ARGUMENTS`, and return the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    return answer(lambda: load_command("export"), "zoo-export", arguments)


def answer(find: Callable[[], click.Command], program: str, arguments: Sequence[str]) -> int:
    """Run a command: a foreseen failure becomes one line on stderr and an exit code, a bug a traceback."""
    try:
        code = _invoke(find(), program, arguments)
        sys.stdout.flush()  # A full disk or a closed pipe must show up here, not after the exit code is made.
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        print_error(*_rephrase(error))
        return error.exit_code
    except ZooError as error:
        print_error(str(error))
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        print_error("interrupted")
        return INTERRUPTED
    except OSError as error:
        return _answer_os_error(error)
    return code


def _invoke(command: click.Command, program: str, arguments: Sequence[str]) -> int:
    """Run `command`. Its exit code is what it returns, if that is a number."""
    if f"_{program.upper().replace('-', '_')}_COMPLETE" in os.environ:
        # The shell asks for completions; click answers and exits.
        command.main(list(arguments), prog_name=program)
    try:
        with command.make_context(program, list(arguments)) as context:
            result = command.invoke(context)
    except click.exceptions.Exit as request:  # --help, --version
        return request.exit_code
    return result if isinstance(result, int) else 0


def _rephrase(error: click.ClickException) -> tuple[str, str | None]:
    """Return click's complaint in the words that the rest of the program uses, and where to look."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f"see: {context.command_path} --help" if context else None
    if isinstance(error, click.NoSuchOption) and context:
        known = [word for parameter in context.command.get_params(context) for word in parameter.opts]
        options = [word for word in known if word.startswith("--")]
        return str(unknown("option", error.option_name, options)), hint
    message = error.format_message().rstrip(".")
    return message[:1].lower() + message[1:], hint


def _answer_os_error(error: OSError) -> int:
    """Answer the failures that the user can do something about; raise the others again."""
    _settle_stdout()
    if isinstance(error, BrokenPipeError):
        return BROKEN_PIPE
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" (writing {error.filename})" if error.filename else ""
        print_error(f"the disk is full{where}; free some space and type the same command again")
        return OutsideError.exit_code
    if isinstance(error, PermissionError) and error.filename:
        print_error(f"no permission for {error.filename}; choose another place or change its permissions")
        return UsageProblemError.exit_code
    raise error


def _settle_stdout() -> None:
    """Let what stdout still holds go: Python flushes once more at exit, and would change the exit code."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
