"""The vendors of one firm, in process or served on loopback ports.

`World` makes the stand-ins on one clock; `serve` gives each a port of its own;
`describe` and `shell_exports` tell an operator what to type to connect to them.
"""

from __future__ import annotations

import errno
import shlex
import socket
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, cast

from tieout.clock import Clock
from tieout.sandbox.core import Vendor
from tieout.sandbox.firm_workspace import LEDGERS
from tieout.sandbox.harvest import Harvest
from tieout.sandbox.ledgers import LedgerSide, side_of
from tieout.sandbox.quickbooks import QuickBooks
from tieout.sandbox.salesforce import Salesforce
from tieout.sandbox.schema_file import load_schema
from tieout.sandbox.serving import Served

if TYPE_CHECKING:
    from tieout.sandbox.netsuite import NetSuite
    from tieout.sandbox.xero import Xero

__all__ = [
    "OTHERS", "VENDORS", "Serving", "World", "describe", "load_schema", "serve", "shell_exports",
]  # fmt: skip

#: The vendors a world is made of, in the order work flows: deal, time, invoice.
VENDORS = ("salesforce", "harvest", "quickbooks")
#: Vendors there is a stand-in for as well; a world has them when they are asked for.
OTHERS = ("netsuite", "xero")

_SYSTEMS = {
    "salesforce": ("Salesforce", "crm"),
    "harvest": ("Harvest", "time"),
    "quickbooks": ("QuickBooks Online", "ledger"),
    "netsuite": ("NetSuite", "ledger"),
    "xero": ("Xero", "ledger"),
}
#: Where the vendors answer sign-in, below their base URL.
_SIGN_IN = {
    "salesforce": {"token_url": "/services/oauth2/token"},
    "harvest": {"token_url": "/api/v2/oauth2/token"},
    "quickbooks": {
        "token_url": "/oauth2/v1/tokens/bearer",
        "authorize_url": "/connect/oauth2",
    },
    "netsuite": {"token_url": "/services/rest/auth/oauth2/v1/token"},
    "xero": {"token_url": "/connect/token", "authorize_url": "/identity/connect/authorize"},
}
#: The secrets an operator puts into the environment, by vendor.
_SECRETS = {
    "salesforce": ("private_key", "client_secret"),
    "harvest": ("access_token",),
    **{slug: secrets for slug, (_, secrets) in LEDGERS.items()},
}


