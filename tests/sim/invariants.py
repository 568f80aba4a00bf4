"""What must hold when a history is over, checked from the vendors' books and the source data.

Nothing here uses the product's arithmetic or its readers: amounts are whole cents, our side
is read with SQL, and what must stand in the ledger is counted from the time tool's entries.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.sim.acts import SAID
from tieout.sandbox.ledgers import Invoice, Line

if TYPE_CHECKING:
    from tests.sim.history import History


def broken(history: History) -> list[str]:
    """Everything that does not hold, in a sentence each; empty when all is well."""
    return [
        *history.watch.broken,
        *_once_each(history),
        *_amounts(history),
        *_lines(history),
        *_credits(history),
        *_corrected(history),
        *_files(history),
        *_released(history),
        *_payments(history),
        *_settled(history),
        *_said(history),
        *_audited(history),
        *_secrets(history),
    ]


def cents(amount: Decimal | str) -> int:
    whole = Decimal(amount) * 100
    assert whole % 1 == 0, f"{amount} is not whole cents"
    return int(whole)


# -- their side ------------------------------------------------------------------------------
def _files(history: History) -> list[str]:
    """Each file once on its invoice, and every one that is said to be there."""
    hung = Counter((file.invoice_id, file.name) for file in history.world.ledger.files())
    told = [f"the file {name} is there {n} times" for (_, name), n in hung.items() if n > 1]
    said = history.ask(
        "SELECT number FROM documents JOIN outbox ON documents.id = outbox.subject_id "
        "WHERE outbox.writer = 'timesheet' AND outbox.state = 'confirmed'"
    )
    names = {name for _, name in hung}
    return told + [
        f"the file of {number} is lost"
        for (number,) in said
        if f"{number}-timesheet.csv" not in names
    ]


def as_pushed(history: History) -> list[Invoice]:
    """Every invoice of ours over there as it was before anybody touched it."""
    live = {invoice.number: invoice for invoice in _ours_there(history)}
    for number, touched in history.acts.touched.items():
        live[number] = touched.before
    return list(live.values())


def _ours_there(history: History) -> list[Invoice]:
    return [invoice for invoice in history.world.ledger.invoices() if invoice.key]


def _once_each(history: History) -> list[str]:
    """One record for each approved document, each key and each customer's name once."""
    told = []
    ours = _ours_there(history)
    keys = Counter(invoice.key for invoice in ours)
    numbers = Counter(invoice.number for invoice in ours)
    names = Counter(history.world.ledger.customers().values())
    for what, counts in (("key", keys), ("number", numbers), ("customer", names)):
        told += [f"{what} {one} is there {n} times" for one, n in counts.items() if n > 1]
    approved = {
        number
        for (number,) in history.ask(
            "SELECT number FROM documents WHERE status != 'draft' AND kind = 'invoice'"
        )
    }
    there = {invoice.number for invoice in as_pushed(history)}
    told += [f"{number} is lost" for number in sorted(approved - there)]
    told += [f"{number} is there and was never approved" for number in sorted(there - approved)]
    return told


def _amounts(history: History) -> list[str]:
    """For each project and month, what was invoiced is what was worked and sold."""
    code_of = {each.name: each.code for each in history.facts.projects}
    billed: Counter[tuple[str, date]] = Counter()
    for invoice in as_pushed(history):
        month = invoice.day.replace(day=1)
        total = cents(invoice.total) - _free_again(history, invoice)
        billed[code_of[invoice.memo], month] += total
    told = []
    for place, due in expected(history).items():
        if billed[place] != due:
            told.append(f"{place[0]} {place[1]:%Y-%m}: {billed[place]} cents, not {due}")
    return told


# -- what we took back ---------------------------------------------------------------------
def _notes(history: History) -> list[dict[str, Any]]:
    """Our approved credit notes, with the number of the invoice of each."""
    query = (
        "SELECT c.number, c.body, i.number FROM documents c JOIN documents i "
        "ON i.id = json_extract(c.body, '$.credits') WHERE c.kind = 'credit_note' "
        "AND c.status != 'draft'"
    )
    return [
        {"number": number, "invoice": invoice, "body": json.loads(body)}
        for number, body, invoice in history.ask(query)
    ]


def _memos(history: History) -> list[Invoice]:
    return [memo for memo in history.world.ledger.credits() if memo.key]


