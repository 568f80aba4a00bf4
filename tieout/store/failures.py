"""What the database's errors mean for a person."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, IntegrityError

from tieout.errors import StoreError


class LostLease(StoreError):
    """Someone else took over what this worker was doing: drop it, write nothing more about it."""


_FULL = "full"
_BUSY = "busy"
_READ_ONLY = "read-only"
_UNREACHABLE = "unreachable"
_DAMAGED = "damaged"
_UNPREPARED = "unprepared"

# sqlite.org/rescode.html; the extended codes carry these in their low byte.
_SQLITE = {
    5: _BUSY,
    6: _BUSY,
    8: _READ_ONLY,
    11: _DAMAGED,
    13: _FULL,
    14: _UNREACHABLE,
    26: _DAMAGED,
}

# postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES = {
    "25006": _READ_ONLY,
    "40001": _BUSY,
    "40P01": _BUSY,
    "42P01": _UNPREPARED,
    "42703": _UNPREPARED,
    "53100": _FULL,
    "55P03": _BUSY,
    "57014": _BUSY,
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
}

_TEXTS = {
    _FULL: "The disk that holds the database {where} is full. Nothing of this step was saved. "
    "Free some space, then do the same again.",
    _BUSY: "The database {where} is busy with another process. Nothing of this step was saved. "
    "Do the same again in a moment.",
    _READ_ONLY: "The database {where} can only be read here. Nothing of this step was saved. "
    "Check who owns the file and its folder, or whether the server is a copy.",
    _UNREACHABLE: "The database {where} cannot be opened ({detail}). Check that it exists, "
    "that the server runs and that this user may use it.",
    _DAMAGED: "The database {where} is damaged or is not a Tieout database ({detail}). "
    "Stop all workers and restore the latest backup.",
    _UNPREPARED: "The database {where} lacks tables that this version of Tieout needs ({detail}). "
    "Run `tieout status` in its workspace: opening it brings the tables up to date.",
}


def store_error(error: DBAPIError, where: str) -> StoreError:
    """The StoreError for a driver's error; `where` names the database, without a password."""
    detail = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else ""
    kind = _kind(error)
    if kind is not None:
        return StoreError(_TEXTS[kind].format(where=where, detail=detail))
    if isinstance(error, IntegrityError):
        return StoreError(
            f"The database {where} refused a record that contradicts what it holds ({detail}). "
            "Nothing of this step was saved. Another process may have done the same work: look "
            "again before repeating it."
        )
    return StoreError(
        f"The database {where} failed ({detail}). Nothing of this step was saved. "
        "Look into the database's own log."
    )


def _kind(error: DBAPIError) -> str | None:
    orig = error.orig
    code = getattr(orig, "sqlite_errorcode", None)
    if code is not None:
        if "no such table" in str(orig) or "no such column" in str(orig):
            return _UNPREPARED
        return _SQLITE.get(code & 0xFF)
    if isinstance(error, IntegrityError):
        return None
    state = getattr(orig, "sqlstate", None)
    if error.connection_invalidated or (state or "08").startswith(("08", "57P")):
        return _UNREACHABLE
    return _POSTGRES.get(str(state))
