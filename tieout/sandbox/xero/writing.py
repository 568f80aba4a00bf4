"""Writes of several objects in one call, each succeeding or failing for itself."""

from __future__ import annotations

from collections.abc import Callable

from tieout.sandbox.xero import contacts, documents, errors, fields, lists, reading, settlement
from tieout.sandbox.xero.call import Answer, Call
from tieout.sandbox.xero.errors import Invalid
from tieout.sandbox.xero.shapes import allocation, show
from tieout.sandbox.xero.store import ID_FIELDS
from tieout.sandbox.xero.wire import NIL, Row, to_guid

Work = Callable[[Row], Row]


def run(call: Call, elements: list[Row], work: Work, shown: Work | None = None) -> Answer:
    """Do each element; with summarizeErrors the failed ones alone are answered, as a 400.

    What could be done is done in either case.
    """
    resource = call.resource
    unitdp = call.unitdp
    show_row = shown or (lambda row: show(call.books, resource, row, "full", unitdp))
    answers: list[Row] = []
    failed: list[Row] = []
    summarize = call.summarize
    for sent in elements:
        try:
            row = work(sent)
        except Invalid as problem:
            failed.append(_refused(call, sent, problem))
            answers.append(failed[-1])
        else:
            answers.append(_done(call, show_row(row)))
    if failed and summarize:
        raise errors.validation(failed)
    if call.books.settings.answer_order == "reversed":
        answers.reverse()
    return Answer({resource: answers})


def _done(call: Call, shown: Row) -> Row:
    flag = "HasErrors" if call.resource in documents.KINDS else "HasValidationErrors"
    warnings = [call.books.warnings.pop(0)] if call.books.warnings else []
    word = "WARNING" if warnings else "OK"
    marks: Row = {"StatusAttributeString": word, flag: False, "ValidationErrors": []}
    return {**shown, **marks, "Warnings": messages_of(warnings)}


def _refused(call: Call, sent: Row, problem: Invalid) -> Row:
    """A failed element: what was sent, what is wrong, and an id that is of no use."""
    resource, id_field = call.resource, ID_FIELDS.get(call.resource, "ID")
    settings = call.books.settings
    echo = {key: value for key, value in sent.items() if value is not None}
    if settings.failed_ids == "existing" and problem.existing is not None:
        echo = show(call.books, resource, problem.existing, "full")
    elif resource in ID_FIELDS and id_field.endswith("ID"):
        fresh = settings.failed_ids == "fresh"
        echo[id_field] = _own_id(echo, id_field) or (call.books.new_id() if fresh else NIL)
    if problem.lines and isinstance(echo.get("LineItems"), list):
        echo["LineItems"] = [
            {**line, "ValidationErrors": messages_of(problem.lines.get(index, []))}
            for index, line in enumerate(echo["LineItems"])
        ]
    if problem.contact and isinstance(echo.get("Contact"), dict):
        echo["Contact"] = {**echo["Contact"], "ValidationErrors": messages_of(problem.contact)}
    flag = "HasErrors" if resource in documents.KINDS else "HasValidationErrors"
    echo |= {"StatusAttributeString": "ERROR", flag: True, "Warnings": []}
    return {**echo, "ValidationErrors": messages_of(problem.messages)}


def _own_id(echo: Row, id_field: str) -> str:
    try:
        return to_guid(echo.get(id_field))
    except ValueError:
        return ""


def messages_of(texts: list[str]) -> list[Row]:
    return [{"Message": text} for text in texts]


# -- invoices and credit notes -------------------------------------------------------------
def create_documents(call: Call) -> Answer:
    kind, unitdp = documents.KINDS[call.resource], call.unitdp
    _check_edition(call)

    def work(sent: Row) -> Row:
        return documents.create(call.books, kind, sent, unitdp)

    return run(call, call.elements(call.resource), work)


def upsert_documents(call: Call) -> Answer:
    """Create or change: matched by id, then by number, so a number that exists is changed."""
    kind, unitdp, books = documents.KINDS[call.resource], call.unitdp, call.books
    _check_edition(call)

    def work(sent: Row) -> Row:
        row_id = fields.guid(sent, kind.id_field)
        if row_id is not None and row_id != NIL:
            if books.find(call.resource, row_id) is None:
                raise Invalid(f"{kind.noun} not found")
            return documents.update(books, kind, row_id, sent, unitdp)
        number = fields.text(sent, kind.number_field)
        type_ = fields.text(sent, "Type") or kind.types[0]
        known = books.numbered(call.resource, number, type_) if number else []
        if known and type_ == kind.types[0]:
            return documents.update(books, kind, known[-1][kind.id_field], sent, unitdp)
        return documents.create(books, kind, sent, unitdp)

    return run(call, call.elements(call.resource), work)


