"""What a firm decided: its workspace folder, read whole or refused whole.

load_workspace(folder, connectors=...)  -> Workspace, or Misconfigured with every problem
settings_from()                         -> Settings of the process
create_workspace(folder, ...)           -> a new folder from the shipped templates
json_schema("deals")                    -> for editors
"""

from tieout.config.kinds import Schedule
from tieout.config.root import (
    Connection,
    Firm,
    Invoices,
    Policies,
    Root,
    Schedules,
    due_days,
)
from tieout.config.rules_deals import BudgetRule, DealRule, DealRules, InstalmentRule
from tieout.config.rules_ledger import (
    Choice,
    ChoiceRule,
    CustomerRules,
    DocumentChoice,
    DocumentChoiceRule,
    LedgerRules,
    TaxRules,
)
from tieout.config.rules_rates import CardRate, Override, RateCard, RateRules
from tieout.config.rules_time import BillableRule, TimeRules
from tieout.config.settings import Settings, secrets_of, settings_from
from tieout.config.workspace import Workspace, load_workspace

__all__ = [
    "BillableRule",
    "BudgetRule",
    "CardRate",
    "Choice",
    "ChoiceRule",
    "Connection",
    "CustomerRules",
    "DealRule",
    "DealRules",
    "DocumentChoice",
    "DocumentChoiceRule",
    "Firm",
    "InstalmentRule",
    "Invoices",
    "LedgerRules",
    "Override",
    "Policies",
    "RateCard",
    "RateRules",
    "Root",
    "Schedule",
    "Schedules",
    "Settings",
    "TaxRules",
    "TimeRules",
    "Workspace",
    "due_days",
    "load_workspace",
    "secrets_of",
    "settings_from",
]
