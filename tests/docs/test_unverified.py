"""What no live account has shown yet is the same list in a connector and on its page."""

from __future__ import annotations

import pytest

from tests.docs.pages import ROOT
from tieout.connectors.base import Connector
from tieout.connectors.registry import connectors

LISTED = [connector for connector in connectors().values() if connector.unverified]


@pytest.mark.parametrize("connector", LISTED, ids=lambda connector: connector.slug)
def test_the_page_has_the_connectors_list(connector: Connector) -> None:
    page = (ROOT / "docs" / "how-to" / f"connect-{connector.slug}.md").read_text("utf-8")
    _, _, rest = page.partition("## Not yet verified against a live ")
    told = [" ".join(item.split("\n\n")[0].split()) for item in rest.split("\n- [ ] ")[1:]]
    assert told == [f"{one.what}: {one.how}" for one in connector.unverified]
