"""YAML with the line of every key, and numbers kept exactly as they were written.

The node tree of ruamel.yaml is read directly: its constructors would turn
`200.10` into a binary fraction and forget where it stood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tieout.errors import Problem

Plain = None | bool | int | Decimal | date | str | list["Plain"] | dict[str, "Plain"]
Path_ = tuple[str | int, ...]

#: Longer or deeper files are refused: a mapping is written by people.
MAX_BYTES = 1_000_000
MAX_DEPTH = 20

_TAG = "tag:yaml.org,2002:"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Lines:
    """Where each key of a file stands: a path such as ("firm", "name") to a 1-based line."""

    file: str  # as a person names it: `mappings/rates.yaml`
    by_path: Mapping[Path_, int] = field(default_factory=dict)

    def at(self, path: Path_) -> int:
        """The line of a path, or of the nearest thing around it; 0 for an empty file.

        Steps the file does not have are passed over, so that a short form reads
        like the long form it stands for.
        """
        known: Path_ = ()
        for step in path:
            if (*known, step) in self.by_path:
                known = (*known, step)
        return self.by_path.get(known, 0)

    def origin(self, path: Path_) -> str:
        """`file:line` of a path; the file alone when it has no line."""
        line = self.at(path)
        return f"{self.file}:{line}" if line else self.file


@dataclass(frozen=True, slots=True)
class Loaded:
    """A YAML file as plain values, the lines they stand on, and what is wrong with it."""

    data: dict[str, Plain]
    lines: Lines
    problems: tuple[Problem, ...] = ()


def load_yaml(path: Path, name: str) -> Loaded:
    """Read one file of settings; `name` is what problems call it.

    An empty file is an empty mapping. Nothing is raised for what a person wrote:
    syntax errors, doubled keys and the like come back as problems.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            return _broken(name, 0, f"larger than {MAX_BYTES} bytes; split it")
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return _broken(name, line, "not UTF-8 text; save the file as UTF-8")
    except OSError as error:
        return _broken(name, 0, f"cannot be read: {error.strerror}")
    return parse_yaml(text, name)


def parse_yaml(text: str, name: str) -> Loaded:
    """The same for text at hand."""
    try:
        root = YAML(typ="rt", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(str(error.problem or error.context or "cannot be read").split())
        return _broken(name, mark.line + 1 if mark else 0, f"not valid YAML: {what}")
    except (YAMLError, RecursionError) as error:
        return _broken(name, 0, f"not valid YAML: {' '.join(str(error).split())[:200]}")
    if root is None:
        return Loaded({}, Lines(name))
    reader = _Reader(name)
    data = reader.read(root, (), 0)
    if isinstance(data, dict):
        return Loaded(data, Lines(name, reader.by_path), tuple(reader.problems))
    if data is None and not reader.problems:
        return Loaded({}, Lines(name))
    return _broken(name, 1, "must be settings written as `name: value`")


def _broken(name: str, line: int, text: str) -> Loaded:
    return Loaded({}, Lines(name), (Problem(name, line, text),))


class _Reader:
    """Turns a node tree into plain values, noting lines and problems on the way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.by_path: dict[Path_, int] = {}
        self.problems: list[Problem] = []
        self._seen: set[int] = set()

    def read(self, node: Node, path: Path_, depth: int) -> Plain:
        if depth > MAX_DEPTH:
            return self._wrong(node, f"nested more than {MAX_DEPTH} levels deep")
        if id(node) in self._seen:
            return self._wrong(node, "an alias (*name) is not supported; write the value out")
        self._seen.add(id(node))
        if isinstance(node, MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, SequenceNode):
            return self._sequence(node, path, depth)
        return self._scalar(node)

    def _mapping(self, node: MappingNode, path: Path_, depth: int) -> Plain:
        found: dict[str, Plain] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._wrong(key_node, "a setting's name must be plain text")
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in found:
                first = self.by_path[here]
                self._wrong(key_node, f"'{key}' is written twice; the first is on line {first}")
                continue
            self.by_path[here] = _line(key_node)
            found[key] = self.read(value_node, here, depth + 1)
        return found

    def _sequence(self, node: SequenceNode, path: Path_, depth: int) -> Plain:
        found: list[Plain] = []
        for index, item in enumerate(node.value):
            here = (*path, index)
            self.by_path[here] = _line(item)
            found.append(self.read(item, here, depth + 1))
        return found

    def _scalar(self, node: Node) -> Plain:
        text = str(node.value)
        tag = str(node.tag)
        if tag == f"{_TAG}null":
            return None
        if tag == f"{_TAG}bool":
            return text.lower() == "true"
        if tag == f"{_TAG}int" and re.fullmatch(r"[-+]?\d+", text):
            return int(text)
        if tag in (f"{_TAG}int", f"{_TAG}float"):
            return self._number(node, text)
        if tag == f"{_TAG}timestamp" and _DATE.fullmatch(text):
            return self._date(node, text)
        if tag in (f"{_TAG}str", f"{_TAG}timestamp"):
            return text
        return self._wrong(node, f"the tag {tag} is not supported")

    def _number(self, node: Node, text: str) -> Plain:
        try:
            number = Decimal(text)
        except InvalidOperation:
            return self._wrong(node, f"{text!r} is not a number; put text in quotes")
        if not number.is_finite():
            return self._wrong(node, f"{text!r} is not a number")
        return number

    def _date(self, node: Node, text: str) -> Plain:
        try:
            return date.fromisoformat(text)
        except ValueError:
            return self._wrong(node, f"{text} is not a date")

    def _wrong(self, node: Node, text: str) -> Plain:
        self.problems.append(Problem(self.name, _line(node), text))
        return None


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
