"""What a file can hold that people import: the layouts a connector knows, and the rows it found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tieout.connectors.reading import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A kind of file a connector reads, for people who ask what they can import.

    `fits(header)` says whether a table with these column names is in this layout.
    """

    name: str
    stream: str
    fits: Callable[[tuple[str, ...]], bool]
    columns: tuple[str, ...]  # the columns it needs
    optional: tuple[str, ...] = ()  # the columns it reads when they are there


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """The rows of one stream that a file holds, ready to land."""

    stream: str
    layout: str
    rows: list[Row]
