"""Who holds a lease, and whether that process still lives."""

from __future__ import annotations

import os
import socket


def this_process() -> str:
    """The name leases of this process bear: `host:pid`."""
    return f"{socket.gethostname()}:{os.getpid()}"


def is_dead(owner: str) -> bool:
    """Whether the owner of a lease, `host:pid`, was a process of this machine that is gone.

    This process itself holds no lease when a push begins: what bears its name is left
    from a push of its own that ended badly, or of a process that had its number before.
    """
    host, _, pid = owner.rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    if int(pid) == os.getpid():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
