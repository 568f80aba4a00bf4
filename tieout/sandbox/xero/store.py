"""The rows of one organisation: identity, revisions, indexes, history, and what changed.

A row is a dict with the field names of Xero and Python values (`Decimal`,
`date`, `datetime`), plus private keys that start with an underscore. Rows are
replaced, never changed in place, so a refused call leaves nothing half done
and a copy of an organisation may share them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tieout.clock import Clock
from tieout.sandbox.xero.errors import Missing
from tieout.sandbox.xero.settings import Settings
from tieout.sandbox.xero.wire import Row

#: Every resource and the field that identifies a row of it.
ID_FIELDS = {
    "Invoices": "InvoiceID", "CreditNotes": "CreditNoteID", "Contacts": "ContactID",
    "Payments": "PaymentID", "BatchPayments": "BatchPaymentID",
    "Overpayments": "OverpaymentID", "Prepayments": "PrepaymentID",
    "Items": "ItemID", "Accounts": "AccountID", "TaxRates": "TaxType", "Currencies": "Code",
    "TrackingCategories": "TrackingCategoryID", "BrandingThemes": "BrandingThemeID",
    "Users": "UserID", "Projects": "projectId", "Tasks": "taskId", "Time": "timeEntryId",
}  # fmt: skip
#: The documents whose changes are told, by the category of the event.
_TOLD = {"Contacts": "CONTACT", "Invoices": "INVOICE", "CreditNotes": "CREDITNOTE"}
_NUMBERS = {"Invoices": "InvoiceNumber", "CreditNotes": "CreditNoteNumber"}
#: Xero's name for a time zone, and the one the clock understands.
ZONES = {
    "NZ": ("NEWZEALANDSTANDARDTIME", "Pacific/Auckland"),
    "AU": ("AUSEASTERNSTANDARDTIME", "Australia/Sydney"),
    "GB": ("GMTSTANDARDTIME", "Europe/London"),
    "US": ("EASTERNSTANDARDTIME", "America/New_York"),
}
ELSEWHERE = ("UTC", "UTC")

#: A document, as (resource, id).
Document = tuple[str, str]


@dataclass(frozen=True)
class Change:
    """One change that a notification may tell, oldest first in `Store.changes`."""

    category: str  # CONTACT, INVOICE, CREDITNOTE, SUBSCRIPTION
    id: str
    operation: str  # CREATE, UPDATE
    at: datetime
    resource: str = ""
    data: tuple[tuple[str, str], ...] = ()  # what a CREDITNOTE event adds


@dataclass(frozen=True)
class Attached:
    """A file that was attached to a document."""

    id: str
    name: str
    mime: str
    content: bytes
    online: bool


class Store:
    """Tables of one organisation."""

    def __init__(
        self, clock: Clock, settings: Settings, seed: int, organisation_id: str = ""
    ) -> None:
        self.clock = clock
        self.settings = settings
        self.seed = seed
        self.started = clock.now()
        #: While set, rows are dated here: how an organisation gets a past.
        self.backdated: datetime | None = None
        self.tables: dict[str, dict[str, Row]] = {resource: {} for resource in ID_FIELDS}
        self.changes: list[Change] = []
        self.history: dict[str, tuple[Row, ...]] = {}
        self.attached: dict[str, tuple[Attached, ...]] = {}
        self.emails: list[tuple[str, str]] = []  # (day, document id)
        #: Payments of a document, and credits used on an invoice, by their ids.
        self.payments: dict[Document, tuple[str, ...]] = {}
        self.credits: dict[str, tuple[Document, ...]] = {}
        self.numbers: dict[tuple[str, str], tuple[str, ...]] = {}
        self.names: dict[tuple[str, str], frozenset[str]] = {}
        self.of_contact: dict[str, dict[Document, None]] = {}
        #: How many documents make a contact a customer, or (True) a supplier.
        self.counted: dict[tuple[str, bool], int] = {}
        self.warnings: list[str] = []  # for the next objects that are written, one each
        self.period_lock: date | None = None
        self.year_lock: date | None = None
        #: Foreign units for one unit of the base currency, by currency and the day from which.
        self.rates: dict[tuple[str, date], Decimal] = {}
        self._count = 0
        self._numbered: dict[str, int] = {}
        self.organisation_id = organisation_id or self.new_id()

    def share(self, memo: dict[int, Any]) -> None:
        """Prepare the memo of a deep copy: tables are copied, their rows are shared."""
        memo[id(self.tables)] = {name: dict(rows) for name, rows in self.tables.items()}
        memo[id(self.changes)] = list(self.changes)
        memo[id(self.of_contact)] = {key: dict(each) for key, each in self.of_contact.items()}
        flat: tuple[dict[Any, Any], ...] = (
            self.history, self.attached, self.payments, self.credits, self.numbers, self.names,
            self.rates, self.counted,
        )  # fmt: skip
        for each in flat:
            memo[id(each)] = dict(each)

    # -- reading ---------------------------------------------------------------------
    def now(self) -> datetime:
        """The clock at whole milliseconds: what UpdatedDateUTC can show."""
        now = self.backdated or self.clock.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def today(self) -> date:
        """The date in the organisation's time zone, the default of Date."""
        if self.backdated is not None:
            return self.backdated.date()
        return self.clock.today(self.zone[1])

    @property
    def zone(self) -> tuple[str, str]:
        """The organisation's time zone: Xero's name and the IANA name."""
        return ZONES.get(self.settings.country, ELSEWHERE)

    def find(self, resource: str, row_id: str) -> Row | None:
        return self.tables[resource].get(row_id)

    def get(self, resource: str, row_id: str) -> Row:
        """The stored row. Raises `Missing`."""
        row = self.tables[resource].get(row_id)
        if row is None:
            raise Missing(f"{resource} {row_id}")
        return row

    def rows(self, resource: str) -> Iterator[Row]:
        # A copy: whoever looks on while the vendor is served must not trip over a new row.
        yield from list(self.tables[resource].values())

    def live(self, resource: str) -> list[Row]:
        """Copies of all rows, oldest first, private keys included."""
        return [dict(row) for row in self.tables[resource].values()]

    def numbered(self, resource: str, number: str, kind: str = "") -> list[Row]:
        """The documents with a number, in upper or lower case, newest last; of a type if given."""
        found = [
            self.tables[resource][each]
            for each in self.numbers.get((resource, number.casefold()), ())
        ]
        return [row for row in found if not kind or row["Type"] == kind]

    def named(self, field: str, value: str) -> list[Row]:
        """Contacts whose Name, ContactNumber or AccountNumber this is, oldest first."""
        ids = self.names.get((field, folded(value)), frozenset())
        rows = [self.tables["Contacts"][each] for each in ids]
        return sorted(rows, key=lambda row: int(row["_order"]))

    def account(self, code: str) -> Row | None:
        """The account with a code that is not deleted."""
        for row in self.rows("Accounts"):
            if row.get("Code") == code and row["Status"] != "DELETED":
                return row
        return None

    def system_account(self, kind: str) -> Row:
        """The account that Xero itself uses for something (DEBTORS, ROUNDING ...)."""
        return next(row for row in self.rows("Accounts") if row.get("SystemAccount") == kind)

    def item(self, code: str) -> Row | None:
        return next((row for row in self.rows("Items") if row["Code"] == code), None)

    def rate_on(self, currency: str, day: date) -> Decimal:
        """Foreign units for one base unit on a date; 1 for the base and for unknown rates."""
        if currency == self.settings.base_currency:
            return Decimal(1)
        days = [known for code, known in self.rates if code == currency and known <= day]
        if not days:
            later = sorted(known for code, known in self.rates if code == currency)
            return self.rates[(currency, later[0])] if later else Decimal(1)
        return self.rates[(currency, max(days))]

    def paid_on(self, document: Document) -> list[Row]:
        """The payments of a document that stand, oldest first."""
        rows = [self.tables["Payments"][each] for each in self.payments.get(document, ())]
        return [row for row in rows if row["Status"] == "AUTHORISED"]

    def used_on(self, invoice_id: str) -> list[tuple[str, Row, Row]]:
        """The credits used on an invoice: (resource, credit row, allocation)."""
        found = []
        for resource, credit_id in self.credits.get(invoice_id, ()):
            row = self.tables[resource][credit_id]
            found += [
                (resource, row, each) for each in row["_uses"] if each["_invoice"] == invoice_id
            ]
        return found

    # -- writing ---------------------------------------------------------------------
    def new_id(self) -> str:
        """A guid nobody has; a run with the same seed gives the same ones."""
        self._count += 1
        mark = hashlib.md5(f"xero {self.seed} {self._count}".encode()).hexdigest()
        return f"{mark[:8]}-{mark[8:12]}-4{mark[13:16]}-a{mark[17:20]}-{mark[20:]}"

    def next_number(self, resource: str, prefix: str) -> str:
        """The next free automatic number."""
        while True:
            self._numbered[prefix] = self._numbered.get(prefix, 0) + 1
            number = f"{prefix}{self._numbered[prefix]:04d}"
            if (resource, number.casefold()) not in self.numbers:
                return number

    def put(self, resource: str, row: Row, *, bump: bool = True) -> Row:
        """Store a new row or the next revision of one; returns the stored row.

        `bump` False leaves UpdatedDateUTC alone, and then nobody is told either.
        """
        field = ID_FIELDS[resource]
        row_id = row.get(field)
        old = self.tables[resource].get(row_id) if row_id else None
        if old is None:
            row[field] = row_id or self.new_id()
            self._count += 1
            row["_order"] = self._count
            row["_created"] = self.now()
        else:
            self._unindex(resource, old)
        if bump or old is None:
            row["UpdatedDateUTC"] = self.now()
            self._note(resource, row, "UPDATE" if old else "CREATE")
        self.tables[resource][row[field]] = row
        self._index(resource, row)
        return row

    def discard(self, resource: str, row_id: str) -> None:
        """Take a row out for good."""
        self._unindex(resource, self.get(resource, row_id))
        del self.tables[resource][row_id]

    def link(self, payment: Row) -> None:
        """Remember what a payment pays."""
        document = payment["_target"]
        self.payments[document] = (*self.payments.get(document, ()), payment["PaymentID"])

    def link_credit(self, invoice_id: str, credit: Document) -> None:
        """Remember that a credit is used on an invoice."""
        known = self.credits.get(invoice_id, ())
        if credit not in known:
            self.credits[invoice_id] = (*known, credit)

    def record(self, row_id: str, details: str, changes: str = "Note") -> Row:
        """Add a note to the history of a row; the newest is shown first."""
        note = {
            "Changes": changes,
            "DateUTCString": self.now().strftime("%Y-%m-%d %H:%M:%S"),
            "DateUTC": self.now(),
            "User": "System Generated",
            "Details": details,
        }
        self.history[row_id] = (note, *self.history.get(row_id, ()))
        return note

    # -- inside ----------------------------------------------------------------------
    def _note(self, resource: str, row: Row, operation: str) -> None:
        category = _TOLD.get(resource)
        if category is None:
            return
        data: tuple[tuple[str, str], ...] = ()
        if category == "CREDITNOTE":
            data = (("Type", row["Type"]), ("Status", row["Status"]))
        at = self.backdated or self.clock.now()
        row_id = row[ID_FIELDS[resource]]
        self.changes.append(Change(category, row_id, operation, at, resource, data))

    def _index(self, resource: str, row: Row) -> None:
        if resource in _NUMBERS and row.get(_NUMBERS[resource]):
            key = (resource, str(row[_NUMBERS[resource]]).casefold())
            self.numbers[key] = (*self.numbers.get(key, ()), row[ID_FIELDS[resource]])
        if resource == "Contacts":
            for name in _contact_keys(row):
                self.names[name] = self.names.get(name, frozenset()) | {row["ContactID"]}
        if "_contact" in row:
            document = (resource, row[ID_FIELDS[resource]])
            self.of_contact.setdefault(row["_contact"], {})[document] = None
            self._count_in(row, 1)

    def _unindex(self, resource: str, row: Row) -> None:
        row_id = row[ID_FIELDS[resource]]
        if resource in _NUMBERS and row.get(_NUMBERS[resource]):
            key = (resource, str(row[_NUMBERS[resource]]).casefold())
            self.numbers[key] = tuple(each for each in self.numbers[key] if each != row_id)
            if not self.numbers[key]:
                del self.numbers[key]
        if resource == "Contacts":
            for name in _contact_keys(row):
                self.names[name] = self.names[name] - {row_id}
        if "_contact" in row:
            self.of_contact[row["_contact"]].pop((resource, row_id), None)
            self._count_in(row, -1)

    def _count_in(self, row: Row, sign: int) -> None:
        if row["Status"] != "DELETED":
            key = (row["_contact"], row["Type"].startswith("ACCPAY"))
            self.counted[key] = self.counted.get(key, 0) + sign

    def outstanding(self, row: Row) -> Decimal:
        """What is still to be settled of an invoice, or left of a credit."""
        return Decimal(row["AmountDue"] if "AmountDue" in row else row["RemainingCredit"])


def folded(name: str) -> str:
    """A name as names are compared: trimmed, in one case."""
    return name.strip().casefold()


def _contact_keys(row: Row) -> list[tuple[str, str]]:
    fields = ("Name", "ContactNumber", "AccountNumber")
    return [(field, folded(row[field])) for field in fields if row.get(field)]
