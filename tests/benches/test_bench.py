"""`make bench` in small: it runs to its end and its last line is for machines."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
POSITIVE = {
    "entries_per_s",
    "bare_entries_per_s",
    "ratio_pricing",
    "invoices_per_s",
    "bare_invoices_per_s",
    "ratio_push",
    "calls_per_100_invoices",
    "cores",
}


def test_the_last_line_of_a_bench_is_json() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benches.main", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert {name for name, value in told.items() if name in POSITIVE and value > 0} == (POSITIVE)
    assert told["cores"] == os.cpu_count()
    assert f"{told['cores']} cores, Python {told['python']}" in done.stdout


def test_the_push_bench_keeps_to_the_limits() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benches.push", "--invoices", "120"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    ledger = told["quickbooks"]
    assert (told["invoices"], told["cores"]) == (120, os.cpu_count())
    assert (ledger["calls_ratio"], ledger["own_429"]) == (1.0, 0)
    assert ledger["slow_time_ratio"] <= 1.5
    assert ledger["pullback_calls"] <= 30
    assert ledger["governor_ms"] > 0
    doubt = ledger["timed_out_batch"]
    assert (doubt["confirmed"], doubt["last_size"]) == (120, 15)
    for other in ("xero", "netsuite"):
        kept = told[other]
        assert (kept["calls_ratio"], kept["own_429"]) == (1.0, 0)
        assert kept["pullback_calls"] <= 30
    assert told["xero"]["calls"] == 3  # of fifty invoices at most
    assert told["netsuite"]["time_ratio"] <= 1.26
