"""Doubts: ask the ledger for a write of which no answer came, before anything is sent again."""

from __future__ import annotations

from datetime import timedelta

from tieout.connectors.base import Row, Writer
from tieout.errors import Conflict
from tieout.store import audit, outbox
from tieout.store.core import Tx
from tieout.store.outbox import LOOKS, OutboxRow
from tieout.sync.echo import agrees, differs, taken
from tieout.sync.resolve import Resolved
from tieout.sync.settle import TRIES, Settler

#: Seconds between two looks for a row nobody found: longer than a vendor still works on it.
LOOK_AGAIN_S = 150.0


def look(settler: Settler, writer: Writer, row: OutboxRow, resolved: Resolved) -> bool:
    """Ask the ledger for one row in doubt; True when it must be sent again.

    Found as ours it is confirmed; found as somebody else's it is held, and so is one that
    was sent TRIES times and is still not there. A change that was refused because the invoice
    had moved on, and was not made, is built anew. Raises RemoteError when the ledger cannot be
    asked.
    """
    found = _found(settler, writer, resolved)
    settler.boundary("find: answer in hand")
    # Without a key of ours on it the record, or the invoice as it was wanted, is the proof.
    unmarked = writer.changes or writer.keyless
    ours = [r for r in found if unmarked or writer.digest(r).key == row.key]
    stale = writer.changes and not found and row.error_class == Conflict.__name__
    with settler.engine.store.begin() as tx:
        if ours:
            _adopt(settler, tx, writer, row, resolved, ours)
        elif found:
            settler.leave(tx, row, "Conflict", taken(writer, found[0]))
        elif stale:
            outbox.start_over(tx, row, row.fence)
            settler.done.waiting.append(row.id)
        elif row.finds + 1 < LOOKS:
            outbox.postpone(
                tx,
                row,
                row.fence,
                not_before=settler.engine.now() + timedelta(seconds=LOOK_AGAIN_S),
                found_nothing=True,
                error_class=row.error_class,
                error_text=row.error_text,
                trace_id=row.trace_id,
            )
            settler.done.waiting.append(row.id)
        elif row.attempts >= TRIES:
            text = f"Sent {row.attempts} times without an answer, and it is not there: "
            settler.leave(tx, row, row.error_class, text + row.error_text)
        settler.boundary("found: before commit")
    return not (found or stale) and row.finds + 1 >= LOOKS and row.attempts < TRIES


def _found(settler: Settler, writer: Writer, resolved: Resolved) -> list[Row]:
    connection = settler.connection
    for find in writer.finds:
        request = find.request(resolved.subject, resolved.context, connection.settings)
        if request is None:
            continue
        answer = settler.engine.transport.call(connection, request).json()
        records = find.pick(answer, resolved.subject, resolved.context)
        if records:
            return list(records)
    return []


def _adopt(
    settler: Settler,
    tx: Tx,
    writer: Writer,
    row: OutboxRow,
    resolved: Resolved,
    ours: list[Row],
) -> None:
    expected = writer.expect(resolved.subject, resolved.context)
    # Of several that could be ours, where records carry no key, the one that is as we sent it.
    record = next((each for each in ours if agrees(expected, writer.digest(each))), ours[0])
    theirs, remote_id = writer.digest(record), writer.read(record).remote_id
    if agrees(expected, theirs):
        settler.confirm(tx, writer, row, record, theirs)
        detail = {"lost": row.error_text, "remote_id": remote_id}
        actor = settler.engine.actor
        audit.record(tx, actor, f"{writer.name}.recovered", row.subject_id, detail)
        settler.done.recovered.append(row.id)
        return
    how = "stands where ours belongs" if writer.keyless else "carries our key"
    text = (
        f"Record {remote_id} in the ledger {how} but differs: "
        f"{differs(expected, theirs)}. Put it right there, then `tieout retry`: it looks again."
    )
    settler.leave(tx, row, "Conflict", text)
