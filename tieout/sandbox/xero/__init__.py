"""A faithful stand-in for Xero: `Xero` is the application to serve.

Built from Xero's published specification (Accounting API 2.0, Projects API 2.0)
and its public documentation. `Xero.books` is what people do inside the
organisation, `Xero.hooks` its notifications, `Xero.copy` gives a prepared
organisation to many runs.
"""

from tieout.sandbox.xero.settings import Settings
from tieout.sandbox.xero.vendor import Xero
from tieout.sandbox.xero.webhooks import webhook_payload, webhook_signature

__all__ = ["Settings", "Xero", "webhook_payload", "webhook_signature"]
