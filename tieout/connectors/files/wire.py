"""What a file connection is told. What lands of a file is `connectors.canonical.Landed`."""

from __future__ import annotations

from typing import Literal

from tieout.connectors import base


class Settings(base.Settings):
    """What a file cannot always tell itself."""

    decimal_mark: Literal["", ".", ","] = ""  # "" = told from the numbers of each file
    date_order: Literal["", "dmy", "mdy"] = ""  # how 03/04/2026 is meant; "" = it is refused
