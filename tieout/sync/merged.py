"""Customers that somebody merged into another: a link follows where the ledger says where to."""

from __future__ import annotations

from collections.abc import Mapping

from tieout.connectors.base import CUSTOMER
from tieout.model.settlement import ListEntry, ListKind, RemoteRef
from tieout.store import audit, facts, refs
from tieout.store.core import Tx
from tieout.sync.engine import Engine


def follow_merged(engine: Engine, tx: Tx, connection: str) -> None:
    """Link every client of a customer that was merged to the one it was merged into.

    Where the ledger does not say into which, the old one is only gone: a person decides
    (`tieout match`).
    """
    entries = facts.bodies(tx, facts.LIST_ENTRY, connection=connection)
    there = {one.remote_id: one for one in entries if one.kind is ListKind.CUSTOMER}
    for ref in refs.every(tx, connection, CUSTOMER):
        kept = _kept(there, ref.remote.remote_id)
        if kept is None or kept.remote_id == ref.remote.remote_id:
            continue
        remote = RemoteRef(remote_id=kept.remote_id, number=kept.name)
        refs.forget(tx, connection, CUSTOMER, ref.local_id)
        refs.put(tx, connection, CUSTOMER, ref.local_id, remote)
        detail = {"from": ref.remote.remote_id, "remote_id": kept.remote_id, "name": kept.name}
        audit.record(tx, engine.actor, "customer.linked", ref.local_id, {**detail, "by": "merge"})


def _kept(there: Mapping[str, ListEntry], remote_id: str) -> ListEntry | None:
    """The customer that one was merged into, through several merges; itself when it was not."""
    seen = set()
    while (entry := there.get(remote_id)) is not None and remote_id not in seen:
        seen.add(remote_id)
        merged_to = str(entry.details.get("merged_to") or "")
        if not merged_to:
            return entry
        remote_id = merged_to
    return None
