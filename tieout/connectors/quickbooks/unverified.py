"""What no live QuickBooks company has shown yet; its how-to page has the same list."""

from __future__ import annotations

from tieout.connectors.base import Unverified

UNVERIFIED = tuple(
    Unverified(*pair)
    for pair in (
        ("The right company answers", "`tieout connect` shows it."),
        (
            "A replaced refresh token is stored",
            "a second `tieout connect` the next day still signs in.",
        ),
        (
            "An invoice arrives as planned",
            "push one: total, tax, terms, class and department are what the plan said.",
        ),
        (
            "Nothing is doubled",
            "cut the network during a push: the same invoice is refused or found.",
        ),
        (
            "How long QuickBooks remembers a request id",
            "send one again after an hour, a day and a week; also one that was refused.",
        ),
        (
            "Automatic sales tax comes back",
            "the tax QuickBooks works out is in the echo that Tieout compares.",
        ),
        (
            "A tax that Tieout computed is kept, rate by rate",
            "push invoices with `taxes.mode: ours` outside the United States, in both roundings.",
        ),
        ("Decimals are kept", "push an invoice with more than two in a quantity and a rate."),
        (
            "Our own numbers are kept",
            "custom transaction numbers are on; with them off, QuickBooks numbers by itself.",
        ),
        (
            "Change data capture tells of six lists",
            "change a customer, item, account, term, class and department: each shows up after "
            "the next pullback.",
        ),
        ("Ended invoices are noticed", "void one and delete one: both show up after a pullback."),
        ("The form of a throttling answer", "note whether it is JSON or XML and names a wait."),
        (
            "The page of Intuit leads back",
            "`tieout connect` with `--sign-in` ends signed in, and a company number comes with it.",
        ),
        (
            "A timesheet's file is attached once",
            "push one, lose its answer: it is found among the invoice's files by its name, with "
            "its size; a repeat of the upload's request id adds none.",
        ),
    )
)
