"""Files: the way in for a system without a connector. CSV, Excel and JSON Lines, no HTTP."""

from __future__ import annotations

from typing import Any, NoReturn

from tieout.connectors import base
from tieout.connectors.canonical import KINDS, SHAPES
from tieout.connectors.files.layouts import SPECS
from tieout.connectors.files.translate import STREAMS, parse, read
from tieout.connectors.files.wire import Settings
from tieout.errors import Misconfigured
from tieout.model.project import RateFact

__all__ = ["CONNECTOR", "Settings", "parse"]


def _not_pulled(since: base.Since, settings: Any) -> NoReturn:
    raise Misconfigured("files are imported, not pulled: tieout import FILE")


CONNECTOR = base.Connector(
    slug="files",
    title="Files",
    family=base.Family.FILES,
    settings=Settings,
    base_url=lambda settings: settings.base_url,
    company=lambda settings: "",
    auth=base.Auth(headers=lambda settings, secrets, token: {}),
    errors=lambda response: [],
    streams=tuple(
        base.Stream(
            name=name,
            kind=kind,
            yields=RateFact if kind == "rate" else KINDS[kind],
            wire=SHAPES[kind],
            request=_not_pulled,
            pages=base.OnePage(rows=list),
            # What a later file does not mention is not gone: only a listing could tell.
            cursor=base.Watermark(of=lambda row: None),
            key=lambda row: str(row["key"]),
            read=read,
        )
        for kind, name in STREAMS.items()
    ),
    layouts=tuple(
        base.Layout(
            name=spec.name,
            stream=spec.stream,
            fits=spec.fits,
            columns=spec.needed,
            optional=spec.optional,
        )
        for spec in SPECS
    ),
    parse=parse,
)
