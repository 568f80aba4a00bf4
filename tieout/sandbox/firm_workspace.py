"""Fernhill's own workspace folder, filled in for stand-ins that are being served."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

FILES = (
    "tieout.yaml",
    "mappings/deals.yaml",
    "mappings/time.yaml",
    "mappings/rates.yaml",
    "mappings/ledger.yaml",
)

_FILES = resources.files("tieout.sandbox") / "firm_workspace_files"
#: By ledger: what its connection is told of itself, and the names of its secrets.
LEDGERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "quickbooks": (
        ("realm_id",),
        ("client_id", "client_secret", "refresh_token", "verifier_token"),
    ),
    "xero": (("tenant_id",), ("client_id", "client_secret", "refresh_token", "webhook_key")),
    "netsuite": (("account_id", "client_id", "certificate_id"), ("private_key",)),
}
#: What an untaxed line is called in a company of the United States.
_UNTAXED = {"quickbooks": "NON", "xero": "Tax Exempt", "netsuite": '""'}


def write_workspace(
    folder: Path,
    described: Mapping[str, Any],
    rates: Mapping[str, str],
    instalment_days: tuple[date, date],
) -> None:
    """Write the demo's workspace into a folder, which is made.

    `described` is what the stand-ins say of themselves: base URL and credentials by vendor.
    """
    crm, time, slug = described["salesforce"], described["harvest"], _ledger_of(described)
    ledger = described[slug]
    known = {
        "crm_url": crm["base_url"],
        "crm_client_id": crm["credentials"]["client_id"],
        "crm_username": crm["credentials"]["username"],
        "time_url": time["base_url"],
        "time_account_id": str(time["credentials"]["account_id"]),
        "ledger": (_FILES / f"{slug}.yaml").read_text(encoding="utf-8").rstrip(),
        "ledger_url": ledger["base_url"],
        **{f"ledger_{name}": ledger["credentials"][name] for name in LEDGERS[slug][0]},
        "untaxed": _UNTAXED[slug],
        "first_instalment": instalment_days[0].isoformat(),
        "second_instalment": instalment_days[1].isoformat(),
        "rates": "\n".join(f"    {role}: {rate}" for role, rate in rates.items()),
    }
    for name in FILES:
        text = (_FILES / name).read_text(encoding="utf-8")
        for place, value in known.items():
            text = text.replace(f"<{place}>", value)
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def secrets_for(described: Mapping[str, Any]) -> dict[str, str]:
    """The environment variables that the demo's workspace names, with their values."""
    slug = _ledger_of(described)
    ledger = described[slug]["credentials"]
    return {
        "TIEOUT_CRM_PRIVATE_KEY": described["salesforce"]["credentials"]["private_key"],
        "TIEOUT_TIME_ACCESS_TOKEN": described["harvest"]["credentials"]["access_token"],
        **{f"TIEOUT_LEDGER_{name.upper()}": ledger[name] for name in LEDGERS[slug][1]},
    }


def _ledger_of(described: Mapping[str, Any]) -> str:
    return next(slug for slug in LEDGERS if slug in described)
