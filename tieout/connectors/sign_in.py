"""Signing in at a vendor's page, step by step: the address, the way back, the token.

Nothing here shows a page or listens: a command does, and gives back the address that the
browser was sent to. Sources: RFC 6749 (4.1 and 10.12), RFC 7636.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import ChainMap
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from tieout.connectors.auth import origin_of, to_stored
from tieout.connectors.base import Browser, Code, Company, Token
from tieout.connectors.connection import Connection
from tieout.connectors.redact import secrets_out
from tieout.connectors.transport import Transport
from tieout.errors import AuthExpired, BadInput, Misconfigured, Rejected, StoreError, Transient
from tieout.model.ids import new_token

#: Chooses among the companies that a sign-in reaches.
Choose = Callable[[tuple[Company, ...]], str]

_LONGEST_WORDS = 300


@dataclass(frozen=True, kw_only=True)
class Started:
    """A sign-in that waits for its person."""

    url: str = field(repr=False)  # the vendor's page, to be opened in a browser
    redirect: str  # where the browser comes back to
    state: str = field(repr=False)  # the way back must carry it: else it answers somebody else
    verifier: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, checked."""

    code: Code = field(repr=False)
    company: str  # "" when the way back names none


def start(connection: Connection, redirect: str = "") -> Started:
    """Make the address of the vendor's page. Raises Misconfigured when it has none."""
    browser, settings = _browser(connection), connection.settings
    app = connection.secrets.get(browser.app, "")
    if not app:
        raise Misconfigured(f"{connection.name} has no {browser.app}: sign-in needs it")
    back, state, verifier = redirect or browser.redirect(settings), new_token(), ""
    query = {
        "client_id": app,
        "response_type": "code",
        "scope": " ".join(browser.scopes(settings)),
        "redirect_uri": back,
        "state": state,
    }
    if browser.pkce:
        verifier = new_token()  # 64 of the characters that RFC 7636 allows
        query |= {"code_challenge": challenge(verifier), "code_challenge_method": "S256"}
    url = f"{browser.page(settings)}?{urlencode(query)}"
    return Started(url=url, redirect=back, state=state, verifier=verifier)


def challenge(verifier: str) -> str:
    """What PKCE shows of a verifier (RFC 7636, 4.2)."""
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    return made.decode().rstrip("=")


def answered(connection: Connection, started: Started, address: str) -> Answer:
    """Read the address that the browser was sent back to.

    Raises BadInput when it does not answer this sign-in, Rejected when the person or the
    vendor refused, Misconfigured when it is another company than the connection's.
    """
    again = f"Nothing was stored. Start again: tieout connect {connection.name}"
    title = connection.connector.title
    query = dict(parse_qsl(urlsplit(address.strip()).query))
    if not query:
        raise BadInput(
            "this is not the address that the browser was sent to: it starts with"
            f" {started.redirect}? and is in the browser's address bar. {again}"
        )
    # In constant time, and before anything else is believed of it.
    if not hmac.compare_digest(query.get("state", "").encode(), started.state.encode()):
        raise BadInput(
            f"{connection.name}: this answers another sign-in than the one begun here"
            f" (its state is not ours). {again}"
        )
    if query.get("error") == "access_denied":
        raise Rejected(
            f"{connection.name}: access was refused on {title}'s page. {again}",
            code="access_denied",
        )
    if "error" in query or not query.get("code"):
        known = [*connection.secret_values(), started.state]
        said = query.get("error_description") or query.get("error") or "no code came back"
        words = secrets_out(said[:_LONGEST_WORDS], known)
        error = query.get("error", "")[:_LONGEST_WORDS]
        raise Rejected(f"{connection.name}: {title} said: {words}. {again}", code=error)
    company = _browser(connection).company(query)
    if company:
        _check_company(connection, Company(company=company))
    code = Code(code=query["code"], redirect=started.redirect, verifier=started.verifier)
    return Answer(code=code, company=company)


