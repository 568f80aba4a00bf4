"""What a page of the documentation asks its reader to do, in the order of the page."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from typer.main import get_command

from tieout.cli import app

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "tieout").rglob("README.md")),
    *sorted((ROOT / "cassettes").glob("README.md")),
]

#: A fenced block, a title, or code in the middle of a sentence.
_PARTS = re.compile(
    r"^```(?P<kind>\w*)(?: (?P<title>\S+))?\n(?P<text>.*?)^```|^#+ [^\n]*|`(?P<inline>[^`]+)`",
    re.MULTILINE | re.DOTALL,
)
#: The languages of blocks that hold what somebody types into a shell.
SHELLS = ("sh", "bash", "shell", "console", "zsh")


@dataclass(frozen=True)
class Step:
    """One thing to do: type a command, write a file, or edit one in the workspace."""

    kind: Literal["type", "write", "edit"]
    text: str  # the command, or what is written
    title: str = ""  # the file


def name_of(page: Path) -> str:
    """A page's path in the repository."""
    return page.relative_to(ROOT).as_posix()


def words(line: str) -> list[str]:
    """A command line as a shell takes it apart."""
    return shlex.split(line, comments=True)


def steps(text: str) -> Iterator[Step]:
    """All that a page's text asks for, in its order.

    Blocks of a shell are typed line by line; so are commands in a sentence that are
    complete. A block whose fence names a file is written, and one of YAML whose first line
    is a comment with a file's name edits that file of the workspace.
    """
    for part in _PARTS.finditer(text):
        kind, inside = part["kind"] or "", part["text"] or ""
        line = " ".join((part["inline"] or "").split())
        if _begins_a_command(line):
            if complete(line):
                yield Step("type", line)
        elif kind in SHELLS:
            lines = (re.sub(r"\s+# .*", "", line) for line in inside.splitlines())
            yield from (Step("type", line) for line in lines if words(line))
        elif part["title"]:
            yield Step("write", inside, part["title"])
        elif kind == "yaml" and (file := re.match(r"# (\S+\.yaml)\n", inside)):
            yield Step("edit", inside, file[1])


def named(text: str) -> Iterator[str]:
    """The commands that are only named, without what they need: `tieout connect`."""
    for part in _PARTS.finditer(text):
        line = " ".join((part["inline"] or "").split())
        if _begins_a_command(line) and not complete(line):
            yield line


def _begins_a_command(line: str) -> bool:
    return line.split(" ")[0] in ("tieout", "make") and line != "tieout"


@cache
def _tieout() -> Any:
    return get_command(app)


def complete(line: str) -> bool:
    """Whether a command line says all its command needs.

    Raises AssertionError for a command that is not there, and what the parser raises for
    an option that is not.
    """
    program, *rest = words(line)
    if program == "make":
        return True
    command: Any = _tieout()
    while hasattr(command, "commands"):
        # A group takes its own options, and leaves the command and what follows.
        context = command.make_context(program, list(rest), resilient_parsing=True)
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if not rest:
            return False
        assert rest[0] in command.commands, f"{line}: there is no command {rest[0]}"
        command, rest = command.commands[rest[0]], rest[1:]
    try:
        command.make_context(program, list(rest)).close()
    except Exception as problem:
        # The parser's own class has no public name.
        if type(problem).__name__ != "MissingParameter":
            raise
        return False
    return True
