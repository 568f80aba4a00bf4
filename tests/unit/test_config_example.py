"""The example workspace fits the connectors that ship."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tieout.config import load_workspace
from tieout.connectors.registry import connectors


class NotThereYet(BaseModel):
    model_config = ConfigDict(extra="allow")


def test_the_example_satisfies_every_connector_it_uses() -> None:
    there = connectors()
    stand_ins: dict[str, type[BaseModel]] = dict.fromkeys(
        ("salesforce", "harvest", "quickbooks"), NotThereYet
    )
    load_workspace(
        Path(__file__).parents[2] / "config",
        connectors={**stand_ins, **{slug: each.settings for slug, each in there.items()}},
        secrets={slug: each.secrets for slug, each in there.items()},
    )
