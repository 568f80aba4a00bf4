"""What the scenarios ask of both sides' books, in a bookkeeper's terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal

from tests.scenarios.carried import records_in
from tests.scenarios.firm import JANUARY, Firm
from tieout.billing.inputs import Period
from tieout.model.document import Document, DocumentStatus
from tieout.reconcile.run import Reconciled, reconcile
from tieout.sandbox.core import Call
from tieout.store import documents, outbox, projects
from tieout.store.outbox import OutboxRow, OutboxState
from tieout.sync.approve import approve
from tieout.sync.bill import bill
from tieout.sync.doubts import LOOK_AGAIN_S
from tieout.sync.push import Pushed, push

#: Rounds of pushing after which everything must be settled.
ROUNDS = 8


def ready_to_push(firm: Firm, period: Period = JANUARY) -> list[Document]:
    """Pull, look at the ledger, bill a month and approve it; the approved documents."""
    firm.pull()
    firm.look_at_the_ledger()
    return billed_and_approved(firm, period)


def billed_and_approved(firm: Firm, period: Period) -> list[Document]:
    bill(firm.engine, period)
    return list(approve(firm.engine, everything=True).documents)


def issued(firm: Firm) -> list[Document]:
    """Our approved documents, by number."""
    with firm.engine.store.read() as tx:
        found = [d for d in documents.list_documents(tx) if d.status is not DocumentStatus.DRAFT]
    return sorted(found, key=lambda document: document.number)


def statuses(firm: Firm) -> dict[str, str]:
    return {document.number: document.status.value for document in issued(firm)}


def code_of(firm: Firm, document: Document) -> str:
    """The code of the one project a document bills."""
    (project_id,) = document.project_ids
    with firm.engine.store.read() as tx:
        found = projects.get_project(tx, project_id)
    assert found is not None
    return found.code


def totals_by_code(firm: Firm, made: list[Document]) -> dict[str, int]:
    """Whole cents by project code."""
    return {code_of(firm, document): cents(document.total.amount) for document in made}


def expected_by_code(firm: Firm, period: Period) -> dict[str, int]:
    """The same from the plan of the firm: integers, never the product's arithmetic."""
    facts, month = firm.facts, period.start
    totals = {
        project.code: facts.time_cents[project.code, month] + facts.fee_cents[project.code, month]
        for project in facts.projects
    }
    return {code: total for code, total in totals.items() if total}


def cents(amount: Decimal) -> int:
    assert amount * 100 % 1 == 0
    return int(amount * 100)


# -- their side ---------------------------------------------------------------------------
def in_the_ledger(firm: Firm) -> list[tuple[str, int]]:
    """(number, cents) of every invoice over there that is not void, sorted."""
    return sorted(
        (each.number, cents(each.total)) for each in firm.world.ledger.invoices() if not each.voided
    )


def customers(firm: Firm) -> list[str]:
    return sorted(firm.world.ledger.customers().values())


def written(firm: Firm, calls: list[Call]) -> list[tuple[str, str]]:
    """What writing calls carried: ("customer", name) and ("invoice", number), in order."""
    slug = firm.world.ledger.vendor.slug
    return [record for call in calls for record in records_in(slug, call.body)]


def assert_each_once(firm: Firm) -> None:
    """Each of our documents is there once, to the cent; nothing else is there."""
    ours = [(document.number, cents(document.total.amount)) for document in issued(firm)]
    assert in_the_ledger(firm) == ours
    names = Counter(customers(firm))
    assert [name for name, count in names.items() if count > 1] == []


# -- the outbox ---------------------------------------------------------------------------
def rows(firm: Firm) -> list[OutboxRow]:
    with firm.engine.store.read() as tx:
        return outbox.list_rows(tx)


def unsettled(firm: Firm) -> list[str]:
    return [
        f"{row.writer} {row.subject_id}: {row.state.value} {row.error_class} {row.error_text}"
        for row in rows(firm)
        if row.state is not OutboxState.CONFIRMED
    ]


def push_until_settled(
    firm: Firm, between: Callable[[], None] = lambda: None, wait_s: float = LOOK_AGAIN_S + 1
) -> list[Pushed]:
    """Push, wait, push again, until the outbox is all confirmed; each push's outcome."""
    done: list[Pushed] = []
    for _ in range(ROUNDS):
        done.append(push(firm.engine))
        if not unsettled(firm):
            return done
        between()
        firm.clock.advance(wait_s)
    raise AssertionError(f"not settled after {ROUNDS} pushes: {unsettled(firm)}")


# -- the proof ------------------------------------------------------------------------------
def reconciled(firm: Firm) -> Reconciled:
    """Look at the ledger, then compare."""
    firm.look_at_the_ledger()
    engine = firm.engine
    return reconcile(
        engine.workspace,
        engine.store,
        list(engine.connections.values()),
        engine.ledger(),
        firm.folder / "reports",
    )


def classes(done: Reconciled) -> list[str]:
    return sorted(one.cls.value for one in done.comparison.discrepancies)
