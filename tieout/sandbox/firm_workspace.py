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


def write_workspace(
    folder: Path,
    described: Mapping[str, Any],
    rates: Mapping[str, str],
    instalment_days: tuple[date, date],
) -> None:
    """Write the demo's workspace into a folder, which is made.

    `described` is what the stand-ins say of themselves: base URL and credentials by vendor.
    """
    crm, time, ledger = (described[name] for name in ("salesforce", "harvest", "quickbooks"))
    known = {
        "crm_url": crm["base_url"],
        "crm_client_id": crm["credentials"]["client_id"],
        "crm_username": crm["credentials"]["username"],
        "time_url": time["base_url"],
        "time_account_id": str(time["credentials"]["account_id"]),
        "ledger_url": ledger["base_url"],
        "ledger_realm_id": ledger["credentials"]["realm_id"],
        "first_instalment": instalment_days[0].isoformat(),
        "second_instalment": instalment_days[1].isoformat(),
        "rates": "\n".join(f"    {role}: {rate}" for role, rate in rates.items()),
    }
    templates = resources.files("tieout.sandbox") / "firm_workspace_files"
    for name in FILES:
        text = (templates / name).read_text(encoding="utf-8")
        for place, value in known.items():
            text = text.replace(f"<{place}>", value)
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def secrets_for(described: Mapping[str, Any]) -> dict[str, str]:
    """The environment variables that the demo's workspace names, with their values."""
    crm, time, ledger = (
        described[name]["credentials"] for name in ("salesforce", "harvest", "quickbooks")
    )
    return {
        "TIEOUT_CRM_PRIVATE_KEY": crm["private_key"],
        "TIEOUT_TIME_ACCESS_TOKEN": time["access_token"],
        "TIEOUT_LEDGER_CLIENT_ID": ledger["client_id"],
        "TIEOUT_LEDGER_CLIENT_SECRET": ledger["client_secret"],
        "TIEOUT_LEDGER_REFRESH_TOKEN": ledger["refresh_token"],
        "TIEOUT_LEDGER_VERIFIER_TOKEN": ledger["verifier_token"],
    }