def _void_order(history: History, number: str) -> dict[str, Any] | None:
    query = (
        "SELECT o.body FROM orders o JOIN documents d ON d.id = o.document_id "
        "WHERE o.writer = 'void' AND d.number = ?"
    )
    found = history.ask(query, number)
    order: dict[str, Any] | None = json.loads(found[0][0]) if found else None
    return order


def _free_again(history: History, invoice: Invoice) -> int:
    """Cents of an invoice whose work was made billable again, by what stands in the ledger."""
    order = _void_order(history, invoice.number)
    if order is not None and order["releases"]:
        return cents(invoice.total)
    notes = [note for note in _notes(history) if note["invoice"] == invoice.number]
    free = {note["number"] for note in notes if note["body"]["releases"]}
    return sum(cents(memo.total) for memo in _memos(history) if memo.number in free)


def _credits(history: History) -> list[str]:
    """Each credit note is there once, of the lines of its invoice, and used up by that."""
    told = []
    memos = {memo.number: memo for memo in _memos(history)}
    if len(memos) != len(_memos(history)):
        told.append("a credit memo is there twice")
    before = {invoice.number: invoice for invoice in as_pushed(history)}
    now = {invoice.number: invoice for invoice in _ours_there(history)}
    taken: Counter[str] = Counter()
    for note in _notes(history):
        memo = memos.pop(note["number"], None)
        if memo is None:
            told.append(f"{note['number']} is lost")
            continue
        sold = {_sale(line) for line in before[note["invoice"]].lines}
        if any(_sale(line) not in sold for line in memo.lines):
            told.append(f"{note['number']} credits what {note['invoice']} does not have")
        if memo.balance:
            told.append(f"{memo.balance} of {note['number']} is not used")
        taken[note["invoice"]] += cents(memo.total)
    told += [f"{number} is there and was never approved" for number in memos]
    for number, amount in taken.items():
        total, left = cents(before[number].total), cents(now[number].balance)
        if amount > total or left != total - amount:
            told.append(f"{number} of {total} cents is credited by {amount}, {left} are open")
    return told


def _corrected(history: History) -> list[str]:
    """Each invoice falls due on the day that our bookkeeper corrected it to."""
    query = (
        "SELECT d.number, o.body FROM orders o JOIN documents d ON d.id = o.document_id "
        "WHERE o.writer = 'correction'"
    )
    now = {invoice.number: str(invoice.due) for invoice in _ours_there(history)}
    wanted = {number: json.loads(body)["due_date"] for number, body in history.ask(query)}
    return [
        f"{number} falls due on {now.get(number)}, not {due}"
        for number, due in wanted.items()
        if now.get(number) != due
    ]


def _sale(line: Line) -> tuple[Decimal, Decimal, Decimal]:
    """What a line sells."""
    return line.quantity, line.rate, line.amount


def _released(history: History) -> list[str]:
    """Voids are done there and here; work is on one live document at most."""
    told = []
    there = {invoice.number: invoice for invoice in _ours_there(history)}
    for number, status in history.ask(
        "SELECT number, status FROM documents WHERE kind = 'invoice'"
    ):
        if _void_order(history, number) is None:
            if status == "void":
                told.append(f"{number} is void and nobody ordered it")
        elif status != "void" or not there[number].voided:
            told.append(f"{number} was ordered to be void and is {status}")
    twice = history.ask(
        "SELECT work_id FROM billed_work WHERE live GROUP BY work_id HAVING count(*) > 1"
    )
    return [*told, *(f"work {work} is billed twice" for (work,) in twice)]


def expected(history: History) -> Counter[tuple[str, date]]:
    """Cents by project and month: the time tool's entries at the firm's rates, and the fees."""
    account, facts = history.world.harvest.account, history.facts
    code_of = {each.harvest_id: each.code for each in facts.projects}
    quarter = {
        user: facts.rates[person.role]
        for user, row in account.users.items()
        for person in facts.people
        if person.email == row["email"]
    }
    due: Counter[tuple[str, date]] = Counter(facts.fee_cents)
    for entry in account.entries.values():
        approved = entry.is_closed and account.is_billable(entry)
        if approved and entry.project_id in code_of:
            seconds = int(entry.base_hours * 3600)
            rate = cents(quarter[entry.user_id])
            assert seconds * rate % 3600 == 0
            month = entry.spent_date.replace(day=1)
            due[code_of[entry.project_id], month] += seconds * rate // 3600
    return due


