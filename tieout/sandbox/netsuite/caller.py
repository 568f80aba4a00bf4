"""A signed-in program that calls the sandbox in process, without a socket.

For tests and for looking around: it signs in with the vendor's own key and certificate id
and reads the answers with exact numbers. It knows nothing of retries and hides no error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jwt
from werkzeug.test import Client, TestResponse

from tieout.sandbox.netsuite.sign_in import JWT_BEARER, TOKEN_PATH
from tieout.sandbox.netsuite.wire import Row, decode, encode

if TYPE_CHECKING:
    from tieout.sandbox.netsuite.vendor import NetSuite


class Caller:
    """Calls one account with one access token."""

    def __init__(self, vendor: NetSuite) -> None:
        self.vendor = vendor
        self.client = Client(vendor)
        self.token = ""

    # -- sign-in ----------------------------------------------------------------------
    def claims(self, **changes: Any) -> Row:
        """The claims of a good assertion, with changes."""
        now = int(self.vendor.clock.now().timestamp())
        good = {
            "iss": self.vendor.credentials["client_id"],
            "scope": ["rest_webservices"],
            "aud": f"https://{self.vendor.settings.host}{TOKEN_PATH}",
            "iat": now,
            "exp": now + 3000,
        }
        return good | changes

    def assertion(
        self, claims: Row | None = None, *, key: str = "", algorithm: str = "ES256", kid: str = ""
    ) -> str:
        """A signed assertion; by default with the vendor's own key."""
        return jwt.encode(
            claims or self.claims(),
            key or self.vendor.credentials["private_key"],
            algorithm=algorithm,
            headers={"kid": kid or self.vendor.credentials["certificate_id"]},
        )

    def ask_token(self, assertion: str, **form: str) -> TestResponse:
        """One call of the token endpoint."""
        fields = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER}
        return self.client.post(TOKEN_PATH, data={**fields, "client_assertion": assertion, **form})

    def sign_in(self) -> str:
        """Get an access token and use it from now on."""
        answer = self.ask_token(self.assertion())
        self.token = str(decode(answer.get_data())["access_token"])
        return self.token

    # -- calls ------------------------------------------------------------------------
    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        **query: str,
    ) -> TestResponse:
        """One call below `/services/rest/`; a body that is not text goes as JSON."""
        if not self.token:
            self.sign_in()
        data = body if body is None or isinstance(body, str | bytes) else encode(body)
        given = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        kind = {} if data is None else {"Content-Type": "application/json"}
        return self.client.open(
            f"/services/rest/{path}",
            method=method,
            query_string=query,
            data=data,
            headers={**given, **kind, **(headers or {})},
        )

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Row]:
        """One record call: the HTTP status and the JSON answer, {} when there is none."""
        answer = self.send(method, f"record/v1/{path}", body, **options)
        text = answer.get_data()
        return answer.status_code, decode(text) if text.strip() else {}

    def make(self, method: str, path: str, body: Any = None, **options: Any) -> str:
        """Write a record; returns its internal id, taken from the Location header."""
        answer = self.send(method, f"record/v1/{path}", body, **options)
        assert answer.status_code == 204, answer.get_data(as_text=True)
        return answer.headers["Location"].rpartition("/")[2]

    def get(self, path: str, **query: str) -> Row:
        """Read something that is there."""
        status, body = self.call("GET", path, **query)
        assert status == 200, body
        return body

    def query(self, text: str, *params: Any, **page: str) -> Row:
        """Run SuiteQL; returns the whole answer, or the error as it came."""
        body: Row = {"q": text} | ({"params": list(params)} if params else {})
        wanted = {"Prefer": "transient"}
        answer = self.send("POST", "query/v1/suiteql", body, headers=wanted, **page)
        return dict(decode(answer.get_data()))

    def rows(self, text: str, *params: Any) -> list[Row]:
        """The rows of a query, without their links."""
        answer = self.query(text, *params)
        assert "items" in answer, answer
        return [{k: v for k, v in row.items() if k != "links"} for row in answer["items"]]
