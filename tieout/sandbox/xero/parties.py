"""Which contact a document or call means, and what a contact may be called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.sandbox.xero import errors, fields
from tieout.sandbox.xero.errors import Problems
from tieout.sandbox.xero.wire import Row

if TYPE_CHECKING:
    from tieout.sandbox.xero.books import Books


def matched(books: Books, sent: Row) -> Row | None:
    """The contact that is meant: by ContactID, then ContactNumber, then Name; None for none."""
    contact_id = fields.guid(sent, "ContactID")
    if contact_id is not None:
        return books.find("Contacts", contact_id)
    number = fields.text(sent, "ContactNumber")
    if number:
        found = books.named("ContactNumber", number)
        if found:
            return found[0]
    name = fields.text(sent, "Name")
    if name:
        # Only the name of an active contact is nobody else's.
        found = books.named("Name", name)
        active = [row for row in found if row["ContactStatus"] == "ACTIVE"]
        return next(iter(active or found), None)
    return None


def for_document(books: Books, sent: Row, problems: Problems) -> tuple[str, Row | None]:
    """The contact of a document: its id, or "" and the contact to create when all is well."""
    contact = fields.part(sent, "Contact")
    if contact is None:
        problems.add(errors.NO_CONTACT)
        return "", None
    if not any(contact.get(name) for name in ("ContactID", "ContactNumber", "Name")):
        problems.add_contact(errors.EMPTY_CONTACT)
        return "", None
    found = matched(books, contact)
    if found is not None and found["ContactStatus"] == "ARCHIVED":
        problems.add_contact(errors.ARCHIVED_CONTACT)
    if found is not None:
        return found["ContactID"], None
    if fields.guid(contact, "ContactID") is not None or not fields.text(contact, "Name"):
        problems.add_contact("The contact could not be found")
        return "", None
    return "", contact