def _lines(history: History) -> list[str]:
    """On every line quantity x rate is the amount; the lines come to the total."""
    told = []
    for invoice in as_pushed(history):
        total = sum(cents(line.amount) for line in invoice.lines)
        if total != cents(invoice.total) or not invoice.lines:
            told.append(f"{invoice.number}: lines {total}, total {cents(invoice.total)}")
        told += [
            f"{invoice.number}: {line.text} does not multiply"
            for line in invoice.lines
            if line.quantity * line.rate != line.amount
        ]
    return told


# -- payments --------------------------------------------------------------------------------
def _payments(history: History) -> list[str]:
    """Every payment over there is known here to the cent, and balances agree.

    What sets a credit note against an invoice is no money: `_credits` looks at it.
    """
    theirs = {
        each.id: (cents(each.total), cents(each.unapplied))
        for each in history.world.ledger.receipts()
        if each.total
    }
    ours = {}
    for (text,) in history.ask("SELECT body FROM facts WHERE kind = 'payment' AND deleted = 0"):
        body = json.loads(text)
        amounts = cents(body["total"]["amount"]), cents(body["unapplied"]["amount"])
        if amounts != (0, 0):
            ours[body["remote_id"]] = amounts
    told = [] if ours == theirs else [f"payments here {ours}, there {theirs}"]
    there = {invoice.number: invoice for invoice in _ours_there(history)}
    credited = {note["invoice"] for note in _notes(history)}
    for number, status in history.ask("SELECT number, status FROM documents"):
        invoice = there.get(number)
        if invoice is None or number in _untold(history) or invoice.voided:
            continue
        total, balance = cents(invoice.total), cents(invoice.balance)
        due = "pushed" if balance == total else "part_paid" if balance else "paid"
        if number in credited:  # nobody pays what our bookkeeper has credited
            due = "pushed" if balance else "credited"
        if status != due:
            told.append(f"{number} is {status} here and {due} there")
    return told


def _untold(history: History) -> set[str]:
    """Invoices that were touched before our side knew of them as confirmed."""
    return {n for n, touched in history.acts.touched.items() if not touched.settled}


# -- our side --------------------------------------------------------------------------------
def _settled(history: History) -> list[str]:
    """Every write is confirmed, or held with a reason that somebody's act explains."""
    told = []
    numbers = dict(history.ask("SELECT id, number FROM documents"))
    rows = history.ask("SELECT subject_id, state, error_text, writer FROM outbox")
    for subject, state, text, writer in rows:
        name = numbers.get(subject, f"{writer} {subject}")
        if state == "held" and text and name in _untold(history):
            continue
        if state != "confirmed":
            told.append(f"{name} is {state}: {text or 'without a word'}")
    drafts = history.ask("SELECT count(*) FROM documents WHERE status = 'draft'")[0][0]
    return [*told, f"{drafts} drafts are left"] if drafts else told


def _said(history: History) -> list[str]:
    """The reconciliation says what people did over there, and nothing else."""
    said = Counter(one.cls.value for one in history.proof.comparison.discrepancies)
    if _untold(history):
        return []  # what it must say then depends on the moment; that it says so is R-tested
    due: Counter[str] = Counter()
    for touched in history.acts.touched.values():
        due.update(SAID[touched.act])
    # A payment nobody applied may have been used up since, by an invoice that came later; one
    # of a customer who never got an invoice of ours is not ours to tell of.
    ours = {
        remote for (remote,) in history.ask("SELECT remote_id FROM refs WHERE kind = 'customer'")
    }
    for receipt in history.world.ledger.receipts():
        if cents(receipt.unapplied) and receipt.customer_id in ours:
            due["R10"] += 1
    return [] if said == due else [f"the report says {dict(said)}, not {dict(due)}"]


def _audited(history: History) -> list[str]:
    return [] if history.chain is None else [history.chain.text]


def _secrets(history: History) -> list[str]:
    """No credential and no token, in whatever writing, in a log or a report."""
    texts = [*history.logs, *(text for _, _, text in history.kernel.log)]
    texts += [path.read_text() for path in (history.folder / "reports").rglob("*.*")]
    whole = "\n".join(texts)
    told = []
    for secret in history.secrets_ever:
        writings = {secret, quote(secret), base64.b64encode(secret.encode()).decode()}
        if any(one in whole for one in writings):
            told.append("a secret is in a log or a report")
    return told