def update_document(call: Call) -> Answer:
    kind, unitdp = documents.KINDS[call.resource], call.unitdp
    row_id = reading.found(call.books, call.resource, call.ids["id"])[kind.id_field]
    sent = call.element(call.resource)

    def work(body: Row) -> Row:
        return documents.update(call.books, kind, row_id, body, unitdp)

    return run(call, [sent], work)


def _check_edition(call: Call) -> None:
    if call.books.settings.edition == "PARTNER":
        raise errors.no_method(501)


# -- contacts, items ------------------------------------------------------------------------
def put_contacts(call: Call) -> Answer:
    return run(call, call.elements("Contacts"), lambda sent: contacts.put(call.books, sent))


def post_contacts(call: Call) -> Answer:
    return run(call, call.elements("Contacts"), lambda sent: contacts.post(call.books, sent))


def update_contact(call: Call) -> Answer:
    contact_id = reading.found(call.books, "Contacts", call.ids["id"])["ContactID"]
    sent = call.element("Contacts")
    return run(call, [sent], lambda body: contacts.update(call.books, contact_id, body))


def put_items(call: Call) -> Answer:
    unitdp = call.unitdp
    return run(call, call.elements("Items"), lambda sent: lists.put_item(call.books, sent, unitdp))


def post_items(call: Call) -> Answer:
    unitdp = call.unitdp
    return run(call, call.elements("Items"), lambda sent: lists.post_item(call.books, sent, unitdp))


def update_item(call: Call) -> Answer:
    row = reading.found(call.books, "Items", call.ids["id"])
    sent = {**call.element("Items"), "ItemID": row["ItemID"]}
    unitdp = call.unitdp
    return run(call, [sent], lambda body: lists.post_item(call.books, body, unitdp))


def delete_item(call: Call) -> Answer:
    row = reading.found(call.books, "Items", call.ids["id"])
    call.books.discard("Items", row["ItemID"])
    return Answer(status=204)


# -- the other lists -------------------------------------------------------------------------
def put_account(call: Call) -> Answer:
    """One account; any others in the body are ignored."""
    sent = call.element("Accounts")
    return run(call, [sent], lambda body: lists.put_account(call.books, body))


def post_account(call: Call) -> Answer:
    row = reading.found(call.books, "Accounts", call.ids["id"])
    sent = call.element("Accounts")
    return run(call, [sent], lambda body: lists.post_account(call.books, row["AccountID"], body))


def delete_account(call: Call) -> Answer:
    row = reading.found(call.books, "Accounts", call.ids["id"])
    return run(call, [{}], lambda _: lists.delete_account(call.books, row["AccountID"]))


def put_tax_rates(call: Call) -> Answer:
    return run(call, call.elements("TaxRates"), lambda sent: lists.put_tax_rate(call.books, sent))


def post_tax_rates(call: Call) -> Answer:
    return run(call, call.elements("TaxRates"), lambda sent: lists.post_tax_rate(call.books, sent))


def put_currency(call: Call) -> Answer:
    sent = call.element("Currencies")
    return run(call, [sent], lambda body: lists.put_currency(call.books, body))


def put_category(call: Call) -> Answer:
    sent = call.element("TrackingCategories")
    return run(call, [sent], lambda body: lists.put_category(call.books, body))


def post_category(call: Call) -> Answer:
    sent, category = call.element("TrackingCategories"), _guid(call, "id")
    return run(call, [sent], lambda body: lists.post_category(call.books, category, body))


def delete_category(call: Call) -> Answer:
    category = _guid(call, "id")
    return run(call, [{}], lambda _: lists.delete_category(call.books, category))


def put_option(call: Call) -> Answer:
    sent, category = call.element("Options"), _guid(call, "id")
    call.resource = "Options"
    return run(call, [sent], lambda body: lists.put_option(call.books, category, body), _option)


def post_option(call: Call) -> Answer:
    sent, ids = call.element("Options"), (_guid(call, "id"), _guid(call, "inner"))
    call.resource = "Options"
    return run(call, [sent], lambda body: lists.post_option(call.books, *ids, body), _option)


