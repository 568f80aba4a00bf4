"""A stand-in for the Salesforce REST API with its own org.

`Salesforce` is a WSGI application. `Salesforce.org` holds the records and has
methods for the people who work in them; `Salesforce.credentials` is what an
administrator would hand to an integration.
"""

from tieout.sandbox.salesforce.app import Salesforce
from tieout.sandbox.salesforce.delivery import OutboundMessages
from tieout.sandbox.salesforce.errors import ApiError
from tieout.sandbox.salesforce.org import Org, Trouble

__all__ = ["ApiError", "Org", "OutboundMessages", "Salesforce", "Trouble"]
