"""`tieout init`: a new workspace from the shipped templates."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from tieout.config.problems import problems_of
from tieout.config.root import Firm
from tieout.config.schema import NAMES, schema_text
from tieout.config.workspace import FILES
from tieout.config.yaml_lines import Lines
from tieout.errors import BadInput

#: What may be in the folder already: version control and our own data.
_HARMLESS = frozenset([".git", ".gitignore", ".gitattributes", ".tieout", ".DS_Store"])
SCHEMA_FOLDER = ".schema"


def create_workspace(
    path: Path, *, name: str, time_zone: str, currency: str, country: str
) -> tuple[Path, ...]:
    """Write the shipped templates with the firm's answers into an empty or new folder.

    Nothing that exists is overwritten. Returns the files written. Raises BadInput when
    the folder holds something already or an answer is not usable; nothing is written then.
    """
    answers = {"name": name, "time_zone": time_zone, "currency": currency, "country": country}
    try:
        Firm.model_validate(answers)
    except ValidationError as error:
        found = problems_of(error, Firm, Lines("firm"))
        raise BadInput("the answers about the firm cannot be used", tuple(found)) from None
    _check_empty(path)
    texts = {file: shipped(file) for file in FILES}
    for field, answer in answers.items():
        placeholder = f"<{field}>"
        quoted = json.dumps(answer, ensure_ascii=False)  # valid YAML whatever the name holds
        texts = {file: text.replace(placeholder, quoted) for file, text in texts.items()}
    texts |= {f"{SCHEMA_FOLDER}/{each}.json": schema_text(each) for each in NAMES}
    texts[".gitignore"] = ".tieout/\n"
    return tuple(_written(path / file, text) for file, text in texts.items())


def shipped(file: str) -> str:
    """The text of a shipped template such as `mappings/deals.yaml`."""
    return (files("tieout.config") / "defaults" / file).read_text(encoding="utf-8")


def _check_empty(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise BadInput(f"{path} is a file; give the name of a new or empty folder")
    taken = sorted(each.name for each in path.iterdir()) if path.is_dir() else []
    taken = [each for each in taken if each not in _HARMLESS]
    if taken:
        shown = ", ".join(taken[:5]) + (" ..." if len(taken) > 5 else "")
        raise BadInput(
            f"{path} is not empty (it holds {shown}); nothing was written:"
            " give the name of a new or empty folder"
        )


def _written(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists():  # a .gitignore of the person's own
        return file
    with file.open("x", encoding="utf-8") as handle:
        handle.write(text)
    return file