def complete(connection: Connection, transport: Transport, answer: Answer, choose: Choose) -> Token:
    """Exchange the code, store the token in the place of the old one, and say whose it is.

    `choose` is asked when the sign-in reaches several companies and no setting says which.
    Raises AuthExpired when the code is not accepted, Transient when the sign-in service
    cannot answer now, Misconfigured for another company than before: then the old token
    is back in its place.
    """
    with connection.keeper.lock(connection.name):
        before = connection.keeper.load()
        token = _exchanged(connection, transport, answer)
        stored = to_stored(token)
        if not connection.keeper.swap(before, stored):
            raise StoreError(
                f"{connection.name}: another process stored a token meanwhile. Nothing was"
                f" changed. Start again: tieout connect {connection.name}"
            )
    if _browser(connection).companies is None:
        return token
    try:
        chosen = _chosen(connection, transport, choose)
    except BaseException:  # also when the person leaves instead of choosing
        _put(connection, dict(before or {}))
        raise
    _put(connection, {**(connection.keeper.load() or stored), "company": chosen})
    return replace(token, company=chosen)


def _put(connection: Connection, token: dict[str, str]) -> None:
    """Store a token whatever is there: ours, or what refreshing ours gave meanwhile."""
    with connection.keeper.lock(connection.name):
        connection.keeper.swap(connection.keeper.load(), token)


def _exchanged(connection: Connection, transport: Transport, answer: Answer) -> Token:
    auth, code = connection.connector.auth, answer.code
    assert auth.read is not None  # a connector with a browser reads tokens
    # What the vendor says is shown to people: neither may be in it.
    secret = {"authorization_code": code.code, "code_verifier": code.verifier}
    guarded = replace(connection, secrets=ChainMap(secret, dict(connection.secrets)))
    request = _browser(connection).exchange(connection.settings, connection.secrets, code)
    now = transport.clock.now()
    try:
        token = auth.read(transport.unsigned(guarded, request).json(), now)
    except (Rejected, AuthExpired) as refusal:
        raise AuthExpired(
            f"{connection.name}: {connection.connector.title} did not accept the code"
            f" ({refusal.text.rstrip('.')}): it lives for minutes and is taken once. Nothing was"
            f" stored. Start again: tieout connect {connection.name}",
            status=refusal.status,
            code=refusal.code,
            trace_id=refusal.trace_id,
        ) from None
    except (KeyError, TypeError, ValueError, AttributeError):
        # From None: the answer may hold a token.
        raise Transient(
            f"{connection.name}: the sign-in service answered without a token"
        ) from None
    company = answer.company or token.company
    if company:
        _check_company(connection, Company(company=company))
    return replace(token, company=company, origin=origin_of(connection))


def _chosen(connection: Connection, transport: Transport, choose: Choose) -> str:
    """The company of the connection among those that the sign-in reaches."""
    browser, settings = _browser(connection), connection.settings
    assert browser.companies is not None
    # As nobody's yet: whose it is, this call asks.
    asking = replace(connection, company="", attended=True)
    found = browser.listed(transport.call(asking, browser.companies(settings)).json())
    there = ", ".join(named(one) for one in found) or "none"
    wanted = connection.connector.company(settings) or connection.company
    if wanted and wanted not in [one.company for one in found]:
        raise Misconfigured(
            f"wrong company: {connection.name} belongs to {wanted}, and the sign-in reaches:"
            f" {there}. Nothing was changed. Sign in there, or correct {_setting(connection)}."
        )
    if not found:
        raise Misconfigured(
            f"{connection.name}: the sign-in reaches no company. Nothing was changed. Start again"
            f" and choose one on {connection.connector.title}'s page."
        )
    if wanted or len(found) == 1:
        company = wanted or found[0].company
    else:
        company = choose(found)
    _check_company(connection, Company(company=company))
    return company


def _check_company(connection: Connection, told: Company) -> None:
    """Raise Misconfigured unless it is the company of the settings, and the one before."""
    said = connection.connector.company(connection.settings)
    wanted = connection.company or said
    if wanted and told.company != wanted:
        raise Misconfigured(
            f"wrong company: {connection.name} belongs to {wanted}, and the sign-in was for"
            f" {named(told)}. Nothing was changed. Sign in there, or correct"
            f" {_setting(connection)}."
        )


def named(company: Company) -> str:
    """A company for a person: `Acme (123)`."""
    return f"{company.name} ({company.company})" if company.name else company.company


def _setting(connection: Connection) -> str:
    setting = _browser(connection).setting
    where = f"settings.{setting} of this connection" if setting else "the settings"
    return f"{where} in tieout.yaml"


def _browser(connection: Connection) -> Browser:
    found = connection.connector.auth.at_a_page(connection.settings)
    if found is None:
        raise Misconfigured(
            f"{connection.name}: {connection.connector.title} is not signed in to with a browser."
            f" Give its secrets, then: tieout connect {connection.name}"
        )
    return found
