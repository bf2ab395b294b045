"""How commands end: bad input is one line and exit code 2, a failure one and 1."""

import errno
import os
import signal
import sys
import tempfile
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click
import typer

from serverless_harness import exhaustion, paths
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.escaping import escaped
from serverless_harness.private_files import private_umask
from serverless_harness.project.locate import current
from serverless_harness.terminal_output import error_console

PROGRAM = "serverless-harness"
INTERRUPTED = 128 + signal.SIGINT
REMEDIES = {
    errno.EACCES: "give yourself the right to read and write it, then run this again",
    errno.EROFS: "run this from a copy of the project on a disk that can be written to",
    errno.ENOTDIR: "move the file that is there in a folder's place out of the way, then run this again",
    **exhaustion.REMEDIES,
}
"""What the caller can do where the system refuses something or has run out of it."""


def main(commands: typer.Typer) -> NoReturn:
    """Run the command line; every way that it can end is an exit code, with a line if it is a bad one."""
    # Also where the caller, a shell's background job, ignores it: whoever sends it means it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _end_by_signal)
    signal.signal(signal.SIGHUP, _end_by_signal)
    exit_code = run(commands, sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # Python would try again at its end, and make another exit code of it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(exit_code)


def run(commands: typer.Typer, arguments: list[str]) -> int:
    """Run one command and give its exit code."""
    with private_umask():
        return _run(commands, arguments)


def _run(commands: typer.Typer, arguments: list[str]) -> int:
    try:
        # typer makes this exit code of a KeyboardInterrupt, and says nothing.
        exit_code: int = commands(arguments, prog_name=PROGRAM, standalone_mode=False) or 0
        sys.stdout.flush()  # Here, where a full disk still ends in one line.
        return _show_error("interrupted", INTERRUPTED) if exit_code == INTERRUPTED else exit_code
    except click.ClickException as error:
        return _show_error(error.format_message(), UserError.exit_code)
    except HarnessError as error:
        return _show_error(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return _show_error("interrupted", INTERRUPTED)
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    except Exception as error:  # noqa: BLE001 (the last resort: its traceback goes to a file)
        return _show_unexpected(error)


def _show_unexpected(error: Exception) -> int:
    details = _keep_traceback(error)
    if remedy := _remedy(error):
        return _show_error(f"{error}: {remedy}", UserError.exit_code)
    return _show_error(f"{type(error).__name__}: {error} ({details})", 1)


def _remedy(error: Exception) -> str | None:
    if isinstance(error, OSError):
        return REMEDIES.get(error.errno or 0)
    return REMEDIES[errno.EAGAIN] if str(error) == exhaustion.NO_THREAD else None


def _keep_traceback(error: Exception) -> str:
    """Write an error's traceback to the error log; gives where it is, or why it is nowhere."""
    try:
        file = error_log()
        with file.open("a") as log:
            log.write(f"{datetime.now(UTC).isoformat()} {' '.join(sys.argv[1:])}\n")
            traceback.print_exception(error, file=log)
    except OSError as log_error:
        return f"no details: {log_error}"
    return f"details: {paths.shown(file)}"


def error_log() -> Path:
    """Give the file of the tracebacks: the project's, or one for all projects where there is none."""
    try:
        return current().make_state() / "errors.log"
    except UserError:
        return Path(tempfile.gettempdir()) / "serverless-harness-errors.log"


def _show_error(message: str, exit_code: int) -> int:
    with suppress(OSError):  # Where nobody can be told, the exit code still says it.
        error_console.print("[red]error:[/] ", end="")
        error_console.print(escaped(" ".join(message.split())), markup=False)
    return exit_code


def _end_by_signal(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)
