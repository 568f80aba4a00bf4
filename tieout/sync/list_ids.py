"""The ledger's ids for the names that the mapping gives."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.connectors.base import Connector
from tieout.mapping import Unresolved, find_entry
from tieout.model.document import Document, DocumentKind
from tieout.model.settlement import ListKind
from tieout.sync.ledger_lists import LedgerLists


@dataclass(frozen=True)
class ListIds:
    """Looks names up in the lists of one ledger. What cannot be found is added to `problems`,
    in words for whoever keeps the mapping, and its id is ""."""

    connector: Connector
    lists: LedgerLists

    def of(self, kind: ListKind, name: str, problems: list[str]) -> str:
        """The id of a list's entry; "" for no name."""
        if not name:
            return ""
        if kind in self.connector.unlisted:
            what = kind.value.replace("_", " ")
            problems.append(f"{what} '{name}': {self.connector.title} has no list of them")
            return ""
        found = find_entry(kind, name, self.lists.of(kind))
        if isinstance(found, Unresolved):
            problems.append(found.text)
            return ""
        return found.remote_id

    def tax_code(self, name: str, problems: list[str]) -> str:
        """A tax code's id; where the ledger takes words of its own, the word."""
        if name in self.connector.tax_words.get(self.lists.country, ()):
            return name
        return self.of(ListKind.TAX_CODE, name, problems)

    def terms(self, document: Document, name: str, problems: list[str]) -> str:
        """An invoice's terms; where the ledger keeps none, the due date says it all."""
        if document.kind is not DocumentKind.INVOICE:
            return ""
        if ListKind.TERM in self.connector.unlisted and document.due_date is not None:
            return ""
        return self.of(ListKind.TERM, name, problems)
