"""Taxes that Tieout computes and sends, and what people are told of either side's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tieout.billing.taxes import (
    DocumentTax,
    NoRates,
    charged_before,
    mapped_tax,
    tax_day,
    tax_of,
)
from tieout.config import TaxRules
from tieout.connectors.base import CREDIT_NOTE, INVOICE, Family, LineCodes
from tieout.connectors.codes import LineTax
from tieout.model.document import Document, DocumentKind
from tieout.model.ids import SourceRef
from tieout.model.money import Money
from tieout.model.settlement import ListKind
from tieout.store import documents, facts, projects, refs
from tieout.store.core import Tx
from tieout.sync.engine import Engine
from tieout.sync.ledger_lists import LedgerLists


def tell(
    tx: Tx,
    engine: Engine,
    lists: LedgerLists,
    document: Document,
    lines: dict[str, LineCodes],
    problems: list[str],
) -> dict[str, LineCodes]:
    """The codes of a document's lines with the tax that the ledger is told of each.

    As they are where the ledger computes taxes, or where `problems` already keep the document
    here. What stands in the way is added to them, in words for whoever keeps the mapping.
    """
    rules, ledger = engine.workspace.ledger.taxes, engine.ledger()
    if rules.mode != "ours" or problems:
        return lines
    named = document.number or document.id
    refused = ledger.connector.refuses_taxes(ledger.settings, lists.country)
    if refused:
        problems.append(f"{named}: {refused}")
        return lines
    credited = documents.get(tx, document.credits) if document.credits else None
    found = tax_of(
        document,
        {line_id: codes.tax_code for line_id, codes in lines.items()},
        day=tax_day(document, credited),
        rules=rules,
        mode=engine.workspace.policies.rounding,
        charged=charged_before(document, credited, estimated(engine, tx, credited))
        if credited
        else {},
    )
    if isinstance(found, NoRates):
        problems += [_no_rate(named, code, found) for code in found.codes]
        return lines
    rates = _rates(lists)
    return {
        line_id: replace(
            codes,
            tax=LineTax(
                parts=tuple((part.percent, part.tax.amount) for part in found.parts[line_id]),
                rate_ids=rates.get(codes.tax_code_id, ()),
            ),
        )
        for line_id, codes in lines.items()
    }


def _no_rate(named: str, code: str, missing: NoRates) -> str:
    if not code:
        return (
            f"{named} has a line without a tax code, and Tieout is to compute the taxes: give each "
            "line one under tax_codes in mappings/ledger.yaml, also what bears no tax."
        )
    return (
        f"{named} has the tax code '{code}', and Tieout is to compute the taxes: a rate is needed "
        f"and none is known for {missing.day}. Write it under taxes.rates in mappings/ledger.yaml, "
        f'as "{code}" with `from` and `percent`; 0 for a code without tax. Nothing is ever sent '
        "with a tax that is not known."
    )


def _rates(lists: LedgerLists) -> Mapping[str, tuple[str, ...]]:
    """By tax code: the rates it is made of, where the ledger's list says so."""
    return {
        entry.remote_id: tuple(str(entry.details.get("sales_rates") or "").split())
        for entry in lists.of(ListKind.TAX_CODE)
    }


# -- in words ---------------------------------------------------------------------------
def who_computes(rules: TaxRules) -> str:
    """The mode of taxes in words."""
    if rules.mode == "ours":
        return "Taxes: Tieout computes them and sends them (taxes.mode is ours)."
    return "Taxes: the ledger computes them (taxes.mode is ledger)."


def explained(engine: Engine, tx: Tx, document: Document) -> tuple[str, ...]:
    """What is known of a document's tax: who computes it, each code, our figure and theirs."""
    rules = engine.workspace.ledger.taxes
    if len(engine.of_family(Family.LEDGER)) != 1:
        return ()
    if not rules.rates and rules.mode == "ledger":
        ours: DocumentTax | NoRates | None = None
    else:
        ours = estimated(engine, tx, document)
    theirs = _theirs(engine, tx, document)
    said = [who_computes(rules)]
    if isinstance(ours, DocumentTax):
        said += [f"{code}." for code in ours.codes]
        what = "Ours" if rules.mode == "ours" else "Our estimate"
        said.append(f"{what}: {ours.total}, {ours.rounded}.")
    elif isinstance(ours, NoRates):
        names = ", ".join(f"'{code}'" if code else "lines without a code" for code in ours.codes)
        said.append(f"Ours is not known: taxes.rates has no rate for {names} on {ours.day}.")
    if theirs is not None:
        said.append(f"In the ledger: {theirs}.")
    return tuple(said)


def estimated(engine: Engine, tx: Tx, document: Document) -> DocumentTax | NoRates | None:
    """The tax of a document by our rates; None where its lines cannot be mapped."""
    client = projects.get_client(tx, document.client_id)
    if client is None:
        return None
    credited = documents.get(tx, document.credits) if document.credits else None
    ids = {*document.project_ids, *(credited.project_ids if credited else ())}
    return mapped_tax(
        document,
        credited,
        projects={i: found for i in ids if (found := projects.get_project(tx, i))},
        client=client,
        workspace=engine.workspace,
    )


def _theirs(engine: Engine, tx: Tx, document: Document) -> Money | None:
    """The tax of the ledger's record as last read; before that, as it answered the push."""
    is_invoice = document.kind is DocumentKind.INVOICE
    ledger = engine.ledger()
    ref = refs.get(tx, ledger.name, INVOICE if is_invoice else CREDIT_NOTE, document.id)
    if ref is None:
        return None
    kind = facts.REMOTE_INVOICE if is_invoice else facts.REMOTE_CREDIT
    for stream in ledger.connector.streams:
        source = SourceRef(ledger.name, stream.name, ref.remote.remote_id)
        for fact in facts.by_source(tx, kind, source):
            return fact.body.tax
    if ref.digest is None or ref.digest.tax is None:
        return None
    return Money(ref.digest.tax, document.currency)
