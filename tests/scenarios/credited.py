"""What was billed and is taken back, as a bookkeeper sees it on both sides."""

from __future__ import annotations

from typing import Any

from tests.scenarios.books import push_until_settled, ready_to_push
from tests.scenarios.firm import Firm
from tieout.model.document import Document, DocumentStatus
from tieout.sandbox.ledgers import Invoice
from tieout.store import documents
from tieout.sync.approve import approve
from tieout.sync.credit import credit


def pushed(firm: Firm) -> list[Document]:
    """January's invoices, in the ledger."""
    made = ready_to_push(firm)
    push_until_settled(firm)
    return made


def approved_credit(firm: Firm, invoice: Document, **how: Any) -> Document:
    """An approved credit note of an invoice, not pushed yet."""
    note = credit(firm.engine, invoice.number, **how)
    (approved,) = approve(firm.engine, [note.id]).documents
    return approved


def there(firm: Firm, document: Document) -> Invoice:
    """The invoice as it stands over there."""
    (found,) = (one for one in firm.world.ledger.invoices() if one.number == document.number)
    return found


def notes(firm: Firm) -> list[Invoice]:
    """The credit notes over there."""
    return firm.world.ledger.credits()


def status(firm: Firm, document: Document) -> DocumentStatus:
    """How a document stands on our side."""
    with firm.engine.store.read() as tx:
        found = documents.get(tx, document.id)
    assert found is not None
    return found.status
