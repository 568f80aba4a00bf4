"""Whether the ledger's record is the document we sent, in words where it is not."""

from __future__ import annotations

from tieout.connectors.base import Row, Writer
from tieout.model.settlement import Digest


def agrees(ours: Digest, theirs: Digest) -> bool:
    """Whether the ledger's record is the document we sent, to the cent."""
    return not differs(ours, theirs)


def differs(ours: Digest, theirs: Digest) -> str:
    """What differs between two digests in words, "" for nothing."""
    parts = [
        f"{name} {mine} here, {other} there"
        for name, mine, other in (
            ("number", ours.number, theirs.number),
            ("currency", ours.currency, theirs.currency),
            ("net", ours.net, theirs.net),
            ("tax", ours.tax, theirs.tax if ours.tax is not None else None),
            ("lines", ours.lines, theirs.lines),
            ("customer", ours.customer_id, theirs.customer_id),
            ("due date", ours.due_date, theirs.due_date if ours.due_date else None),
            ("memo", ours.memo, theirs.memo if ours.memo is not None else None),
        )
        if mine != other
    ]
    return "; ".join(parts)


def taken(writer: Writer, record: Row) -> str:
    """What to tell a person about a record that stands where ours belongs."""
    ref = writer.read(record)
    return (
        f"Record {ref.remote_id} in the ledger stands where ours belongs "
        f"({ref.number or writer.name}) and does not carry our key: somebody else made it. "
        "Renumber or remove it there, then `tieout retry`."
    )
