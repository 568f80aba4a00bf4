"""Who holds a lease, and whether that process still lives.

An owner is `host:pid:start`, a process, or `host:pid:start:work`, one piece of work in it.
`start` is when the process began, as its system counts, so that a later process with the
same number is not taken for it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tieout.model.ids import new_id

#: The pieces of work that this process has begun and not ended.
_at_work: set[str] = set()
#: Those of them that something stopped: what they hold may still stand in the database.
_stopped: set[str] = set()


def this_process() -> str:
    """The name of this process: `host:pid:start`."""
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{_start_of(pid) or ''}"


@contextmanager
def at_work() -> Iterator[str]:
    """The name that the leases of one piece of work bear while it lasts.

    What still bears it afterwards, in whatever way the work ended, is nobody's.
    """
    owner = f"{this_process()}:{new_id('work')}"
    _at_work.add(owner)
    try:
        yield owner
    except BaseException:
        _stopped.add(owner)
        raise
    finally:
        _at_work.discard(owner)


def stopped() -> frozenset[str]:
    """The pieces of work of this process that something stopped before they could say so."""
    return frozenset(_stopped)


def forget(owners: frozenset[str]) -> None:
    """Nothing bears these names any more."""
    _stopped.difference_update(owners)


def is_dead(owner: str) -> bool:
    """Whether the owner of a lease was of this machine and is gone.

    False when that is not known: then only its lease's end frees what it held.
    """
    host, _, rest = owner.partition(":")
    number, _, rest = rest.partition(":")
    start, _, work = rest.partition(":")
    if host != socket.gethostname() or not number.isdigit():
        return False
    pid = int(number)
    if pid == os.getpid() and work:
        return owner not in _at_work
    now = _start_of(pid)
    return now is None or bool(start and now and start != now)


def _start_of(pid: int) -> str | None:
    """When a process of this machine began; None when there is none, "" when not known."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("latin-1")
    except FileNotFoundError:
        return "" if not Path("/proc/self/stat").exists() and _answers(pid) else None
    except OSError:
        return "" if _answers(pid) else None
    # The second field is the program's name in brackets, and may hold anything.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else fields[18]  # a zombie holds nothing any more


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
