"""What hangs on a document: PDF, online invoice, e-mail, history, attachments; and Organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from tieout.sandbox.xero import errors, fields
from tieout.sandbox.xero.call import Answer, Call
from tieout.sandbox.xero.errors import Missing
from tieout.sandbox.xero.reading import found, id_of
from tieout.sandbox.xero.store import Attached
from tieout.sandbox.xero.wire import Row

if TYPE_CHECKING:
    from tieout.sandbox.xero.books import Books

_LONGEST_NOTE = 250


def refuse(message: str) -> errors.Refusal:
    return errors.validation([{"ValidationErrors": [{"Message": message}]}])


def _row_of(call: Call) -> tuple[str, Row]:
    row = found(call.books, call.resource, call.ids["id"])
    return id_of(call.resource, row), row


# -- printing and sending ------------------------------------------------------------------
def pdf(call: Call) -> Answer:
    """A document as a page one can open."""
    _, row = _row_of(call)
    number = row.get("InvoiceNumber") or row.get("CreditNoteNumber") or ""
    return Answer(content=_page(f"{number}  {row['CurrencyCode']} {row['Total']:f}"),
                  content_type="application/pdf")  # fmt: skip


def _page(words: str) -> bytes:
    shown = "".join(each if (each.isascii() and each.isalnum()) or each in " .-" else " "
                    for each in words)  # fmt: skip
    text = f"BT /F1 18 Tf 72 720 Td ({shown}) Tj ET"
    objects = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
        "/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(text)}>>stream\n{text}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    body, places = "%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj{each}endobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    body += f"xref\n0 {size}\n0000000000 65535 f \n{table}"
    start = body.index("xref\n")
    return f"{body}trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF".encode()


def online(call: Call) -> Answer:
    """The address at which a client sees an approved invoice."""
    row_id, row = _row_of(call)
    if row["Type"] != "ACCREC" or row["Status"] not in ("AUTHORISED", "PAID"):
        raise Missing(row_id)
    address = f"{call.books.settings.online_invoice_base}/{row_id.replace('-', '')[:22]}"
    return Answer({"OnlineInvoices": [{"OnlineInvoiceUrl": address}]})


def email(call: Call) -> Answer:
    """Send an approved invoice to the contact's address."""
    row_id, row = _row_of(call)
    call.body()
    books, address = call.books, call.books.get("Contacts", row["_contact"]).get("EmailAddress")
    if row["Type"] != "ACCREC" or row["Status"] not in ("AUTHORISED", "PAID"):
        raise refuse("Only approved sales invoices can be emailed")
    if not address:
        raise refuse("The contact does not have an email address")
    day = books.now().date().isoformat()
    most = books.settings.emails_per_day
    if most is not None and sum(sent == day for sent, _ in books.emails) >= most:
        raise refuse("The daily limit of emails has been reached")
    books.emails.append((day, row_id))
    settled = bool(books.paid_on(("Invoices", row_id)) or books.used_on(row_id))
    books.put("Invoices", {**row, "SentToContact": True}, bump=not settled)
    books.record(row_id, f"Invoice emailed to {address}", "Invoice Sent")
    return Answer(status=204)


# -- history and attachments ------------------------------------------------------------------
def history(call: Call) -> Answer:
    row_id, _ = _row_of(call)
    return Answer({"HistoryRecords": list(call.books.history.get(row_id, ()))})


def add_history(call: Call) -> Answer:
    """Add notes; a note cannot be changed later."""
    row_id, _ = _row_of(call)
    notes = call.elements("HistoryRecords")
    texts = [fields.text(note, "Details") or "" for note in notes]
    if not texts or not all(0 < len(text) <= _LONGEST_NOTE for text in texts):
        raise refuse(f"Details must have 1 to {_LONGEST_NOTE} characters")
    return Answer({"HistoryRecords": [call.books.record(row_id, text) for text in texts]})


