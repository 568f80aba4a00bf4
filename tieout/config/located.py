"""The base of every part of a workspace: strict, frozen, and it knows where it was written."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache

from pydantic import BaseModel, ConfigDict, PrivateAttr

from tieout.config.yaml_lines import Lines, Path_


class Section(BaseModel):
    """A group of settings. Unknown names are problems, values never change after loading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, arbitrary_types_allowed=True
    )

    _lines: Lines = PrivateAttr(default_factory=lambda: Lines(""))
    _path: Path_ = PrivateAttr(default=())

    @property
    def origin(self) -> str:
        """Where it is written, `mappings/deals.yaml:12`; "" when it was made in code."""
        return self._lines.origin(self._path)

    @property
    def file(self) -> str:
        """The file it is written in; "" when it was made in code."""
        return self._lines.file

    def origin_of(self, *path: str | int) -> str:
        """Where one of its settings is written; the section's own place when it is not."""
        return self._lines.origin((*self._path, *path))

    def line_of(self, *path: str | int) -> int:
        """The 1-based line of one of its settings; 0 when it was made in code."""
        return self._lines.at((*self._path, *path))


def locate(value: object, lines: Lines, path: Path_ = ()) -> None:
    """Tell a freshly validated section, and all within it, where they were written."""
    inner: list[tuple[str | int, object]] = []
    if isinstance(value, Section):
        value._lines, value._path = lines, path
        known = type(value).model_fields.items()
        inner = [(info.alias or name, getattr(value, name)) for name, info in known]
    if isinstance(value, Mapping):
        inner = list(value.items())
    if isinstance(value, tuple):
        inner = list(enumerate(value))
    for step, item in inner:
        locate(item, lines, (*path, step))


def nearest(found: str, valid: list[str] | tuple[str, ...]) -> str:
    """`; did you mean 'name'?` for the closest valid name, "" when none is close."""
    return _nearest(found, tuple(valid))


@lru_cache(maxsize=4096)  # ten thousand entries of one unknown project ask the same thing
def _nearest(found: str, valid: tuple[str, ...]) -> str:
    folded = {name.casefold(): name for name in valid}
    close = get_close_matches(found.casefold(), list(folded), n=1, cutoff=0.6)
    return f"; did you mean '{folded[close[0]]}'?" if close else ""
