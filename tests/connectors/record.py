"""Record cassettes and golden files anew: `python -m tests.connectors.record [SLUG ...] [--live]`.

Every case runs against a fresh sandbox served on loopback. What is kept is scrubbed:
no token, no signature, no port, no header that changes from run to run. Read the
difference before keeping it: a changed golden file is a changed behaviour.

With `--live` a vendor's own sandbox account answers instead, and what it says is kept
beside the sandbox's: see `live.py` and `cassettes/README.md`.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from typing import Any

import structlog

from tests.connectors import live
from tests.connectors.rigs import CASSETTES, GOLDEN, LIVE, RIGS, ROOT, Case, Stand, cases
from tests.connectors.tapes import golden_text, recorder, sandbox_mask
from tieout.clock import SystemClock
from tieout.connectors.auth import token_for
from tieout.connectors.connection import MemoryKeeper
from tieout.connectors.registry import connectors
from tieout.connectors.transport import Transport
from tieout.errors import TieoutError
from tieout.sandbox.serving import Served


def comment(slug: str) -> str:
    """The first line of a sandbox's cassettes."""
    title, day = connectors()[slug].title, Stand(slug).clock.now().date()
    return f"Recorded from the Tieout sandbox of {title}, {day}; not from a live account"


def record(case: Case) -> dict[str, Any]:
    """Run a case against its sandbox; keeps the wire and gives the outcome."""
    stand = Stand(case.slug)
    with Served(stand.vendor) as served:
        connection = stand.connection(served.base_url, signed_in=False)
        transport = Transport(stand.clock)
        if not case.signs_in:
            token_for(connection, transport)
        for fault in case.faults:
            stand.vendor.faults.add(**fault)
        tapes = recorder(sandbox_mask(case.slug), comment(case.slug))
        with tapes.use_cassette(str(case.cassette), record_mode="all"):
            return case.run(transport, connection)


def _forget(slug: str) -> None:
    """Remove what a sandbox answered; what an account of the vendor's answered stays."""
    for folder, kind in ((CASSETTES, "yaml"), (GOLDEN, "json")):
        for path in (folder / slug).rglob(f"*.{kind}"):
            if not path.stem.endswith(LIVE) and path != live.notes_path(slug, ROOT):
                path.unlink()


def record_sandboxes(slugs: list[str]) -> None:
    """Record every case of the named connectors."""
    for slug in slugs:
        _forget(slug)
    for case in cases():
        if case.slug in slugs:
            outcome = record(case)
            case.golden.parent.mkdir(parents=True, exist_ok=True)
            case.golden.write_text(golden_text(case, outcome))
            sys.stdout.write(f"{case}\n")


def main(arguments: list[str]) -> None:
    """Record the named connectors, or all sandboxes."""
    parser = argparse.ArgumentParser(prog="python -m tests.connectors.record")
    parser.add_argument("slugs", nargs="*", metavar="SLUG", help=f"of {', '.join(RIGS)}")
    parser.add_argument("--live", action="store_true", help="from the vendor's own account")
    said = parser.parse_args(arguments)
    if unknown := set(said.slugs) - set(RIGS):
        parser.error(f"there is no connector {', '.join(sorted(unknown))} to record")
    if said.live and len(said.slugs) != 1:
        parser.error("--live records one connector: name it")
    quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=quiet)
    if not said.live:
        record_sandboxes(said.slugs or list(RIGS))
        return
    slug, keeper = said.slugs[0], MemoryKeeper()
    try:
        for case in live.record_account(slug, os.environ, SystemClock(), ROOT, keeper):
            sys.stdout.write(f"{case}\n")
    except TieoutError as problem:
        sys.exit(str(problem))
    finally:
        if told := live.replaced_secret(connectors()[slug], os.environ, keeper):
            sys.stderr.write(f"{told}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
