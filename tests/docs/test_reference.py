"""The reference pages say what the code says."""

import pytest

from tieout.billing.holds import HOLD_WORDS
from tieout.model.discrepancy import DiscrepancyClass
from tieout.model.document import HoldReason
from tools.reference import FOLDER, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_current(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == PAGES[name](), "run `make reference`"


def test_every_reason_and_every_class_is_explained() -> None:
    assert set(HOLD_WORDS) == set(HoldReason)
    text = (FOLDER / "discrepancies.md").read_text(encoding="utf-8")
    questions = text[text.index("\n## ") :]
    assert [cls for cls in DiscrepancyClass if cls.value not in questions] == []
