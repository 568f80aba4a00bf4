"""What no live Xero organisation has shown yet; its how-to page has the same list."""

from __future__ import annotations

from tieout.connectors.base import Unverified

_LIST = """
The right organisation answers | `tieout connect` shows it, by consent and by custom connection.
Xero's page leads back | `tieout connect` with `--sign-in`, twice, ends in the same organisation.
A replaced refresh token is stored | a second `tieout connect` an hour later still signs in.
A custom connection needs no tenant id | it takes calls without, and has the scopes asked for.
An invoice arrives as planned | push one: total, tax, due date, tracking and reference are Tieout's.
Tax is rounded line by line | three lines of 25.06, 25.61 and 25.63 at 15 % give a tax of 11.44.
A tax that Tieout computed is kept | push the same with `taxes.rounding: document`: it stays 11.45.
Half a cent | push a line of 0.5 x 0.25 = 0.13: taken or refused, which way Xero rounds it.
Nothing is doubled | cut the network during a push, look after five and after seven minutes.
A key used for another call | note Xero's words, and whether a refusal is repeated under its key.
Each element of a call is told apart | one bad invoice among good ones still shows its reference.
A contact is found by its name | `searchTerm` with a whole name that has quotes and commas.
Listings are whole | sorted by their ids, and with a page count even when they are empty.
Payments are filtered by their type | and show the contact and the currency of their invoice.
Changes are told | pay, void, set each kind of credit off, and undo it: the next pullback shows it.
Which way rates are | push a foreign invoice with a rate and compare its value at home.
Locked days | a document dated on the lock date itself is refused.
Numbers stay taken | push under the number of a voided and of a deleted invoice.
The words of a 429 | for too many at once and for the app's minute, and whether a wait is named.
The tier's daily limit | compare `calls_a_day` with what `tieout doctor` with `--live` shows.
A credit note is set against its invoice | push one: it is used up, the body may name it too.
A credit note is filtered by its contact and day | lose the answer of one: it is found, not doubled.
A void is seen | void an invoice, paid and unpaid: what is refused, and what its totals say then.
A memo is corrected | on an invoice with and without one: lines, order and tax stay as they were.
A timesheet's file is attached once | lose the answer: it is listed by its name, with its size.
A file of the same name | attach one by hand first: note whether a PUT replaces it.
"""

UNVERIFIED = tuple(
    Unverified(*(part.strip() for part in line.split("|"))) for line in _LIST.strip().splitlines()
)
