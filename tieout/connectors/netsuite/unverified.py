"""What no live NetSuite account has shown yet; its how-to page has the same list."""

from __future__ import annotations

from tieout.connectors.base import Unverified

_PAIRS = (
    ("The right subsidiary answers",
     "`tieout connect` shows it, with a PS256 and with an ES256 certificate."),
    ("Every list comes",
     "after a pullback none is empty that should not be: what the role may not see is "
     "missing without a word, or fails as a field or record not found."),
    ("Columns that only field reports tell",
     "`doctor --live` reads `term.daysuntilnetdue`, `salestaxitem`, `transaction.voided` "
     "and `transaction.memo` without a problem."),
    ("An invoice arrives as planned",
     "push one: total, tax, terms, class, department, location and number are what the "
     "plan said."),
    ("An external id names what is written",
     "`externalId` in the body of a PUT or PATCH to `eid:` is taken, and the record is in "
     "the next query at once."),
    ("Nothing is doubled",
     "cut the network during a push: the same invoice is found; note how a duplicate "
     "external id is worded."),
    ("The wording of refusals",
     "note it for a closed period, a changed record and a number that is taken."),
    ("Names need no `entityId`",
     "push a customer and a project where their numbers are not automatic."),
    ("Legacy tax codes over REST", "push a line with one, if your account has them."),
    ("A tax that Tieout computed is kept",
     "with SuiteTax and `tax: suitetax_override`: the tax codes are found, the invoice and a "
     "repeat of it have the tax of the plan once, a credit memo takes it back."),
    ("What settles an invoice is read with the right sign",
     "enter a payment, a credit memo, a deposit and a journal: each shows up on its invoice "
     "after a pullback."),
    ("Taking a payment back changes the date of its invoice",
     "delete one: if the invoice does not open after a pullback, only a full one tells."),
    ("Ended invoices are noticed",
     "void one: it shows up after a pullback; delete one: after two daily sweeps."),
    ("No change is missed", "edit an invoice in the hour at which clocks change."),
    ("Decimals are kept", "push an invoice with more than two in a quantity and a rate."),
    ("Calls at a time",
     "note how many the account leaves to Tieout, and how too many are refused."),
    ("A credit memo is taken by PUT to `eid:`, without a transform",
     "push a credit note: its lines, tax and number are the invoice's, it stands alone "
     "until it is set against the invoice, and `autoApply: false` is heeded."),
    ("The signs of a credit memo's lines and totals",
     "after a pullback `tieout reconcile` finds no other total or line on it."),
    ("A PATCH of `apply` sets a credit memo against its invoice",
     "push a credit note: the invoice is settled by it once, also when the same PATCH is "
     "sent again; note how too large an amount is refused, or whether it is cut."),
    ("A PATCH of memo and due date leaves the rest alone",
     "correct an invoice with terms: no line, total or term changes, nor does the terms' "
     "own day come back."),
    ("Nothing is e-mailed by itself",
     "push an invoice and a credit note of a customer whose transactions go by e-mail."),
    ("No call voids an invoice",
     "look in the REST API Browser of your release; until then void it there by hand."),
)  # fmt: skip
UNVERIFIED = tuple(Unverified(*pair) for pair in _PAIRS)
