"""Every error Tieout raises on purpose, grouped by what the engine does next.

    TieoutError
    ├── RemoteError            a remote system answered, or failed to
    │   ├── Transient          nothing changed there: try again later
    │   │   └── FeedFull       a feed of changes was cut off: read the stream from the beginning
    │   ├── RateLimited        told to wait: wait, without counting an attempt
    │   ├── AuthExpired        the credential is dead: refresh once, then stop the connection
    │   ├── Rejected           understood and refused: hold the row, show the vendor's words
    │   ├── Conflict           it moved on or exists already: find, compare
    │   └── Unknown            sent, no answer: find, then decide; never send again first
    ├── Misconfigured          a rule or a setting is missing or wrong: stop before any call
    ├── BadInput               a file or an argument cannot be used: nothing of it was applied
    ├── NotAllowed             the action would break a promise (change an approved document ...)
    └── StoreError             the database cannot do its work (full disk, wrong version, busy)

A message says what, where and what to do next. One place (`cli.exit_code_of`)
turns a class into an exit code.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "AuthExpired",
    "BadInput",
    "Conflict",
    "FeedFull",
    "Misconfigured",
    "NotAllowed",
    "Problem",
    "RateLimited",
    "Rejected",
    "RemoteError",
    "StoreError",
    "TieoutError",
    "Transient",
    "Unknown",
]


class TieoutError(Exception):
    """Something a person must act on."""


class RemoteError(TieoutError):
    """A remote system answered with a failure, or did not answer."""

    def __init__(
        self,
        text: str,
        *,
        status: int | None = None,
        code: str = "",
        field: str = "",
        trace_id: str = "",
    ) -> None:
        super().__init__(text)
        self.text = text  # the vendor's own words, redacted
        self.status = status  # HTTP status; None when no answer came
        self.code = code  # the vendor's error code, "" when it has none
        self.field = field  # the field the vendor complains about, "" when it does not say
        self.trace_id = trace_id  # the vendor's correlation id, for its support desk


class Transient(RemoteError):
    """Nothing changed over there; the same call may succeed later."""


class FeedFull(Transient):
    """A feed of changes told less than there is: pull the stream again without a start."""


class RateLimited(RemoteError):
    """The remote company asks us to wait."""

    def __init__(self, text: str, *, wait_s: float, **details: object) -> None:
        super().__init__(text, **details)  # type: ignore[arg-type]
        self.wait_s = wait_s  # seconds to wait before the next call to this company
        self.asked = ""  # the wait as the vendor wrote it, "" when it named none


class AuthExpired(RemoteError):
    """The credential is no longer accepted."""


class Rejected(RemoteError):
    """The remote system understood the request and refused it."""


class Conflict(RemoteError):
    """The remote record moved on, or exists already."""

    def __init__(self, text: str, *, remote_id: str = "", **details: object) -> None:
        super().__init__(text, **details)  # type: ignore[arg-type]
        self.remote_id = remote_id  # the record the vendor names, "" when it names none


class Unknown(RemoteError):
    """The request left and its outcome is not known."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in something a person wrote: a workspace file, an import file."""

    file: str  # as the person would name it
    line: int  # 1-based; 0 when the problem belongs to the whole file
    text: str  # what was found, and what to do

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.text}"


class _WithProblems(TieoutError):
    def __init__(self, text: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__("\n".join([text, *(f"  {problem}" for problem in problems)]))
        self.text = text
        self.problems = problems


class Misconfigured(_WithProblems):
    """A rule or a setting is missing or wrong; nothing was called."""


class BadInput(_WithProblems):
    """A file or an argument cannot be used; nothing of it was applied."""


class NotAllowed(TieoutError):
    """The action would break a promise Tieout makes."""


class StoreError(TieoutError):
    """The database cannot do its work; what was asked for is not half done."""
