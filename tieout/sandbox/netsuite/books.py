"""The operations of one account: create, change, delete, transform.

`Books` merges what is sent into the stored record, has the rules of its type check and
complete it, and stores it. Every refusal is an `ApiError`; after one, nothing has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tieout.clock import Clock
from tieout.sandbox.netsuite import errors, lists, sales, settling, timework
from tieout.sandbox.netsuite.acts import Acts
from tieout.sandbox.netsuite.clean import Cleaner, Sent, merged
from tieout.sandbox.netsuite.fields import SETTLERS, TYPES
from tieout.sandbox.netsuite.settings import Settings
from tieout.sandbox.netsuite.store import Store
from tieout.sandbox.netsuite.wire import Row


@dataclass
class Draft:
    """A record being made: its next state, its present one, and what the caller said."""

    kind: str
    row: Row
    old: Row | None
    sent: Sent
    warnings: list[str] = field(default_factory=list)
    later: list[Callable[[], object]] = field(default_factory=list)  # once it is stored

    def names(self, name: str) -> bool:
        """Whether the caller sent a body field with a value."""
        return name in self.sent.values

    def changed(self, name: str) -> bool:
        """Whether a value differs from the stored one."""
        return self.old is None or self.old.get(name) != self.row.get(name)


#: A script of the account: sees a draft before it is stored, may change or refuse it.
Script = Callable[[Draft], None]
Prepare = Callable[["Books", Draft], None]

_PREPARE: dict[str, Prepare] = {
    "customer": lists.customer,
    "job": lists.job,
    "employee": lists.person,
    "contact": lists.person,
    "serviceSaleItem": lists.item,
    "customerSubsidiaryRelationship": lists.relationship,
    "invoice": sales.prepare,
    "creditMemo": sales.prepare,
    "customerPayment": settling.payment,
    "customerDeposit": settling.deposit,
    "depositApplication": settling.deposit_application,
    "journalEntry": settling.journal,
    "timeBill": timework.prepare,
}


class Books(Acts, Store):
    """The books of one account, for the API and for people."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        super().__init__(clock, settings)
        self.rates: dict[str, list[tuple[str, Any]]] = {}  # currency id -> (from day, rate)
        #: User Event scripts installed in the account: run before a record is stored.
        self.scripts: list[Script] = []
        self.numbers: dict[str, int] = {}  # the last automatic number of each type

    # -- the API's operations ---------------------------------------------------------
    def create(
        self, kind: str, payload: Any, *, external_id: str = "", cleaner: Cleaner | None = None
    ) -> Draft:
        """Store a new record; the draft holds the stored row and the warnings."""
        sent = (cleaner or Cleaner(self)).body(TYPES[kind], payload)
        if external_id:
            sent.values["externalId"] = external_id
        return self._carried_out(self._new(kind, sent))

    def defaults(self, kind: str, payload: Any, old: Row | None = None) -> Row:
        """What a new or changed record would hold, without storing it (`type=create-form`).

        A form that lacks what its defaults come from shows what was sent.
        """
        sent = Cleaner(self).body(TYPES[kind], payload)
        draft = self._new(kind, sent)
        if old is not None:
            return old | sent.values
        if kind in ("invoice", "creditMemo") and draft.row.get("entity"):
            sales.header(self, draft)
        elif TYPES[kind].transaction:
            draft.row.setdefault("tranDate", self.today())
        return draft.row

    def update(
        self,
        kind: str,
        row_id: str,
        payload: Any,
        *,
        replace: Iterable[str] = (),
        selected: bool = False,
        cleaner: Cleaner | None = None,
    ) -> Draft:
        """Change a record; omitted fields stay, null clears.

        `replace` names the sublists whose lines the body replaces; with `selected` only the
        body fields it names are cleared by null.
        """
        old = self.get(kind, row_id)
        self._check_unlocked(kind, row_id)
        sent = (cleaner or Cleaner(self)).body(TYPES[kind], payload)
        named = {name.strip().lower() for name in replace}
        cleared = {name for name in sent.nulls if not selected or name.lower() in named}
        row = {name: value for name, value in old.items() if name not in cleared}
        row |= sent.values
        for name, lines in sent.lists.items():
            sublist = TYPES[kind].lists[name.lower()]
            whole = name.lower() in named
            row[name] = merged(sublist, old.get(name, []), lines, replaced=whole)
        return self._carried_out(Draft(kind, row, old, sent))

    def transform(
        self,
        row_id: str,
        target: str,
        payload: Any,
        *,
        replace: Iterable[str] = (),
        cleaner: Cleaner | None = None,
    ) -> Draft:
        """Make a credit memo or a payment from an invoice; the body changes what is copied."""
        invoice = self.get("invoice", row_id)
        copied = sales.copied(self, invoice, target)
        sent = (cleaner or Cleaner(self)).body(TYPES[target], payload)
        if target == "creditMemo":
            settling.check_names_invoice(sent, row_id)
        named = {name.strip().lower() for name in replace}
        row = copied | sent.values
        for name, lines in sent.lists.items():
            sublist = TYPES[target].lists[name.lower()]
            whole = name.lower() in named
            row[name] = merged(sublist, copied.get(name, []), lines, replaced=whole)
        return self._carried_out(Draft(target, row, None, sent))

    def delete(self, kind: str, row_id: str) -> None:
        """Remove a record that nothing depends on."""
        row = self.get(kind, row_id)
        self._check_unlocked(kind, row_id)
        self._check_free(kind, row)
        if TYPES[kind].transaction:
            sales.check_open(self, row)
        touched = [line["doc"] for line in row.get("apply", ())]
        self.remove(kind, row_id)
        self.touch_invoices(touched)
        if kind == "invoice":
            timework.release(self, row)
        self.touch_deposit(row)

    def touch_deposit(self, application: Row) -> None:
        """A deposit shows what is left of it: it changes with each of its applications."""
        deposit = self.find("customerDeposit", str(application.get("deposit", "")))
        if deposit is not None:
            self.put("customerDeposit", dict(deposit))

    def touch_invoices(self, ids: Iterable[str]) -> None:
        """The invoices whose settlement changed count as modified, if the account says so."""
        for each in dict.fromkeys(ids):
            invoice = self.tables["invoice"].get(each)
            if invoice is not None:
                self.put("invoice", dict(invoice), quiet=not self.settings.touch_on_apply)

    # -- inside -----------------------------------------------------------------------
    def _new(self, kind: str, sent: Sent) -> Draft:
        row = dict(sent.values)
        for name, lines in sent.lists.items():
            row[name] = merged(TYPES[kind].lists[name.lower()], [], lines, replaced=False)
        return Draft(kind, row, None, sent)

    def _carried_out(self, draft: Draft) -> Draft:
        kind, row, old = draft.kind, draft.row, draft.old
        draft.warnings = list(draft.sent.warnings)
        if row.get("externalId"):
            self.check_external(kind, row["externalId"], row.get("id", ""))
        self._check_form(draft)
        _PREPARE.get(kind, _nothing)(self, draft)
        for script in self.scripts:
            script(draft)
        draft.row = self.put(kind, row)
        if kind in SETTLERS:
            before = [(line["doc"], line["amount"]) for line in (old or {}).get("apply", ())]
            after = [(line["doc"], line["amount"]) for line in draft.row.get("apply", ())]
            changed = [doc for doc, amount in before if (doc, amount) not in after]
            changed += [doc for doc, amount in after if (doc, amount) not in before]
            self.touch_invoices(changed)
        for work in draft.later:
            work()
        if kind == "invoice":
            timework.bill(self, draft.row, old)
        draft.row = self.get(kind, draft.row["id"])
        return draft

    def _check_form(self, draft: Draft) -> None:
        """Raises for a field that the form makes mandatory and that is not there."""
        form = str(draft.row.get("customForm") or self.settings.default_form)
        wanted = self.settings.forms.get(form, {}).get(draft.kind, ())
        for name in wanted:
            sublist, _, column = name.rpartition(".")
            if not sublist and not draft.row.get(name):
                raise errors.missing(_label(name), name)
            for index, line in enumerate(draft.row.get(sublist, ()) if sublist else ()):
                if not line.get(column):
                    path = f"{sublist}.items[{index}].{column}"
                    raise errors.missing(_label(column), path)

    def _check_unlocked(self, kind: str, row_id: str) -> None:
        if (kind, row_id) in self.workflow_locks:
            raise errors.locked()

    def _check_free(self, kind: str, row: Row) -> None:
        """Raises when other records depend on this one."""
        row_id = row["id"]
        used = bool(self.of_owner.get(row_id)) if TYPES[kind].space == "entity" else False
        if kind == "customer":
            used = used or any(each.get("parent") == row_id for each in self.rows("job"))
            used = used or any(each.get("parent") == row_id for each in self.rows("customer"))
        if kind in ("customer", "job", "employee"):
            used = used or any(
                row_id in (each.get("customer"), each.get("employee"))
                for each in self.rows("timeBill")
            )
        if kind == "invoice":
            used = bool(self.applied.get(row_id))
        if kind == "customerDeposit":
            used = any(each["deposit"] == row_id for each in self.rows("depositApplication"))
        if kind == "serviceSaleItem":
            used = any(
                line.get("item") == row_id
                for sale in ("invoice", "creditMemo")
                for each in self.rows(sale)
                for line in each["item"]
            )
        if kind == "timeBill":
            used = bool(row.get("_invoice"))
        if used:
            raise errors.dependent()


def _nothing(books: Books, draft: Draft) -> None:
    """For record types without rules of their own."""


def _label(name: str) -> str:
    """A field name as forms write it: `postingPeriod` is Posting Period."""
    words = "".join(f" {each}" if each.isupper() else each for each in name)
    return words[:1].upper() + words[1:]
