"""Every connector there is: the only file that names vendors."""

from __future__ import annotations

from tieout.connectors import harvest, quickbooks, salesforce
from tieout.connectors.base import Connector

CONNECTORS: tuple[Connector, ...] = (
    salesforce.CONNECTOR,
    harvest.CONNECTOR,
    quickbooks.CONNECTOR,
    quickbooks.CONNECTOR,
)


def connectors() -> dict[str, Connector]:
    """The connectors by slug."""
    return {connector.slug: connector for connector in CONNECTORS}
