"""A stand-in for the Harvest v2 API with its own account.

`Harvest` is a WSGI application. `Harvest.account` holds the records and has
methods for the people who work in them; `Harvest.credentials` has the account id
and tokens of an administrator, a manager and a member.
"""

from tieout.sandbox.harvest.account import Account
from tieout.sandbox.harvest.app import Harvest
from tieout.sandbox.harvest.records import Settings

__all__ = ["Account", "Harvest", "Settings"]
