"""Writes what a long run came to into docs/reference/proof.json and proof.md."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FACTS = ROOT / "docs" / "reference" / "proof.json"
PAGE = FACTS.with_suffix(".md")
KEPT = ROOT / ".tieout"

_PAGE = """\
# What the simulation proved

Written by `make proof` from [proof.json](proof.json); the figures are of one run.

| | |
|---|---:|
| Commit | `{commit}` |
| Seeds | {seeds:,} |
| Histories (with those for faults that no seed met) | {histories:,} |
| Documents approved and pushed | {documents:,} |
| **Duplicate invoices** | **{duplicates}** |
| **Lost invoices** | **{lost}** |
| **Wrong cents** | **{wrong_cents}** |
| Histories that broke any promise | {broken} |
| Points (calls and commits, each known by its name) | {points} |
| Kinds of fault | {kinds} |
| Single faults (a kind at a point) | {single_faults} |
| Of these, never met | {single_faults_owed_and_not_met} |
| Faults that struck | {faults_struck:,} |
| Processes killed | {processes_killed:,} |
| Things people did in the ledger behind our back | {acts_behind_our_back:,} |
| Passings of points | {passings:,} |
| Seeds a second, on {cores} cores | {seeds_per_second} |

## What one history is
A firm with one to four projects and two months of time, drawn from the seed, against the
stand-ins of Salesforce, of Harvest and of one ledger, in turn by seed ({ledgers}),
in process, on a real SQLite file and a virtual clock. One to three workers and a bookkeeper do
what the schedules and the month ask for over ten hours or twenty, across a night when the clocks
change in some; another process may go first at every call and every commit. Faults strike at
named points: answers lost, late or cut in half, errors before and after the ledger committed, 429
with, without and with an absurd wait, a spent quota, refused and revoked tokens, a slow refresh, a
process killed or stopped for longer than its lease. Meanwhile people edit, void, delete and pay
invoices over there, close the books and approve time late; one worker's clock may be wrong. Then
everything works again, and what is left must settle within six hours.

## What is checked, from the vendors' books and the source data alone
- Each approved document is in the ledger once: no number, key or customer twice, none lost, none
  that nobody approved, none sent before its approval.
- For each project and month the invoices come to what the time tool's entries and the deal's
  fees come to, in whole cents; on every line quantity x rate is the amount.
- Payments are known to the cent, and each document stands where its balance says.
- Every write is confirmed, or held with a reason that somebody's act over there explains.
- The reconciliation names what people did over there, and nothing else.
- The audit chain holds; no credential is in a log or a report; two refreshes of one token never
  overlap; no transaction is open during a call.

A seed that fails is kept in `tests/sim/kept_seeds.json` and always run again. To see one history:
`make sim SEED=123`.

Proven here: the product against the stand-ins. Not proven by it: that the vendors behave as
their contract sheets say.
"""


def unfinished(seeds: list[int]) -> Path:
    """Where a run of these seeds at this commit keeps how far it is."""
    KEPT.mkdir(exist_ok=True)
    return KEPT / f"{_commit()}-{len(seeds)}-from-{seeds[0]}.json"


def write(facts: dict[str, Any], failures: list[str]) -> None:
    """Write both files. `failures` are the sentences of all broken promises."""
    whole = {
        "commit": _commit(),
        **facts,
        "duplicates": sum("times" in one for one in failures),
        "lost": sum("is lost" in one for one in failures),
        "wrong_cents": sum("cents, not" in one for one in failures),
    }
    FACTS.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    ledgers = ", ".join(facts["ledgers"])
    PAGE.write_text(_PAGE.format(**whole | {"ledgers": ledgers}), encoding="utf-8")


def _commit() -> str:
    """The commit that is run. Raises SystemExit when the tree holds anything else."""
    if _git("status", "--porcelain"):
        raise SystemExit("What is recorded names a commit: commit or stash your changes first.")
    return _git("rev-parse", "--short", "HEAD")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
