"""Intended writes to other systems, from the intent to its proof.

    pending -> claimed -> sent -> confirmed
       ^                   |  \\
       +-- postpone -------+   +-> unknown (go and find; never send first)
    held: a person decides; retried it becomes pending, or unknown when in doubt

A worker claims rows for a while and gets a fence with each. Whatever it reports
later must carry that fence: a worker that lost its lease raises LostLease and
changes nothing. A row that was sent stays "in doubt" until an answer is known;
a row in doubt is never sent again without a look, and never with other bytes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from tieout.errors import NotAllowed
from tieout.model.settlement import RemoteRef
from tieout.store.core import Tx
from tieout.store.failures import LostLease
from tieout.store.outbox_leases import NO_LEASE, DueRows, claim, due_rows, expire, renew
from tieout.store.outbox_rows import (
    TO_COME,
    Intent,
    OutboxRow,
    OutboxState,
    by_key,
    counts,
    get,
    list_rows,
    new_row,
    row_of,
    set_row,
    to_come,
    withdraw,
    without_party,
)
from tieout.store.rows import by, by_locked
from tieout.store.tables import outbox as t

__all__ = [
    "LOOKS",
    "TO_COME",
    "DueRows",
    "Intent",
    "OutboxRow",
    "OutboxState",
    "add",
    "again",
    "by_key",
    "claim",
    "confirm",
    "counts",
    "depend",
    "due_rows",
    "expire",
    "get",
    "hold",
    "list_rows",
    "mark_sent",
    "postpone",
    "release_held",
    "renew",
    "settle_by_hand",
    "start_over",
    "take_back",
    "to_come",
    "to_unknown",
    "withdraw",
    "without_party",
]

_PENDING, _CLAIMED, _SENT = OutboxState.PENDING, OutboxState.CLAIMED, OutboxState.SENT
_CONFIRMED, _UNKNOWN, _HELD = OutboxState.CONFIRMED, OutboxState.UNKNOWN, OutboxState.HELD


#: Looks that must find nothing before a write in doubt is sent again.
LOOKS = 2

_NO_ERROR = {"error_class": "", "error_text": ""}


def add(tx: Tx, intent: Intent) -> OutboxRow:
    """Save an intent; the same key again returns the row that is there."""
    row = new_row(tx, intent)
    tx.execute(tx.insert(t).values(row).on_conflict_do_nothing(index_elements=[t.c.key]))
    stored = by_key(tx, intent.key)
    assert stored is not None
    return stored


def mark_sent(
    tx: Tx,
    row: OutboxRow,
    fence: int,
    *,
    body: bytes,
    call_key: str,
    item_key: str = "",
    method: str = "POST",
    path: str = "",
    looked: bool = False,
    lease_s: float | None = None,
) -> OutboxRow:
    """Save exactly what is about to leave; commit this before the first byte does.

    `lease_s` renews the lease for that many seconds, so that the call has all of them.
    Raises LostLease when it ran out before, even if nobody took the row since.
    Raises NotAllowed when the row was built before and the bytes, the place or the item
    key differ: a repeat is the same request. Raises it too for an unknown row before
    LOOKS looks found nothing; `looked` says that one did just now, under this lease.
    """
    now_row = _mine(tx, row, fence, (_CLAIMED, _UNKNOWN))
    assert now_row.lease_until is not None  # `_mine` saw to it
    if now_row.lease_until <= tx.now():
        raise LostLease(
            f"The lease on {row.subject_kind} {row.subject_id} for {row.connection} ran out. "
            "Nothing was sent; it is taken again."
        )
    if now_row.state is _UNKNOWN and now_row.finds + looked < LOOKS:
        raise NotAllowed(
            f"It is not known whether {row.connection} has {row.subject_kind} {row.subject_id} "
            f"already: look {LOOKS} times before it is sent again."
        )
    hash_ = sha256(body).hexdigest()
    differs = now_row.body_hash != hash_
    if now_row.in_doubt:
        # Where nothing came of an earlier try, the same bytes may go in another call.
        place = (now_row.item_key, now_row.method, now_row.path)
        differs = differs or place != (item_key, method, path)
    if now_row.body_hash and differs:
        raise NotAllowed(
            f"{row.subject_kind} {row.subject_id} was built for {row.connection} before and a "
            "repeat must be the same request. Nothing was sent."
        )
    return set_row(
        tx,
        row.id,
        state=_SENT.value,
        in_doubt=True,
        body=body,
        body_hash=hash_,
        call_key=call_key,
        item_key=item_key,
        method=method,
        path=path,
        finds=0,
        attempts=now_row.attempts + 1,
        sent_at=tx.now(),
        lease_until=tx.now() + timedelta(seconds=lease_s) if lease_s else now_row.lease_until,
    )


def take_back(tx: Tx, row: OutboxRow, fence: int) -> OutboxRow:
    """The call it was in was refused whole, so nothing came of it: claimed as before."""
    now_row = _mine(tx, row, fence, (_SENT,))
    attempts = now_row.attempts - 1
    return set_row(tx, row.id, state=_CLAIMED.value, in_doubt=False, attempts=attempts)


def depend(tx: Tx, connection: str, subject: tuple[str, str], on: str) -> None:
    """Let the write of a subject, (kind, id), wait until another row is settled."""
    tx.execute(
        t.update()
        .where(
            t.c.connection == connection,
            t.c.subject_kind == subject[0],
            t.c.subject_id == subject[1],
            t.c.state == _PENDING.value,
            t.c.depends_on.is_(None),
        )
        .values(depends_on=on)
    )


def start_over(tx: Tx, row: OutboxRow, fence: int) -> OutboxRow:
    """A change that was refused as stale, and that a look just showed was not made: it is
    built anew from what stands there now. Only for an unknown row."""
    _mine(tx, row, fence, (_UNKNOWN,))
    fresh = {"body": None, "body_hash": "", "in_doubt": False, "not_before": tx.now()}
    return set_row(tx, row.id, state=_PENDING.value, **fresh, **NO_LEASE)


def confirm(tx: Tx, row: OutboxRow, fence: int, ref: RemoteRef, *, trace_id: str = "") -> OutboxRow:
    """The write is there, as `ref`: answered, or found."""
    _mine(tx, row, fence, (_CLAIMED, _SENT, _UNKNOWN))
    return set_row(
        tx,
        row.id,
        state=_CONFIRMED.value,
        in_doubt=False,
        remote_id=ref.remote_id,
        remote_number=ref.number,
        remote_revision=ref.revision,
        trace_id=trace_id or row.trace_id,
        settled_at=tx.now(),
        **NO_LEASE,
        **_NO_ERROR,
    )


def to_unknown(
    tx: Tx,
    row: OutboxRow,
    fence: int,
    *,
    not_before: datetime,
    error_class: str = "Unknown",
    error_text: str = "",
    trace_id: str = "",
) -> OutboxRow:
    """No answer, or one that does not fit: look from `not_before` on."""
    _mine(tx, row, fence, (_SENT,))
    return set_row(
        tx,
        row.id,
        state=_UNKNOWN.value,
        not_before=not_before,
        error_class=error_class,
        error_text=error_text,
        trace_id=trace_id,
        **NO_LEASE,
    )


def postpone(
    tx: Tx,
    row: OutboxRow,
    fence: int,
    *,
    not_before: datetime,
    counts: bool = True,
    found_nothing: bool = False,
    error_class: str = "",
    error_text: str = "",
    trace_id: str = "",
) -> OutboxRow:
    """Try again from `not_before` on, because nothing changed over there.

    A claimed or sent row goes back to pending; an unknown one stays unknown, and
    `found_nothing` counts a look that found nothing. `counts=False` takes back the
    attempt: for waits we were told to make.
    """
    now_row = _mine(tx, row, fence, (_CLAIMED, _SENT, _UNKNOWN))
    was_unknown = now_row.state is _UNKNOWN
    uncounted = now_row.state is _SENT and not counts
    return set_row(
        tx,
        row.id,
        state=(_UNKNOWN if was_unknown else _PENDING).value,
        in_doubt=was_unknown,
        not_before=not_before,
        attempts=now_row.attempts
        - uncounted
        + (now_row.state is not _SENT and counts and not found_nothing),
        finds=now_row.finds + found_nothing,
        error_class=error_class,
        error_text=error_text,
        trace_id=trace_id,
        **NO_LEASE,
    )


def hold(
    tx: Tx,
    row: OutboxRow,
    fence: int,
    *,
    error_class: str,
    error_text: str,
    trace_id: str = "",
    in_doubt: bool = False,
) -> OutboxRow:
    """Leave it to a person, with the vendor's words in `error_text`.

    `in_doubt` says that something may be there (a mismatching echo): a retry then
    looks first. A row held while unknown stays in doubt by itself.
    """
    now_row = _mine(tx, row, fence, (_CLAIMED, _SENT, _UNKNOWN))
    return set_row(
        tx,
        row.id,
        state=_HELD.value,
        in_doubt=in_doubt or now_row.state is _UNKNOWN,
        error_class=error_class,
        error_text=error_text,
        trace_id=trace_id,
        settled_at=tx.now(),
        **NO_LEASE,
    )


def release_held(tx: Tx, row_id: str, *, rebuild: bool = False) -> OutboxRow:
    """Let a held row try again: by looking first when it is in doubt.

    `rebuild` forgets the built request, so that a corrected mapping takes effect;
    refused with NotAllowed while the row is in doubt.
    """
    row = _need(tx, row_id, lock=True)
    if row.state is not _HELD:
        raise NotAllowed(f"Only held rows can be retried; this one is {row.state.value}.")
    if rebuild and row.in_doubt:
        raise NotAllowed(
            f"It is not known whether {row.connection} has {row.subject_kind} {row.subject_id} "
            "already, so it cannot be built anew. Retry it as it is: the first thing is a look."
        )
    fresh = {
        "body": None,
        "body_hash": "",
        "call_key": "",
        "item_key": "",
        "method": "",
        "path": "",
    }
    return set_row(
        tx,
        row_id,
        state=(_UNKNOWN if row.in_doubt else _PENDING).value,
        not_before=tx.now(),
        attempts=0,
        finds=0,
        settled_at=None,
        fence=row.fence + 1,
        **(fresh if rebuild else {}),
        **NO_LEASE,
    )


def settle_by_hand(tx: Tx, row_id: str, ref: RemoteRef) -> OutboxRow:
    """A person says it is there already, as `ref`: it is not sent any more.

    Raises NotAllowed unless nothing of it can be on its way.
    """
    row = _need(tx, row_id, lock=True)
    if row.in_doubt or row.state not in (_PENDING, _HELD):
        raise NotAllowed(f"Only a write that waits can be settled; this one is {row.state.value}.")
    known = {"remote_id": ref.remote_id, "remote_number": ref.number, "settled_at": tx.now()}
    rest = {"fence": row.fence + 1, **NO_LEASE, **_NO_ERROR}
    return set_row(tx, row_id, state=_CONFIRMED.value, **known, **rest)


def again(tx: Tx, row_id: str, key: str) -> OutboxRow:
    """A new intent for something that was deleted over there, one generation later.

    `key` is the idempotency key of that generation. Raises NotAllowed unless the row is
    confirmed: anything else would risk a second document.
    """
    row = _need(tx, row_id, lock=True)
    if row.state is not _CONFIRMED:
        raise NotAllowed(
            f"Only a confirmed write can be made again; this one is {row.state.value}."
        )
    if key == row.key:
        raise NotAllowed("Made again, a write needs the key of its new generation.")
    return add(
        tx,
        Intent(
            connection=row.connection,
            writer=row.writer,
            subject_kind=row.subject_kind,
            subject_id=row.subject_id,
            revision=row.revision,
            generation=row.generation + 1,
            key=key,
        ),
    )


def _need(tx: Tx, row_id: str, *, lock: bool) -> OutboxRow:
    row = tx.first((by_locked if lock else by)(t, "id"), id=row_id)
    if row is None:
        raise NotAllowed(f"There is no outbox row {row_id}.")
    return row_of(row)


def _mine(tx: Tx, row: OutboxRow, fence: int, allowed: tuple[OutboxState, ...]) -> OutboxRow:
    """The row as stored, locked. Raises LostLease, or NotAllowed for a step out of order."""
    stored = _need(tx, row.id, lock=True)
    if stored.fence != fence or stored.lease_until is None:
        raise LostLease(
            f"Another worker took over {row.subject_kind} {row.subject_id} for {row.connection} "
            f"(fence {stored.fence}, ours {fence}). Its result counts, not ours."
        )
    if stored.state not in allowed:
        raise NotAllowed(
            f"{row.subject_kind} {row.subject_id} for {row.connection} is {stored.state.value}; "
            f"this step needs {' or '.join(state.value for state in allowed)}."
        )
    return stored
