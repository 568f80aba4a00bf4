"""Linking a client to a customer of the ledger because a person says so, and taking it back."""

from __future__ import annotations

from tieout.connectors.base import CUSTOMER
from tieout.errors import BadInput, NotAllowed
from tieout.model.party import Client
from tieout.model.settlement import RemoteRef
from tieout.store import audit, outbox, refs
from tieout.store.core import Tx
from tieout.store.outbox import OutboxState
from tieout.sync.engine import Engine
from tieout.sync.intents import SUBJECTS
from tieout.sync.match import Customers, Matched, client_named


def link(engine: Engine, name: str, remote_id: str, *, instead: bool = False) -> Matched:
    """Link a client, by id or name, to a customer of the ledger.

    A link that does not hold any more is replaced; one that does only `instead`. Raises
    BadInput for a client or a customer that is not known, NotAllowed when they do not fit.
    """
    with engine.store.begin() as tx:
        client, customers = one_client(tx, name), Customers(engine, tx)
        row = customers.there.get(remote_id)
        if row is None:
            raise BadInput(
                f"{_unknown(customers, remote_id)}. Nothing was linked. `tieout pullback` reads "
                "the list anew."
            )
        against = customers.against(client, row)
        if against:
            raise NotAllowed(
                f"{client.name} cannot be linked to {row.name} ({remote_id}): it is "
                f"{' and it is '.join(against)}. Nothing was linked."
            )
        before = customers.links.get(client.id)
        if before is not None and before.remote.remote_id == remote_id:
            return customers.matched(client)
        if before is not None:
            _let_go(engine, tx, customers, client, before, instead=instead)
        remote = RemoteRef(remote_id=remote_id, number=row.name)
        _settle_own_write(engine, tx, client, remote)
        refs.put(tx, customers.connection, CUSTOMER, client.id, remote)
        detail = {"client": client.name, "remote_id": remote_id, "name": row.name, "by": "hand"}
        audit.record(tx, engine.actor, "customer.linked", client.id, detail)
        return Customers(engine, tx).matched(client)


def unlink(engine: Engine, name: str) -> Matched:
    """Take a link back. Raises BadInput when there is none, NotAllowed when Tieout itself made
    the customer: then it can only be linked to another."""
    with engine.store.begin() as tx:
        client, customers = one_client(tx, name), Customers(engine, tx)
        before = customers.links.get(client.id)
        if before is None:
            raise BadInput(f"{client.name} is not linked. Nothing was changed.")
        if any(row.state is OutboxState.CONFIRMED for row in _own_writes(engine, tx, client)):
            raise NotAllowed(
                f"{client.name} is {before.remote.number or before.remote.remote_id}, which was "
                "settled by a write of ours, so it cannot be without a customer. Link it to "
                f"another: `tieout match {client.id} REMOTE_ID --instead`."
            )
        _forget(engine, tx, customers, client, before)
        return Customers(engine, tx).matched(client)


def one_client(tx: Tx, name: str) -> Client:
    """The client of an id or a name. Raises BadInput when there is none, or several."""
    found = client_named(tx, name)
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(one.id for one in found)
        raise BadInput(f"{name!r} is the name of several clients: say which id: {ids}.")
    raise BadInput(f"There is no client {name!r}. `tieout match --all` lists them.")


def _unknown(customers: Customers, remote_id: str) -> str:
    gone = customers.gone.get(remote_id)
    if gone is not None:
        return f"{gone.name} ({remote_id}) was merged or deleted in {customers.connection}"
    return f"There is no customer {remote_id} in {customers.connection} as it was last read"


def _let_go(
    engine: Engine, tx: Tx, customers: Customers, client: Client, before: refs.Ref, *, instead: bool
) -> None:
    if not instead and not customers.broken_words(before.remote.remote_id):
        raise NotAllowed(
            f"{client.name} is linked to {before.remote.number} ({before.remote.remote_id}), which "
            "is there. Nothing was changed. To link it to another all the same, add --instead."
        )
    _forget(engine, tx, customers, client, before)


def _forget(engine: Engine, tx: Tx, customers: Customers, client: Client, before: refs.Ref) -> None:
    refs.forget(tx, customers.connection, CUSTOMER, client.id)
    detail = {"client": client.name, "remote_id": before.remote.remote_id}
    audit.record(tx, engine.actor, "customer.unlinked", client.id, detail)


def _settle_own_write(engine: Engine, tx: Tx, client: Client, remote: RemoteRef) -> None:
    """A customer that was to be made is there after all: its write must not go out any more."""
    for row in _own_writes(engine, tx, client):
        if row.state is OutboxState.CONFIRMED:
            continue
        if row.in_doubt or row.state not in (OutboxState.PENDING, OutboxState.HELD):
            raise NotAllowed(
                f"A customer for {client.name} may be on its way to the ledger just now. Nothing "
                "was linked. Look at `tieout status`, then try again."
            )
        outbox.settle_by_hand(tx, row.id, remote)


def _own_writes(engine: Engine, tx: Tx, client: Client) -> list[outbox.OutboxRow]:
    subject = (SUBJECTS[CUSTOMER], client.id)
    return outbox.list_rows(tx, connection=engine.ledger().name, subject=subject)
