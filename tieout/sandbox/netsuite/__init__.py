"""A stand-in for one NetSuite account (SuiteTalk REST web services and SuiteQL, 2026.1).

Read `vendor.py` first. `settings.py` has the switches, `acts.py` what people do behind an
integration's back, `plans.py` what may go wrong.
"""

from tieout.sandbox.netsuite.books import Books
from tieout.sandbox.netsuite.caller import Caller
from tieout.sandbox.netsuite.settings import Settings
from tieout.sandbox.netsuite.vendor import NetSuite

__all__ = ["Books", "Caller", "NetSuite", "Settings"]
