"""A signed-in program that calls the sandbox in process, without a socket.

For tests and for looking around: it signs in with the vendor's own
credentials and reads the answers with exact numbers. It knows nothing of
retries and hides no error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.test import Client, TestResponse

from tieout.sandbox.xero.wire import Row, decode, encode

if TYPE_CHECKING:
    from tieout.sandbox.xero.vendor import Xero


class Caller:
    """Calls one organisation with one access token."""

    def __init__(self, vendor: Xero) -> None:
        self.vendor = vendor
        self.client = Client(vendor)
        self.token = vendor.credentials["access_token"]
        self.tenant_id = vendor.credentials["tenant_id"]

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        kind: str = "application/json",
        base: str = "/api.xro/2.0/",
        **query: str,
    ) -> TestResponse:
        """One call below the base; a body that is not text goes as JSON."""
        data = body if body is None or isinstance(body, str | bytes) else encode(body, "compact")
        sent = {
            "Authorization": f"Bearer {self.token}",
            "xero-tenant-id": self.tenant_id,
            "Accept": "application/json",
            **(headers or {}),
        }
        return self.client.open(
            base + path,
            method=method,
            query_string=query,
            data=data,
            headers={name: value for name, value in sent.items() if value},
            content_type=kind if data is not None else None,
        )

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Row]:
        """One call: the HTTP status and the JSON answer, {} for an empty one."""
        response = self.send(method, path, body, **query)
        content = response.get_data()
        return response.status_code, decode(content) if content else {}

    def rows(self, path: str, **query: Any) -> list[Row]:
        """The objects a GET answers, whatever the resource is."""
        status, answer = self.call("GET", path, **query)
        if status != 200:
            raise AssertionError(f"{path}: {status} {answer}")
        return next(value for value in answer.values() if isinstance(value, list))

    def write(self, method: str, path: str, *elements: Row, **query: Any) -> list[Row]:
        """Write objects with summarizeErrors=false; the elements as answered."""
        resource = path.split("/")[0]
        query = {"summarizeErrors": "false", **query}
        status, answer = self.call(method, path, {resource: list(elements)}, **query)
        if status != 200:
            raise AssertionError(f"{path}: {status} {answer}")
        found: list[Row] = answer[resource]
        return found
