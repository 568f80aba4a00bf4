"""The ledger's lists as they were last pulled, asked by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property

from tieout.connectors.base import Stream
from tieout.connectors.transport import Connection
from tieout.errors import Misconfigured, Transient
from tieout.model.settlement import ListEntry, ListKind
from tieout.store import cursors, facts, landed
from tieout.store.core import Tx
from tieout.store.cursors import Cursor
from tieout.sync.translate import mark_of


class LedgerLists:
    """The lists of one ledger connection, read once for a run.

    Raises Transient while some of them were read and others were not yet: a list that is
    missing says nothing about what the ledger has.
    """

    def __init__(self, tx: Tx, connection: Connection) -> None:
        self._connection = connection.name
        self._by_kind: dict[ListKind, list[ListEntry]] = defaultdict(list)
        self._gone: dict[tuple[ListKind, str], ListEntry] = {}
        every = facts.every(tx, facts.LIST_ENTRY, connection=connection.name, with_deleted=True)
        for fact in every:
            if fact.deleted:
                self._gone[fact.body.kind, fact.body.remote_id] = fact.body
            else:
                self._by_kind[fact.body.kind].append(fact.body)
        lists = [one for one in connection.connector.streams if one.yields is ListEntry]
        known = {one.stream: one for one in cursors.every(tx, connection.name)}
        unread = [one.name for one in lists if not _is_read(tx, known, one)]
        if unread and len(unread) < len(lists):
            raise Transient(
                f"{connection.name}: {', '.join(unread)} were not read to their end yet. "
                "Run `tieout pullback`, then push."
            )

    def of(self, kind: ListKind) -> list[ListEntry]:
        """The rows of one list, inactive ones too."""
        return self._by_kind[kind]

    def gone(self, kind: ListKind, remote_id: str) -> ListEntry | None:
        """The row of an id that was there once and was deleted or merged into another."""
        return self._gone.get((kind, remote_id))

    @cached_property
    def preferences(self) -> ListEntry:
        """How the company's books are set up. Raises Misconfigured before the first pull."""
        found = self._by_kind[ListKind.PREFERENCES]
        if found:
            return found[0]
        raise Misconfigured(
            f"Nothing is known of {self._connection} yet. Run `tieout connect {self._connection}`, "
            f"then `tieout pullback`."
        )

    @property
    def home_currency(self) -> str:
        """The currency the company's books are kept in."""
        return self.preferences.currency

    @property
    def country(self) -> str:
        """Where the company is: `US`, `GB` ...; "" when the ledger does not say."""
        company = self._by_kind[ListKind.COMPANY]
        return str(company[0].details.get("country") or "") if company else ""

    @property
    def company_name(self) -> str:
        """The company's name; the connection's own when the ledger does not say."""
        company = self._by_kind[ListKind.COMPANY]
        return company[0].name if company else self._connection


def _is_read(tx: Tx, known: Mapping[str, Cursor], stream: Stream) -> bool:
    """Whether a list came through completely, and became facts."""
    read, translated = known.get(stream.name), known.get(mark_of(stream))
    if read is None or read.last_success_at is None:
        return False
    done = int(translated.watermark or 0) if translated else 0
    return not landed.has_news(tx, read.connection, stream.name, done)
