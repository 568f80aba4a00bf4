"""Rules applied: (record, workspace) -> canonical values, or a reason a bookkeeper understands.

    deals.project_of(deal, workspace)            -> MappedProject | Held | Ignored
    time.resolve(entry, workspace, directory)    -> ResolvedEntry | Held
    ledger.line_names(...), document_names(...)  -> names in the ledger | Held
    ledger.find_entry(...), find_customer(...)   -> a row of the ledger's list | Unresolved
    preview.preview(deals, old, new)             -> what edited rules would change

Pure: no clock, no database, no network. Each value carries the rule it came from.
"""

from tieout.mapping.deals import project_of
from tieout.mapping.directory import Directory
from tieout.mapping.ledger import document_names, find_customer, find_entry, line_names
from tieout.mapping.preview import Change, preview
from tieout.mapping.results import (
    DocumentNames,
    Held,
    Ignored,
    LineNames,
    MappedProject,
    ResolvedEntry,
    Unresolved,
)
from tieout.mapping.time import resolve
from tieout.mapping.trail import Step, Trail, explain

__all__ = [
    "Change",
    "Directory",
    "DocumentNames",
    "Held",
    "Ignored",
    "LineNames",
    "MappedProject",
    "ResolvedEntry",
    "Step",
    "Trail",
    "Unresolved",
    "document_names",
    "explain",
    "find_customer",
    "find_entry",
    "line_names",
    "preview",
    "project_of",
    "resolve",
]
