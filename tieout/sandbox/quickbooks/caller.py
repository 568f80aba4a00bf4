"""A signed-in program that calls the sandbox in process, without a socket.

For tests and for looking around: it signs in with the vendor's own
credentials and reads the answers with exact numbers. It knows nothing of
retries and hides no error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.test import Client, TestResponse

from tieout.sandbox.quickbooks.wire import Row, decode, encode

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.vendor import QuickBooks


class Caller:
    """Calls one company with one access token."""

    def __init__(self, vendor: QuickBooks) -> None:
        self.vendor = vendor
        self.client = Client(vendor)
        self.token = vendor.credentials["access_token"]

    def send(
        self, method: str, path: str, body: Any = None, *, kind: str = "json", **query: str
    ) -> TestResponse:
        """One call below the company's path; a body that is not text goes as JSON."""
        data = body if body is None or isinstance(body, str | bytes) else encode(body)
        return self.client.open(
            f"/v3/company/{self.vendor.realm_id}/{path}",
            method=method,
            query_string=query,
            data=data,
            headers={"Authorization": f"Bearer {self.token}"},
            content_type=f"application/{kind}",
        )

    def call(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Row]:
        """One call: the HTTP status and the JSON answer."""
        response = self.send(method, path, body, **query)
        return response.status_code, decode(response.get_data())

    def post(self, entity: str, body: Row, **query: str) -> Row:
        """Write one entity; returns it as answered, or the `Fault` answer as it came."""
        answer = self.call("POST", entity.lower(), body, **query)[1]
        return dict(answer.get(entity, answer))

    def query(self, statement: str) -> Row:
        """Run a statement; returns the `QueryResponse`, or the `Fault` answer as it came."""
        answer = self.call("GET", "query", query=statement)[1]
        return dict(answer.get("QueryResponse", answer))