def attachments(call: Call) -> Answer:
    row_id, _ = _row_of(call)
    kept = call.books.attached.get(row_id, ())
    return Answer({"Attachments": [_shown(call, row_id, each) for each in kept]})


def attach(call: Call) -> Answer:
    """Attach a file: PUT adds one, POST replaces the one with the same name."""
    row_id, row = _row_of(call)
    books, name = call.books, unquote(call.ids["inner"])
    content = call.request.get_data()
    kept = books.attached.get(row_id, ())
    same = [each for each in kept if each.name == name]
    if len(content) > books.settings.attachment_bytes:
        raise errors.Refusal(413, None)
    if not content:
        raise refuse("The attachment is empty")
    if len(kept) - len(same) >= books.settings.attachments_each:
        raise refuse(f"A document can have {books.settings.attachments_each} attachments")
    mime = call.request.mimetype or "application/octet-stream"
    online_too = call.flag("IncludeOnline", default=False)
    new = Attached(same[0].id if same else books.new_id(), name, mime, content, online_too)
    books.attached[row_id] = (*(each for each in kept if each.name != name), new)
    books.put(call.resource, {**row, "HasAttachments": True})
    books.record(row_id, f"Attached the file {name} through the Xero API", "Attached a file")
    return Answer({"Attachments": [_shown(call, row_id, new)]})


def download(call: Call) -> Answer:
    row_id, _ = _row_of(call)
    wanted = unquote(call.ids["inner"])
    for each in call.books.attached.get(row_id, ()):
        if wanted in (each.id, each.name):
            return Answer(content=each.content, content_type=each.mime)
    raise Missing(wanted)


def _shown(call: Call, row_id: str, each: Attached) -> Row:
    base = call.request.host_url.rstrip("/")
    path = f"/api.xro/2.0/{call.resource}/{row_id}/Attachments/{each.name}"
    shown: Row = {"AttachmentID": each.id, "FileName": each.name, "Url": base + path}
    shown |= {"MimeType": each.mime, "ContentLength": len(each.content)}
    return {**shown, "IncludeOnline": each.online}


# -- the organisation ----------------------------------------------------------------------
def organisation(call: Call) -> Answer:
    return Answer({"Organisations": [describe(call.books)]})


def describe(books: Books) -> Row:
    """The one element under `Organisations`; lock dates are left out when there are none."""
    settings = books.settings
    version = {"NZ": "NZ", "AU": "AU", "GB": "UK", "US": "US"}.get(settings.country, "GLOBAL")
    row: Row = {
        "Name": settings.company_name,
        "LegalName": settings.company_name,
        "PaysTax": True,
        "Version": version,
        "OrganisationType": "COMPANY",
        "BaseCurrency": settings.base_currency,
        "CountryCode": settings.country,
        "IsDemoCompany": settings.demo_company,
        "OrganisationStatus": "ACTIVE",
        "FinancialYearEndDay": 31,
        "FinancialYearEndMonth": 3,
        "SalesTaxBasis": "INVOICE" if version == "NZ" else "ACCRUALS",
        "SalesTaxPeriod": "TWOMONTHS" if version == "NZ" else "QUARTERLY",
        "DefaultSalesTax": "Tax Exclusive",
        "DefaultPurchasesTax": "Tax Exclusive",
        "PeriodLockDate": books.period_lock,
        "EndOfYearLockDate": books.year_lock,
        "CreatedDateUTC": books.started,
        "OrganisationEntityType": "COMPANY",
        "Timezone": books.zone[0],
        "ShortCode": "!" + books.organisation_id[:5],
        "OrganisationID": books.organisation_id,
        "Edition": settings.edition,
        "Class": "PREMIUM" if settings.multicurrency else "STANDARD",
        "Addresses": [],
        "Phones": [],
        "ExternalLinks": [],
        "PaymentTerms": {},
    }
    return {key: value for key, value in row.items() if value is not None}