def delete_option(call: Call) -> Answer:
    ids = _guid(call, "id"), _guid(call, "inner")
    call.resource = "Options"
    gone = {"Status": "DELETED"}
    return run(call, [gone], lambda body: lists.post_option(call.books, *ids, body), _option)


def _option(row: Row) -> Row:
    return {**row, "IsDeleted": row["Status"] == "DELETED", "IsActive": row["Status"] == "ACTIVE"}


def _guid(call: Call, name: str) -> str:
    try:
        return to_guid(call.ids[name])
    except ValueError as problem:
        raise errors.Missing(call.ids[name]) from problem


# -- payments --------------------------------------------------------------------------------
def put_payments(call: Call) -> Answer:
    """Payments; when one of several fails, no element shows an id, though the others exist."""
    answer = run(call, call.elements("Payments"), lambda sent: _pay(call, sent))
    rows: list[Row] = (answer.body or {})["Payments"]
    spoiled = any(row["HasValidationErrors"] for row in rows)
    if spoiled and call.books.settings.failed_payment_batch == "empty_ids":
        for row in rows:
            row["PaymentID"] = NIL
    return answer


def _pay(call: Call, sent: Row) -> Row:
    payment_id = fields.guid(sent, "PaymentID")
    if payment_id and fields.text(sent, "Status") == "DELETED":
        return settlement.delete_payment(call.books, payment_id, sent)
    return settlement.pay(call.books, sent)


def update_payment(call: Call) -> Answer:
    """The only change a payment knows is its deletion."""
    row = reading.found(call.books, "Payments", call.ids["id"])
    sent = call.element("Payments")
    return run(
        call, [sent], lambda body: settlement.delete_payment(call.books, row["PaymentID"], body)
    )


def put_batches(call: Call) -> Answer:
    elements = call.elements("BatchPayments")
    answer = None
    try:
        answer = run(call, elements, lambda sent: settlement.pay_batch(call.books, sent))
    except errors.Refusal:
        if not call.books.settings.silent_batch_errors:
            raise
    if answer is None or call.books.settings.silent_batch_errors:
        return _silenced(elements, answer)
    return answer


def _silenced(elements: list[Row], answer: Answer | None) -> Answer:
    """The failed batches without a word about it: no id, no error."""
    rows: list[Row] = (answer.body or {})["BatchPayments"] if answer else list(elements)
    shown = []
    for row in rows:
        failed = row.get("HasValidationErrors", True)
        quiet = {key: value for key, value in row.items() if key != "BatchPaymentID" or not failed}
        shown.append({**quiet, "HasValidationErrors": False, "ValidationErrors": []})
    return Answer({"BatchPayments": shown})


def delete_batch(call: Call) -> Answer:
    """Delete the batch that the path or the body names."""
    sent = call.element("BatchPayments")
    slot = call.ids.get("id") or fields.guid(sent, "BatchPaymentID") or ""
    row = reading.found(call.books, "BatchPayments", slot)
    batch_id = row["BatchPaymentID"]
    return run(call, [sent], lambda body: settlement.delete_batch(call.books, batch_id, body))


# -- allocations -----------------------------------------------------------------------------
def put_allocations(call: Call) -> Answer:
    credit = (call.resource, _credit_id(call))
    call.resource = "Allocations"

    def work(sent: Row) -> Row:
        return settlement.allocate(call.books, credit, sent)

    def made(use: Row) -> Row:
        shown = allocation(call.books, use)
        if call.books.settings.allocation_answer == "example" and credit[0] == "CreditNotes":
            del shown["AllocationID"]
            shown["CreditNote"] = {"CreditNoteID": credit[1], "ID": credit[1], "LineItems": []}
        return shown

    return run(call, call.elements("Allocations"), work, made)


def delete_allocation(call: Call) -> Answer:
    """Take an allocation back; the answer has no envelope."""
    credit = (call.resource, _credit_id(call))
    try:
        use = settlement.unallocate(call.books, credit, _guid(call, "inner"))
    except Invalid as problem:
        raise errors.validation([{"ValidationErrors": messages_of(problem.messages)}]) from problem
    shown = {**allocation(call.books, use), "IsDeleted": True}
    return Answer(shown, enveloped=False)


def _credit_id(call: Call) -> str:
    row = reading.found(call.books, call.resource, call.ids["id"])
    return reading.id_of(call.resource, row)
