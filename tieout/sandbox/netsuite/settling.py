"""What settles invoices: payments, credit memos, deposits and their `apply` lines.

The amount applied to an invoice never exceeds what is due on it, and the amount a
document applies never exceeds what it is worth; the rest is unapplied.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from tieout.sandbox.netsuite import checks, errors, lists, sales
from tieout.sandbox.netsuite.wire import ZERO, Row, rounded

if TYPE_CHECKING:
    from tieout.sandbox.netsuite.books import Books, Draft
    from tieout.sandbox.netsuite.clean import Sent


def payment(books: Books, draft: Draft) -> None:
    """Check and complete a payment."""
    row = draft.row
    customer = _header(books, draft)
    _bank(books, draft)
    places = checks.places(books, row["currency"])
    # Without an amount of its own the payment is what it applies, also later.
    row["_follows"] = not draft.names("payment") and (draft.old or {"_follows": True})["_follows"]
    worth = None if row["_follows"] else rounded(row["payment"], places)
    used = _used(books, draft)
    available = None if worth is None else worth + sum(used.values(), ZERO)
    wanted = _applied(books, draft, customer, available)
    if row.get("autoApply") and available is not None:
        wanted = _auto(books, draft, customer, wanted, available)
    row.pop("credit", None)
    row.pop("deposit", None)
    row["apply"] = _spread(books, draft, wanted, used)
    applied = sum((line["amount"] for line in row["apply"]), ZERO)
    row["payment"] = row["total"] = applied if worth is None else worth
    if applied > row["payment"]:
        raise errors.user_error("The amount applied is more than the payment.", "apply")
    if row["payment"] < 0 or (not row["payment"] and not used and not row.get("_voided")):
        raise errors.missing("Payment Amount", "payment")
    _count(row)


def credit_memo(books: Books, draft: Draft) -> None:
    """Check what a credit memo is applied to; its totals are reckoned already."""
    row = draft.row
    customer = books.customer_of(row["entity"])
    assert customer is not None
    wanted = _applied(books, draft, customer, row["total"])
    if row.get("autoApply"):
        wanted = _auto(books, draft, customer, wanted, row["total"])
    row["apply"] = wanted
    _count(row)


def deposit(books: Books, draft: Draft) -> None:
    """Money taken before there is an invoice."""
    row = draft.row
    _header(books, draft)
    _bank(books, draft)
    if not row.get("payment") or row["payment"] < 0:
        raise errors.missing("Payment Amount", "payment")
    row["payment"] = row["total"] = rounded(row["payment"], checks.places(books, row["currency"]))


def deposit_application(books: Books, draft: Draft) -> None:
    """The use of a deposit on invoices."""
    row = draft.row
    source = books.get("customerDeposit", row["deposit"])
    customer = _header(books, draft)
    left = lists.left_of_deposit(books, source)
    row["apply"] = _applied(books, draft, customer, left)
    if not row["apply"]:
        raise errors.missing("Amount", "apply")
    row["total"] = sum((line["amount"] for line in row["apply"]), ZERO)
    _count(row)
    draft.later.append(partial(books.touch_deposit, row))


def journal(books: Books, draft: Draft) -> None:
    """A journal entry: its lines must balance."""
    row = draft.row
    row.setdefault("subsidiary", checks.home(books))
    row.setdefault("currency", checks.base_currency(books, row["subsidiary"]))
    row["exchangeRate"] = Decimal(1)
    row.setdefault("tranDate", books.today())
    checks.open_period(books, draft)
    debits = sum((line.get("debit", ZERO) for line in row["line"]), ZERO)
    credits_ = sum((line.get("credit", ZERO) for line in row["line"]), ZERO)
    if debits != credits_ or not debits:
        raise errors.user_error("The amounts in this journal entry do not balance.")
    row["line"] = [{"line": index, **line} for index, line in enumerate(row["line"])]
    row["total"] = debits
    row["approved"] = True
    sales.numbered(books, draft)


def check_names_invoice(sent: Sent, invoice_id: str) -> None:
    """An invoice becomes a credit memo only with the invoice in its apply lines."""
    named = [line.get("doc") for line in sent.lists.get("apply", ())]
    if invoice_id not in named:
        raise errors.missing("Apply", "apply.items[0].doc")


# -- inside --------------------------------------------------------------------------
def _header(books: Books, draft: Draft) -> Row:
    row = draft.row
    if draft.old is not None and draft.old.get("_voided"):
        raise errors.user_error("This transaction has been voided and cannot be edited.")
    if not row.get("customer"):
        raise errors.missing("Customer", "customer")
    customer = sales.owner(books, draft, "customer")
    row.setdefault("tranDate", books.today())
    sales.subsidiary(books, draft, customer)
    checks.document_currency(books, draft, customer)
    checks.open_period(books, draft)
    checks.segments(books, row, row["subsidiary"], draft.old or {})
    sales.numbered(books, draft)
    return customer


def _bank(books: Books, draft: Draft) -> None:
    """Where the money went: a bank account, or undeposited funds until it is banked."""
    row = draft.row
    if draft.names("account"):
        row["undepFunds"] = row["account"] == sales.account(books, "OthCurrAsset")["id"]
    elif row.get("account") is None:
        row.setdefault("undepFunds", True)
        row["account"] = sales.account(books, "OthCurrAsset" if row["undepFunds"] else "Bank")["id"]
    row.setdefault("arAcct", sales.account(books, "AcctRec")["id"])
    row["status"] = "B" if row["undepFunds"] else "C"


def _count(row: Row) -> None:
    row["applied"] = sum((line["amount"] for line in row["apply"]), ZERO)
    row["unapplied"] = row["total"] - row["applied"]


def _applied(books: Books, draft: Draft, customer: Row, available: Decimal | None) -> list[Row]:
    """The apply lines that stay: each checked, `apply: false` and zero amounts taken out."""
    done: dict[str, Row] = {}
    left = available
    own = {line["doc"]: line["amount"] for line in (draft.old or {}).get("apply", ())}
    for index, line in enumerate(draft.row.get("apply", ())):
        path = f"apply.items[{index}]"
        if not line.get("doc"):
            raise errors.missing("Doc", f"{path}.doc")
        if line.get("apply") is False or line.get("amount") == 0:
            continue
        invoice = _payable(books, draft, customer, line["doc"], path)
        due = books.due(invoice) + own.get(line["doc"], ZERO)
        earlier = done.get(line["doc"], {"amount": ZERO})["amount"]
        amount = line.get("amount")
        if amount is None:
            amount = due - earlier if left is None else min(due - earlier, left)
        amount = rounded(amount, checks.places(books, draft.row["currency"]))
        if amount < 0 or amount + earlier > due:
            raise errors.user_error(
                "The amount applied is more than the amount due on the transaction.",
                f"{path}.amount",
            )
        if amount:
            done[line["doc"]] = {"doc": line["doc"], "apply": True, "amount": amount + earlier,
                                 "line": line.get("line", 0)}  # fmt: skip
        left = None if left is None else left - amount
    if left is not None and left < 0:
        raise errors.user_error("The amount applied is more than what there is to apply.", "apply")
    return list(done.values())


def _payable(books: Books, draft: Draft, customer: Row, invoice_id: str, path: str) -> Row:
    invoice = books.find("invoice", invoice_id)
    theirs = books.customer_of(invoice["entity"]) if invoice else None
    if invoice is None or invoice["status"] != "A" or theirs is None:
        raise errors.not_allowed_value("doc", invoice_id, f"{path}.doc")
    if theirs["id"] != customer["id"]:
        raise errors.not_allowed_value("doc", invoice_id, f"{path}.doc")
    for name in ("currency", "subsidiary"):
        if invoice[name] != draft.row[name]:
            raise errors.not_allowed_value(name, draft.row[name], f"{path}.doc")
    return invoice


def _auto(
    books: Books, draft: Draft, customer: Row, lines: list[Row], available: Decimal
) -> list[Row]:
    """What is left goes to the oldest open invoices."""
    left = available - sum((line["amount"] for line in lines), ZERO)
    named = {line["doc"] for line in lines}
    own = {line["doc"]: line["amount"] for line in (draft.old or {}).get("apply", ())}
    invoices = sorted(
        books.owned(customer["id"], "invoice"), key=lambda each: str(each["tranDate"])
    )
    for invoice in invoices:
        same = all(invoice[name] == draft.row[name] for name in ("currency", "subsidiary"))
        amount = min(left, books.due(invoice) + own.get(invoice["id"], ZERO))
        if same and invoice["id"] not in named and invoice["status"] == "A" and amount > 0:
            lines.append({"doc": invoice["id"], "apply": True, "amount": amount, "line": 0})
            left -= amount
    return lines


# -- credits and deposits used by a payment ------------------------------------------
def _used(books: Books, draft: Draft) -> dict[tuple[str, str], Decimal]:
    """The credit memos and deposits that a payment brings along, with what they give."""
    found: dict[tuple[str, str], Decimal] = {}
    for name, kind in (("credit", "creditMemo"), ("deposit", "customerDeposit")):
        for index, line in enumerate(draft.sent.lists.get(name, ())):
            path = f"{name}.items[{index}]"
            if line.get("apply") is False or line.get("amount") == 0:
                continue
            source = books.find(kind, line.get("doc", ""))
            if source is None or source["currency"] != draft.row["currency"]:
                raise errors.not_allowed_value("doc", line.get("doc", ""), f"{path}.doc")
            credit = kind == "creditMemo"
            left = source["unapplied"] if credit else lists.left_of_deposit(books, source)
            amount: Decimal = line.get("amount") or left
            theirs = books.customer_of(source["entity" if credit else "customer"])
            mine = books.customer_of(draft.row["customer"])
            if amount > left or amount < 0 or theirs != mine:
                raise errors.not_allowed_value("doc", line["doc"], f"{path}.doc")
            found[(kind, line["doc"])] = amount
    return found


def _spread(
    books: Books, draft: Draft, lines: list[Row], used: dict[tuple[str, str], Decimal]
) -> list[Row]:
    """Let credits and deposits pay first; the payment keeps the rest of each line."""
    rest = [dict(line) for line in lines]
    for (kind, source), worth in used.items():
        parts: list[Row] = []
        for line in rest:
            amount = min(worth, line["amount"])
            if amount > 0:
                parts.append({"doc": line["doc"], "apply": True, "amount": amount, "line": 0})
                line["amount"] -= amount
                worth -= amount
        if worth:
            raise errors.user_error("The credits are more than the amount applied.", "credit")
        draft.later.append(partial(_use, books, kind, source, parts, draft))
    return [line for line in rest if line["amount"]]


def _use(books: Books, kind: str, source: str, parts: list[Row], draft: Draft) -> None:
    if kind == "customerDeposit":
        fields = {"customer": draft.row["customer"], "deposit": source,
                  "tranDate": draft.row["tranDate"]}  # fmt: skip
        books.apply_deposit(source, {line["doc"]: line["amount"] for line in parts}, **fields)
        return
    memo = books.get("creditMemo", source)
    amounts = {line["doc"]: line for line in memo["apply"]}
    for part in parts:
        before = amounts.get(part["doc"], {"amount": ZERO})["amount"]
        amounts[part["doc"]] = {**part, "amount": part["amount"] + before}
    row = {**memo, "apply": list(amounts.values())}
    _count(row)
    books.put("creditMemo", row)
    books.touch_invoices(line["doc"] for line in parts)
