"""What a command's end means to a script: one place turns an error into a code and into words."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from tieout.errors import BadInput, Misconfigured, RemoteError, TieoutError
from tieout.steps import Outcome


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    PROBLEMS = 1  # it ran, and found or met problems
    USAGE = 2  # the command, the workspace or a file is wrong; nothing was done
    REFUSED = 3  # a remote system refused, or did not answer
    HELD = 4  # done, and work waits for a person


#: Shown at the end of `tieout --help`.
LEGEND = (
    "Exit codes: 0 done, 1 problems found, 2 usage or configuration, "
    "3 a remote system refused, 4 held work waits."
)


def exit_code_of(error: Exception) -> ExitCode:
    """The exit code an error ends a command with."""
    if isinstance(error, Misconfigured | BadInput | OSError):
        return ExitCode.USAGE
    if isinstance(error, RemoteError):
        return ExitCode.REFUSED
    return ExitCode.PROBLEMS


def code_of(outcome: Outcome) -> ExitCode:
    """The exit code of a step that ended so."""
    return ExitCode[outcome.name]


def words_of(error: Exception) -> str:
    """All an error says, for a person."""
    if isinstance(error, OSError):
        return f"{error.filename or 'The system'}: {error.strerror or error}."
    trace_id = error.trace_id if isinstance(error, RemoteError) else ""
    support = f"\n  Their support finds it under {trace_id}." if trace_id else ""
    return f"{error}{support}"


def as_json(error: Exception) -> dict[str, Any]:
    """The same for a program."""
    said: dict[str, Any] = {
        "class": type(error).__name__,
        "text": str(error) if isinstance(error, TieoutError) else words_of(error),
        "exit_code": int(exit_code_of(error)),
    }
    if isinstance(error, Misconfigured | BadInput):
        said["text"] = error.text
        said["problems"] = [
            {"file": problem.file, "line": problem.line, "text": problem.text}
            for problem in error.problems
        ]
    if isinstance(error, RemoteError):
        said |= {
            "status": error.status,
            "code": error.code,
            "field": error.field,
            "trace_id": error.trace_id,
        }
    return {"error": said}


def worst(*codes: ExitCode) -> ExitCode:
    """The code to end with when several apply: refused, then held, then problems."""
    order = (ExitCode.USAGE, ExitCode.REFUSED, ExitCode.HELD, ExitCode.PROBLEMS)
    return next((code for code in order if code in codes), ExitCode.DONE)
