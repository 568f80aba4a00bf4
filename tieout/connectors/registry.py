"""Every connector there is: the only file that names vendors."""

from __future__ import annotations

from tieout.connectors import files, harvest, netsuite, quickbooks, salesforce, xero
from tieout.connectors.base import Connector

CONNECTORS: tuple[Connector, ...] = (
    files.CONNECTOR,
    harvest.CONNECTOR,
    netsuite.CONNECTOR,
    quickbooks.CONNECTOR,
    salesforce.CONNECTOR,
    xero.CONNECTOR,
)


def connectors() -> dict[str, Connector]:
    """The connectors by slug."""
    return {connector.slug: connector for connector in CONNECTORS}
