"""A faithful stand-in for QuickBooks Online: `QuickBooks` is the application to serve.

Built from Intuit's public documentation of the Accounting API (v3, minor
version 75) and from published recordings of its answers. `QuickBooks.books` is
what people do inside the company, `QuickBooks.hooks` its notifications,
`QuickBooks.copy` gives a prepared company to many runs.
"""

from tieout.sandbox.quickbooks.settings import Settings
from tieout.sandbox.quickbooks.vendor import QuickBooks
from tieout.sandbox.quickbooks.webhooks import webhook_payload, webhook_signature

__all__ = ["QuickBooks", "Settings", "webhook_payload", "webhook_signature"]
