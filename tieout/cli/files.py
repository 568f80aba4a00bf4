"""Files in and out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TextIO

import typer

from tieout.cli import show
from tieout.cli.exits import ExitCode
from tieout.cli.session import engine_of, finish
from tieout.cli.show import Column, Json
from tieout.sync.imports import export as export_lines
from tieout.sync.imports import import_file


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("import")(import_files)
    app.command()(export)


_IMPORTED = (
    Column("path", "File"),
    Column("layout", "Layout"),
    Column("stream", "Stream"),
    Column("new", "New", right=True),
    Column("changed", "Changed", right=True),
    Column("unchanged", "Same", right=True),
    Column("facts", "Facts", right=True),
    Column("held", "Held", right=True),
)


def import_files(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV, XLSX, JSON Lines.")],
    connection: Annotated[
        str, typer.Option(metavar="NAME", help="The files connection, when there are several.")
    ] = "",
    json: Json = False,
) -> None:
    """Take in files of deals, time or rates. The same file again changes nothing."""
    rows = []
    with engine_of(context) as engine:
        for number, path in enumerate(paths, start=1):
            done = import_file(engine, path, connection)
            rows.append(
                {
                    "path": done.path,
                    "layout": done.layout,
                    "stream": done.stream,
                    "new": done.landed.new,
                    "changed": done.landed.changed,
                    "unchanged": done.landed.unchanged,
                    "facts": done.facts,
                    "held": done.held,
                }
            )
            engine.progress("import", number, len(paths))
    show.listing("Imported", _IMPORTED, rows, json)
    if any(row["held"] for row in rows):
        finish(ExitCode.HELD)


def export(
    context: typer.Context,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only these kinds of record; may be repeated.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Standard output when not given.")
    ] = None,
) -> None:
    """Write our records as JSON Lines: everything, or some kinds."""
    with engine_of(context) as engine:
        lines = export_lines(engine, tuple(kind or ()))
        if out is None:
            _write(sys.stdout, lines)
            return
        with out.open("w", encoding="utf-8", newline="\n") as file:
            written = _write(file, lines)
    show.say(f"{show.count(written, 'record')} written to {out}.", err=True)


def _write(file: TextIO, lines: Iterator[str]) -> int:
    written = 0
    for line in lines:
        file.write(line.rstrip("\n") + "\n")
        written += 1
    return written
