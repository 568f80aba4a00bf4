"""The database: tables, migrations, and one module for every role.

Roles are modules of functions that take a transaction first:
`with store.begin() as tx: cursors.put(tx, "harvest", "time_entries", "2026-01-31")`.
"""

from tieout.store.core import Store, Tx
from tieout.store.failures import LostLease

__all__ = ["LostLease", "Store", "Tx"]
