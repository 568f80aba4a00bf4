"""Recording from a vendor's own sandbox account: `make record VENDOR=quickbooks LIVE=1`.

The account's settings and secrets come from the environment, under the names that
`variables` gives. Everything the connector reads and writes is run there once, in a
folder of its own; only when all of it replays are the cassettes and golden files put
beside the sandbox's, with `.live` in their names. What replays need to ask the same
again (the hour, the made-up ids) is kept in `live.json`.

Nobody has run this against an account yet: the test points it at a served sandbox.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tests.connectors import subjects
from tests.connectors.rigs import (
    CASSETTES,
    LIVE,
    ROOT,
    Asked,
    Case,
    Given,
    Stand,
    read_cases,
    write_cases,
)
from tests.connectors.tapes import Mask, golden_text, play, recorder
from tieout.clock import Clock, VirtualClock
from tieout.connectors.base import CUSTOMER, INVOICE, PROJECT, Connector, LineCodes, Writer
from tieout.connectors.connection import Connection, MemoryKeeper, TokenKeeper
from tieout.connectors.pace import MemoryGovernor
from tieout.connectors.registry import connectors
from tieout.connectors.transport import Transport
from tieout.errors import Misconfigured
from tieout.model.ids import idempotency_key

#: Settings that choose a vendor's test world over its real one. They win over the environment.
TEST_WORLD: Mapping[str, Mapping[str, str]] = {"quickbooks": {"environment": "sandbox"}}
#: Fields about people and where they live, in the vendors' own words (`address` is Harvest's
#: postal one and QuickBooks' e-mail). Other e-mail addresses become made-up ones.
PERSONAL = (
    "GivenName", "MiddleName", "FamilyName", "FreeFormNumber", "Line1", "Line2", "Line3", "Line4",
    "Line5", "PostalCode", "Lat", "Long", "FirstName", "LastName", "Phone", "MobilePhone", "Fax",
    "BillingStreet", "BillingPostalCode", "first_name", "last_name", "telephone", "avatar_url",
    "address", "full_domain",
)  # fmt: skip
_ANY_ADDRESS = re.compile(r"https?://[^/\"'\s\\<>?#]+")
#: How far back changes are asked for, and how many days a sweep lists.
CHANGES_DAYS, SWEEP_DAYS = 7, 14


# -- the account ------------------------------------------------------------------------
def variable(slug: str, name: str) -> str:
    """The environment variable of a setting or a secret: `QUICKBOOKS_REALM_ID`."""
    return f"{slug}_{name}".upper()


def replaced_secret(
    connector: Connector, environment: Mapping[str, str], keeper: TokenKeeper
) -> str:
    """What a person must do when the vendor replaced the secret they gave; "" if it did not."""
    name = connector.auth.starts_with
    now = (keeper.load() or {}).get("refresh", "")
    if not name or not now or now == environment.get(variable(connector.slug, name)):
        return ""
    return (
        f"{connector.title} replaced the secret in {variable(connector.slug, name)}: "
        f"put this one there.\n{now}"
    )


def variables(connector: Connector) -> list[str]:
    """The variables that must be set; where one of several is enough they are joined by `or`."""
    slug = connector.slug
    fields = connector.settings.model_fields
    needed = [variable(slug, name) for name, field in fields.items() if field.is_required()]
    needed += [variable(slug, name) for name in connector.auth.secrets]
    if connector.auth.one_of:
        needed.append(" or ".join(variable(slug, name) for name in connector.auth.one_of))
    return needed


def account_of(connector: Connector, environment: Mapping[str, str]) -> tuple[Any, dict[str, str]]:
    """Settings and secrets. Raises Misconfigured naming every variable that is not set."""
    slug, title = connector.slug, connector.title
    missing = [
        said
        for said in variables(connector)
        if not any(environment.get(name) for name in said.split(" or "))
    ]
    if missing:
        raise Misconfigured(
            f"To record from a sandbox account at {title}, set {', '.join(missing)}: "
            "cassettes/README.md says where to find them."
        )
    found = {
        name: value
        for name in connector.settings.model_fields
        if (value := environment.get(variable(slug, name)))
    }
    names = (*connector.auth.secrets, *connector.auth.one_of)
    secrets = {name: environment.get(variable(slug, name), "") for name in names}
    try:
        settings = connector.settings(**found | dict(TEST_WORLD.get(slug, {})))
    except ValidationError as problem:
        told = "; ".join(each["msg"].removeprefix("Value error, ") for each in problem.errors())
        raise Misconfigured(f"The sandbox account at {title} cannot be used: {told}.") from problem
    return settings, {name: value for name, value in secrets.items() if value}


# -- what replays need ------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Notes:
    """What was asked of an account, so that a replay asks the same."""

    title: str  # of the vendor
    at: str  # when, ISO 8601, UTC
    elsewhere: bool  # True when another address than the vendor's own was given
    settings: dict[str, Any]  # with made-up ids
    own_host: bool = False  # True when signing in tells the address of the account
    item_id: str = ""  # of the account: what invoice lines are sold as
    customer_id: str = ""  # of the account: whom invoices are for

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self.at)

    @property
    def comment(self) -> str:
        """The first line of the cassettes."""
        where = " through another address (BASE_URL)" if self.elsewhere else ""
        day = self.now.date()
        return f"Recorded from: vendor's sandbox account, {self.title}{where}, {day}"


def notes_path(slug: str, home: Path) -> Path:
    """Where the notes are kept."""
    return home / CASSETTES.relative_to(ROOT) / slug / "live.json"


def load_notes(slug: str, home: Path = ROOT) -> Notes | None:
    """The notes of the last recording; None when there is none."""
    path = notes_path(slug, home)
    return Notes(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def _host(slug: str) -> str:
    return f"https://{slug}.live.example"


def _made_up(name: str, value: str) -> str:
    """What stands for an id of the account: as long, for numbers, as the id."""
    return "1".ljust(len(value), "0") if value.isdigit() else name.replace("_", "-")


def _ids(connector: Connector, settings: Any) -> dict[str, str]:
    """The ids that say whose account it is, and what stands for each."""
    own = [n for n, field in connector.settings.model_fields.items() if field.is_required()]
    optional = ("username", "tenant_id", "certificate_id", "token_id")
    own += [name for name in optional if getattr(settings, name, "")]
    return {str(getattr(settings, name)): _made_up(name, getattr(settings, name)) for name in own}


def _shown(settings: Any, ids: Mapping[str, str]) -> dict[str, Any]:
    """The settings for a replay: ids made up, every address left out."""
    said = settings.model_dump(mode="json")
    return {
        name: ids.get(str(value), value)
        for name, value in said.items()
        if not str(value).startswith("http")
    }


#: What is written in an account; the other writers would need an invoice that is open there.
WRITERS = (CUSTOMER, PROJECT, INVOICE)


# -- the cases --------------------------------------------------------------------------
def _given(slug: str, notes: Notes, mark: str, writer: Writer) -> Given:
    """What a writer writes in the account; names and numbers differ in each recording."""
    stamp = f"{notes.now:%Y%m%d-%H%M%S}"
    subject, context = subjects.of(slug, writer)
    context = replace(context, key=idempotency_key("record", stamp, writer.name + mark, 1, 0))
    name = f"Tieout recording {stamp}{mark}"
    if writer.name == CUSTOMER:
        return subject, replace(context, display_name=name)
    if writer.name == PROJECT:
        name = f"{name} - Rollout"
        return subject, replace(context, display_name=name, parent_id=notes.customer_id)
    assert writer.name == INVOICE, f"nothing is known of the writer {writer.name}"
    code = LineCodes(item_id=notes.item_id, tax_code_id=subjects.UNTAXED[slug])
    codes = dict.fromkeys(context.lines, code)
    plain = replace(
        context, lines=codes, customer_id=notes.customer_id, term_id="", department_id=""
    )
    day = notes.now.date()
    dated = replace(subject, issue_date=day, due_date=day + timedelta(days=30))
    return replace(dated, number=f"R{stamp}{mark}"), plain


def _refused(slug: str, notes: Notes, writer: Writer) -> Given:
    """A document of a customer that no account has."""
    subject, context = _given(slug, notes, "c", writer)
    return subject, replace(context, customer_id=subjects.NOBODY[slug])


def _asked(slug: str, notes: Notes) -> Asked:
    today = notes.now.date()
    return Asked(
        now=notes.now,
        changed_since=notes.now - timedelta(days=CHANGES_DAYS),
        days=(today - timedelta(days=SWEEP_DAYS - 1), today),
        of=partial(_given, slug, notes, ""),
        in_batch=partial(_given, slug, notes, "b"),
        refused=partial(_refused, slug, notes),
        writers=WRITERS,
    )


def live_cases(slug: str, home: Path = ROOT) -> list[Case]:
    """What was recorded from an account of this vendor; nothing when none was."""
    notes = load_notes(slug, home)
    if notes is None:
        return []
    asked = _asked(slug, notes)
    found = [*read_cases(slug, asked), *write_cases(slug, asked)]
    return [replace(case, live=True, home=home) for case in found]


def live_replayed(case: Case) -> dict[str, Any]:
    """The outcome of a live case by its cassette; nothing is sent."""
    notes = load_notes(case.slug, case.home)
    assert notes is not None
    connector, stand = connectors()[case.slug], Stand(case.slug)
    settings = connector.settings(**notes.settings | {"base_url": _host(case.slug)})
    token = {"access": "replayed", "base_url": _host(case.slug) if notes.own_host else ""}
    connection = Connection(
        name=case.slug,
        connector=connector,
        settings=settings,
        secrets=stand.rig.secrets(stand.vendor),
        keeper=MemoryKeeper(None if case.signs_in else token),
        governor=MemoryGovernor(),
    )
    return play(case, _mask(case.slug), Transport(VirtualClock(notes.now)), connection)


def _mask(slug: str) -> Mask:
    return Mask(slug=slug, host=_host(slug), addresses=_ANY_ADDRESS, personal=PERSONAL)


# -- recording --------------------------------------------------------------------------
def record_account(
    slug: str, environment: Mapping[str, str], clock: Clock, home: Path, keeper: TokenKeeper
) -> Iterator[Case]:
    """Run every case in the account and keep it below `home`; gives each case as it is done.

    `keeper` gets the token that was current at the end. Raises Misconfigured when a variable
    is missing, and RemoteError.
    """
    connector = connectors()[slug]
    settings, secrets = account_of(connector, environment)
    connection = Connection(
        name=slug,
        connector=connector,
        settings=settings,
        secrets=secrets,
        keeper=keeper,
        governor=MemoryGovernor(),
        attended=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        yield from _Session(connection, clock, Path(folder)).run()
        _keep(slug, Path(folder), home)


class _Session:
    """One recording, in a folder of its own."""

    def __init__(self, connection: Connection, clock: Clock, folder: Path) -> None:
        self._connection, self._folder = connection, folder
        self._transport = Transport(clock)
        self._slug = connection.connector.slug
        settings = connection.settings
        self._ids = _ids(connection.connector, settings)
        self._outcomes: dict[tuple[str, str], dict[str, Any]] = {}
        self.notes = Notes(
            title=connection.connector.title,
            at=clock.now().replace(microsecond=0).isoformat(),
            elsewhere=bool(settings.base_url),
            settings=_shown(settings, self._ids),
        )

    def run(self) -> Iterator[Case]:
        """Record every case, then replay each: its outcome is the golden file."""
        reads = read_cases(self._slug, _asked(self._slug, self.notes))
        for case in sorted(reads, key=lambda case: not case.signs_in):
            yield self._record(case)
        token = self._connection.keeper.load() or {}
        self.notes = replace(self.notes, own_host=bool(token.get("base_url")))
        if self._connection.connector.writers:
            self.notes = replace(self.notes, item_id=self._item_id())
        for writer in self._connection.connector.writers:
            # What was made before is what the next one needs: a customer, then its invoice.
            cases = write_cases(self._slug, _asked(self._slug, self.notes))
            for case in [case for case in cases if case.folder == writer.name]:
                yield self._record(case)
            if writer.name == CUSTOMER:
                ref = self._outcomes[CUSTOMER, "create"]["ref"]
                self.notes = replace(self.notes, customer_id=ref["remote_id"])
        path = notes_path(self._slug, self._folder)
        path.write_text(json.dumps(asdict(self.notes), indent=1) + "\n", encoding="utf-8")
        for case in live_cases(self._slug, self._folder):
            case.golden.parent.mkdir(parents=True, exist_ok=True)
            case.golden.write_text(golden_text(case, live_replayed(case)), encoding="utf-8")

    def _record(self, case: Case) -> Case:
        case = replace(case, live=True, home=self._folder)
        secrets = tuple(value for value in self._connection.secret_values() if value)
        mask = replace(_mask(self._slug), texts=self._ids, secrets=secrets)
        tapes = recorder(mask, self.notes.comment)
        with tapes.use_cassette(str(case.cassette), record_mode="all"):
            outcome = case.run(self._transport, self._connection)
        self._outcomes[case.folder, case.name] = outcome
        return case

    def _item_id(self) -> str:
        for outcome in self._outcomes.values():
            for record in outcome.get("records", ()):
                fact = record.get("fact", {})
                sort = fact.get("details", {}).get("type", "Service")  # not every vendor sorts them
                if fact.get("active") and (fact.get("kind"), sort) == ("item", "Service"):
                    return str(fact["remote_id"])
        raise Misconfigured(
            f"The sandbox account at {self.notes.title} has no active service item: add one, "
            "for invoices to be recorded with."
        )


def _keep(slug: str, made: Path, home: Path) -> None:
    """Put the files of a recording beside the sandbox's, in the place of an older one."""
    for case in live_cases(slug, home):
        case.cassette.unlink(missing_ok=True)
        case.golden.unlink(missing_ok=True)
    for path in made.rglob("*.*"):
        target = home / path.relative_to(made)
        assert LIVE in target.name or target == notes_path(slug, home), target
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
