"""How much faster four workers push than one, when the ledger takes 200 ms for a call.

Real `celery worker` processes, a real PostgreSQL and a real Redis; the stand-in is served by
this process. Prints a table, then one line of JSON. Run by `make bench-workers`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.processes.office import Office, Template, make_template, opened, until
from tests.servers import Postgres, Redis, postgres, redis

#: Seconds that the ledger takes for each call.
CALL_S = 0.2
#: So many processes push at once.
MANY = 4
FULL = {"people": 30, "projects": 240}
QUICK = {"people": 4, "projects": 60}


def main() -> None:
    """Measure, print the table, then the JSON line."""
    parser = argparse.ArgumentParser(prog="python -m benches.workers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small run; its figures mean little")
    sizes = QUICK if parser.parse_args().quick else FULL
    with tempfile.TemporaryDirectory() as folder, postgres() as server, redis() as broker:
        template = make_template(Path(folder) / "firm", server, "quickbooks", **sizes)
        one = measured(template, Path(folder) / "one", server, broker, workers=1)
        many = measured(template, Path(folder) / "many", server, broker, workers=MANY)
    ratio = one / many
    table = Table(title=f"{template.waiting} invoices, {CALL_S * 1000:.0f} ms a call")
    for title in ("Workers", "Seconds", "Invoices per second"):
        table.add_column(title, justify="right")
    for workers, seconds in ((1, one), (MANY, many)):
        table.add_row(str(workers), f"{seconds:.2f}", f"{template.waiting / seconds:.1f}")
    cores = os.cpu_count()
    console = Console()
    console.print(table)
    console.print(f"{ratio:.2f} times as fast on {cores} cores. Each invoice is there once.")
    figures = {
        "workers": MANY,
        "invoices": template.waiting,
        "call_s": CALL_S,
        "one_s": round(one, 2),
        "many_s": round(many, 2),
        "ratio_workers": round(ratio, 3),
        "cores": cores,
        "python": platform.python_version(),
    }
    print(json.dumps(figures))


def measured(
    template: Template, folder: Path, server: Postgres, broker: Redis, *, workers: int
) -> float:
    """Seconds from the first invoice's arrival to the last one's; each worker is one process.

    Starting the workers is not measured: they wait for the ledger, which opens when all are
    there. Raises AssertionError when an invoice is missing or doubled.
    """
    folder.mkdir()
    with opened(template, folder, server, broker, service_s=CALL_S) as office:
        hold(office)
        for _ in range(workers):
            office.worker("prefork", at_once=1, TEST_STINT_S="120")
        until(lambda: all(" ready" in w.log.read_text() for w in office.workers), "no worker")
        let_go(office)
        started = time.perf_counter()
        until(lambda: office.arrived() == template.waiting, "not all arrived", office.logs)
        seconds = time.perf_counter() - started
        office.settled(f"{workers} workers")
    return seconds


def hold(office: Office) -> None:
    """Let nothing be due yet."""
    office.sql("UPDATE outbox SET not_before = not_before + interval '100 years'")


def let_go(office: Office) -> None:
    """Make everything due, and the push's turn with it."""
    office.sql("DELETE FROM schedules")
    office.sql("UPDATE outbox SET not_before = not_before - interval '100 years'")


if __name__ == "__main__":
    main()
