"""Run by `make bench`: a table for people, then one line of JSON for everything else.

Nothing is judged here: the ratios are of one run on one machine, and the bare loop beside
each figure ran on the same machine a moment later.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benches import pricing, pushing
from benches.pricing import Priced
from benches.pushing import Sent

FULL_PRICING = {"entries": 100_000, "people": 200, "projects": 300, "rounds": 3}
FULL_PUSH = {"people": 60, "projects": 170, "invoices": 300}
QUICK_PRICING = {"entries": 600, "people": 6, "projects": 9, "rounds": 1}
QUICK_PUSH = {"people": 4, "projects": 8, "invoices": 6}


def main() -> None:
    """Measure, print the table, then the JSON line."""
    parser = argparse.ArgumentParser(prog="python -m benches.main", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small run; its figures mean little")
    quick = parser.parse_args().quick
    priced = pricing.measure(**(QUICK_PRICING if quick else FULL_PRICING))
    with tempfile.TemporaryDirectory() as folder:
        sent = pushing.measure(Path(folder), **(QUICK_PUSH if quick else FULL_PUSH))
    show(priced, sent)
    print(json.dumps(figures(priced, sent, quick=quick)))


def figures(priced: Priced, sent: Sent, *, quick: bool) -> dict[str, object]:
    """Everything measured, by name; rates are per second, ratios are ours over bare."""
    return {
        "entries_per_s": round(priced.per_s, 1),
        "bare_entries_per_s": round(priced.bare_per_s, 1),
        "ratio_pricing": round(priced.per_s / priced.bare_per_s, 4),
        "invoices_per_s": round(sent.per_s, 2),
        "bare_invoices_per_s": round(sent.bare_per_s, 2),
        "ratio_push": round(sent.per_s / sent.bare_per_s, 4),
        "calls_per_100_invoices": round(sent.calls_per_100, 2),
        "paced_s": round(sent.paced_seconds, 3),
        "entries": priced.entries,
        "invoices": sent.invoices,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "quick": quick,
    }


def show(priced: Priced, sent: Sent) -> None:
    """The table, and what the figures hold and leave out."""
    table = Table("", "Tieout", "bare loop", "ours / bare")
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_row(
        "entries priced per second",
        f"{priced.per_s:,.0f}",
        f"{priced.bare_per_s:,.0f}",
        f"{priced.per_s / priced.bare_per_s:.3f}",
    )
    table.add_row(
        "invoices pushed per second",
        f"{sent.per_s:,.1f}",
        f"{sent.bare_per_s:,.1f}",
        f"{sent.per_s / sent.bare_per_s:.3f}",
    )
    bare_calls = 100 * sent.writing_calls / sent.invoices
    table.add_row(
        "calls per 100 invoices",
        f"{sent.calls_per_100:.1f}",
        f"{bare_calls:.1f}",
        f"{sent.calls_per_100 / bare_calls:.3f}",
    )
    console = Console()
    console.print(f"{os.cpu_count()} cores, Python {platform.python_version()}")
    console.print(table)
    console.print(
        f"Pricing: {priced.entries:,} entries of {priced.people} people on {priced.projects} "
        f"projects become {priced.invoices} invoices of {priced.lines:,} lines, in memory. "
        "The bare loop adds up seconds by project and person."
    )
    console.print(
        f"Push: {sent.invoices} approved invoices of {sent.lines:,} lines from SQLite, in "
        f"{sent.seconds:.2f} s, of which {sent.paced_seconds:.2f} s were waited for the pace the "
        "connector keeps (10 calls a second, 40 batches a minute, less a tenth for people). "
        "The ledger is the loopback QuickBooks stand-in in this process, with its limits off. "
        "Its customers are there already. The bare loop sends the same bytes with requests to a "
        "fresh one, without pace, and keeps nothing."
    )


if __name__ == "__main__":
    main()
