"""Stand-ins of the vendors on this machine, to rehearse against."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tieout.cli import show
from tieout.cli.session import session_of, until_stopped
from tieout.cli.show import Json
from tieout.clock import SystemClock
from tieout.errors import BadInput
from tieout.sandbox.world import OTHERS, VENDORS, World, describe, load_schema, serve, shell_exports

#: Seconds of one sleep while serving; a signal ends it at once.
_DOZE_S = 3600.0
_VENDORS = f"{', '.join(VENDORS)} (served when none is named); {', '.join(OTHERS)}."

sandbox_app = typer.Typer(help="Stand-ins of the vendors on this machine.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(sandbox_app, name="sandbox")


class Preset(StrEnum):
    """What a stand-in begins with."""

    SAMPLE = "sample"
    EMPTY = "empty"


@sandbox_app.command("serve")
def sandbox_serve(
    context: typer.Context,
    vendor: Annotated[list[str] | None, typer.Option(metavar="NAME", help=_VENDORS)] = None,
    preset: Annotated[
        Preset, typer.Option(help="A small consultancy's records, or none.")
    ] = Preset.SAMPLE,
    schema: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Custom Salesforce objects and fields.")
    ] = None,
    country: Annotated[
        str, typer.Option(metavar="CODE", help="Where the ledger's company is: US, GB, CA ...")
    ] = "US",
    port: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=PORT", help="A port, such as harvest=8802; else a free one."),
    ] = None,
    json: Json = False,
) -> None:
    """Serve stand-ins of the vendors until Ctrl-C, and print how to connect to them."""
    clock = session_of(context).clock or SystemClock()
    with until_stopped():
        try:
            world = World(
                clock,
                preset=_preset(preset),
                vendors=tuple(vendor or VENDORS),
                schema=load_schema(schema) if schema else None,
                country=country,
            )
            ports = dict(_port(said) for said in port or ())
        except ValueError as problem:
            raise BadInput(str(problem)) from problem
        with serve(world, ports) as serving:
            _tell(describe(serving), json)
            while True:
                clock.sleep(_DOZE_S)


def _preset(chosen: Preset) -> Literal["sample", "empty"]:
    return "sample" if chosen is Preset.SAMPLE else "empty"


def _port(said: str) -> tuple[str, int]:
    name, _, number = said.partition("=")
    if name not in (*VENDORS, *OTHERS) or not number.isdecimal():
        raise ValueError(f"{said!r} is no port of a vendor; write {VENDORS[0]}=8801")
    return name, int(number)


def _tell(described: dict[str, Any], json: bool) -> None:
    exports = shell_exports(described)
    if json:
        show.emit({"vendors": described, "exports": exports})
        return
    for text in _words(described):
        show.say(text)
    show.say("Secrets for the shell that runs tieout:")
    show.say(exports)
    show.say("Serving. Ctrl-C stops.", err=True)


def _words(described: dict[str, Any]) -> Iterator[str]:
    for one in described.values():
        yield f"{one['name']} ({one['kind']}): {one['base_url']}"
        for name, value in one["credentials"].items():
            if "\n" not in str(value):  # a key of many lines is among the exports
                yield f"  {name}: {value}"