class World:
    """The stand-ins of one firm on one clock.

    `preset`: "sample" fills each vendor with a small consultancy, "empty" sets them up
    without records. `vendors`: which to make. `schema`: custom objects and fields for
    Salesforce, see `load_schema`. `service_s` and `item_s`: seconds a call takes, and
    seconds more for each item in it, by vendor; vendors left out answer at once.
    Raises ValueError for a vendor there is no stand-in for.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        preset: Literal["sample", "empty"] = "sample",
        vendors: Iterable[str] = VENDORS,
        schema: dict[str, Any] | None = None,
        country: str = "US",
        service_s: Mapping[str, float] | None = None,
        item_s: Mapping[str, float] | None = None,
    ) -> None:
        self.clock = clock
        self.vendors: dict[str, Vendor] = {}
        wanted = tuple(vendors)
        _check_names((*wanted, *(service_s or {}), *(item_s or {})))
        for slug in wanted:
            takes = (service_s or {}).get(slug, 0.0), (item_s or {}).get(slug, 0.0)
            self.vendors[slug] = _made(slug, clock, preset, schema, country, takes)

    def copy(self, clock: Clock) -> World:
        """The same vendors and their books once more, on a clock of their own."""
        twin = object.__new__(World)
        twin.clock = clock
        twin.vendors = {slug: vendor.copy(clock) for slug, vendor in self.vendors.items()}
        return twin

    @property
    def salesforce(self) -> Salesforce:
        """The CRM. Raises ValueError when this world has none."""
        return cast("Salesforce", self._vendor("salesforce"))

    @property
    def harvest(self) -> Harvest:
        """The time tool. Raises ValueError when this world has none."""
        return cast("Harvest", self._vendor("harvest"))

    @property
    def quickbooks(self) -> QuickBooks:
        """The ledger. Raises ValueError when this world has none."""
        return cast("QuickBooks", self._vendor("quickbooks"))

    @property
    def netsuite(self) -> NetSuite:
        """Another ledger. Raises ValueError when this world has none."""
        return cast("NetSuite", self._vendor("netsuite"))

    @property
    def xero(self) -> Xero:
        """A third ledger. Raises ValueError when this world has none."""
        return cast("Xero", self._vendor("xero"))

    @cached_property
    def ledger(self) -> LedgerSide:
        """The books of the ledger, whichever it is. Raises ValueError when there is none."""
        found = [slug for slug, (_, kind) in _SYSTEMS.items() if kind == "ledger"]
        slug = next((slug for slug in found if slug in self.vendors), "")
        if not slug:
            raise ValueError("this world has no ledger")
        return side_of(self.vendors[slug])

    def _vendor(self, slug: str) -> Vendor:
        if slug not in self.vendors:
            raise ValueError(f"this world has no {slug}; it has {', '.join(self.vendors)}")
        return self.vendors[slug]


def _made(
    slug: str,
    clock: Clock,
    preset: Literal["sample", "empty"],
    schema: dict[str, Any] | None,
    country: str,
    takes: tuple[float, float],
) -> Vendor:
    call_s, item_s = takes
    if slug == "salesforce":
        return Salesforce(clock, preset=preset, schema=schema, service_s=call_s, item_s=item_s)
    if slug == "harvest":
        return Harvest(clock, preset=preset, service_s=call_s, item_s=item_s)
    if slug == "netsuite":
        from tieout.sandbox.netsuite import NetSuite  # a world without it need not load it

        return NetSuite(clock, preset=preset, country=country, service_s=call_s, item_s=item_s)
    if slug == "xero":
        from tieout.sandbox.xero import Xero

        return Xero(clock, preset=preset, country=country, service_s=call_s, item_s=item_s)
    return QuickBooks(clock, preset=preset, country=country, service_s=call_s, item_s=item_s)


def _check_names(names: Iterable[str]) -> None:
    for name in names:
        if name not in (*VENDORS, *OTHERS):
            known = ", ".join((*VENDORS, *OTHERS))
            raise ValueError(f"there is no stand-in for {name!r}; there are {known}")


class Serving:
    """The vendors of a world on loopback ports; a context manager that stops them."""

    def __init__(self, world: World, ports: Mapping[str, int]) -> None:
        self.world = world
        self.served: dict[str, Served] = {}
        self._ports = ports
        self._stack = ExitStack()

    def base_url(self, slug: str) -> str:
        """Where a vendor answers, without a slash at the end."""
        return self.served[slug].base_url

    def __enter__(self) -> Serving:
        # When a later port cannot be had, the vendors already listening are stopped.
        with ExitStack() as stack:
            for slug, vendor in self.world.vendors.items():
                port = self._ports.get(slug, 0)
                _check_free(slug, port)
                self.served[slug] = stack.enter_context(Served(vendor, port))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop listening; a second time does nothing."""
        self._stack.close()


def serve(world: World, ports: Mapping[str, int] | None = None) -> Serving:
    """Serve every vendor of a world on 127.0.0.1, each on a port of its own.

    `ports` chooses ports by vendor; the others get a free one. Used as `with serve(world)
    as serving:`. Raises ValueError for an unknown vendor, OSError on entering when a port
    is taken.
    """
    _check_names(ports or {})
    return Serving(world, dict(ports or {}))


def _check_free(slug: str, port: int) -> None:
    # The server would print to the console and end the process on a port that is taken.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as problem:
            why = "is in use" if problem.errno == errno.EADDRINUSE else "cannot be used"
            raise OSError(
                problem.errno, f"port {port} for {slug} {why}; choose another"
            ) from problem


def describe(serving: Serving) -> dict[str, Any]:
    """What an operator types to connect, by vendor; goes into JSON as it is.

    Each vendor has `name`, `kind` (crm, time or ledger), `base_url` and `credentials`:
    ids and secrets, and `token_url` (for QuickBooks Online also `authorize_url`).
    """
    return {slug: _described(serving, slug) for slug in serving.served}


def _described(serving: Serving, slug: str) -> dict[str, Any]:
    name, kind = _SYSTEMS[slug]
    base_url = serving.base_url(slug)
    vendor = cast(
        "Salesforce | Harvest | QuickBooks | NetSuite | Xero", serving.world.vendors[slug]
    )
    sign_in = {key: base_url + path for key, path in _SIGN_IN[slug].items()}
    return {
        "name": name,
        "kind": kind,
        "base_url": base_url,
        "credentials": {**vendor.credentials, **sign_in},
    }


def shell_exports(description: Mapping[str, Any]) -> str:
    """`export NAME=value` lines for the secrets of a description, quoted for a shell.

    They are named after what a system is for, `TIEOUT_LEDGER_CLIENT_ID`; the second of a
    kind is named after itself, `TIEOUT_XERO_CLIENT_ID`.
    """
    lines, kinds = [], set[str]()
    for slug, told in description.items():
        prefix = slug if told["kind"] in kinds else told["kind"]
        kinds.add(told["kind"])
        for name in _SECRETS[slug]:
            value = shlex.quote(told["credentials"][name])
            lines.append(f"export TIEOUT_{prefix.upper()}_{name.upper()}={value}\n")
    return "".join(lines)
