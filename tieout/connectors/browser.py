"""Letting Tieout in at a vendor's own page: OAuth 2.0's authorisation code, as values.

Sources: RFC 6749 (4.1), RFC 7636 (PKCE), RFC 8252 (coming back to the same machine).
`sign_in.py` walks the steps; a command shows the page and waits for the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tieout.connectors.call import Request

#: Where a browser comes back to unless the settings or a person say otherwise: this machine.
HERE = "http://localhost:8400/callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What the vendor's page gave, to be exchanged for a token once."""

    code: str
    redirect: str  # the address it came back to, which the exchange must name again
    verifier: str = ""  # PKCE's, "" where the vendor's flow has none


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A company that a sign-in reaches."""

    company: str  # its id there
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """How a person lets Tieout in at the vendor's own page.

    `page(settings)` is the page's address without a query. `exchange(settings, secrets,
    code)` is the call that turns a code into a token; `Auth.read` reads its answer.
    `company(query)` is the company that the way back names, "" when it names none; for
    a vendor that lists them instead, `companies(settings)` asks and `listed` reads.
    """

    page: Callable[[Any], str]
    scopes: Callable[[Any], tuple[str, ...]]
    exchange: Callable[[Any, Mapping[str, str], Code], Request]
    pkce: bool = False
    app: str = "client_id"  # the secret that is the app's id
    # The address registered at the vendor; `HERE` when the settings do not say.
    redirect: Callable[[Any], str] = lambda settings: HERE
    # False when these settings sign in without a person, such as with the app's own secret.
    applies: Callable[[Any], bool] = lambda settings: True
    company: Callable[[Mapping[str, str]], str] = lambda query: ""
    companies: Callable[[Any], Request] | None = None
    listed: Callable[[Any], tuple[Company, ...]] = lambda answer: ()
    setting: str = ""  # the setting that names the company
