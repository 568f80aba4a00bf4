"""A small consultancy's org: accounts, contacts, and deals in every stage with their lines."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from tieout.sandbox.salesforce.org import Org
from tieout.sandbox.salesforce.standard import STAGES

_ACCOUNTS = (
    ("Northwind Traders", "Seattle", "WA"),
    ("Contoso Health", "Boston", "MA"),
    ("Fabrikam Robotics", "Detroit", "MI"),
    ("Adventure Works Cycles", "Denver", "CO"),
    ("Litware Insurance", "Hartford", "CT"),
    ("Proseware Media", "Austin", "TX"),
    ("Tailspin Toys", "Chicago", "IL"),
    ("Wingtip Legal, LLP", "New York", "NY"),
    ("Blue Yonder Airlines", "Atlanta", "GA"),
    ("Søndergaard & Søn ApS", "Aarhus", ""),
    ('O\'Malley "Bros" Freight', "Portland", "OR"),
    ("Woodgrove Bank", "Charlotte", "NC"),
)
_PEOPLE = (
    ("Ana", "Ruiz"),
    ("Ben", "Okafor"),
    ("Chloé", "Martin"),
    ("Dev", "Patel"),
    ("Eva", "Nowak"),
    ("Finn", "O'Brien"),
    ("Grace", "Lee"),
    ("Hugo", "Silva"),
    ("Ines", "Weber"),
    ("Jonas", "Berg"),
    ("Kay", "Brooks"),
    ("Lin", "Zhou"),
)
_PRODUCTS = (
    ("Discovery workshop", "DISC", "Services", "4800.00"),
    ("Implementation hours", "IMPL", "Services", "185.00"),
    ("Senior architect hours", "ARCH", "Services", "240.00"),
    ("Support retainer, month", "RETN", "Retainer", "3500.00"),
    ("Platform subscription, month", "SUBS", "Subscription", "990.00"),
    ("Training day", "TRNG", "Services", "1650.00"),
)
_DEALS = (
    "Data warehouse",
    "ERP rollout",
    "Portal redesign",
    "Cloud migration",
    "Support 2026",
    "Process audit",
    "Mobile app",
    "CRM clean-up",
    "Reporting pack",
    "Integration hub",
    "Security review",
    "Training programme",
    "Phase two",
    "Managed services",
    "Pilot",
    "Warehouse robots",
    "Claims automation",
    "Pricing study",
    "Data governance",
    "Replatforming",
)
_KINDS = ("time_and_materials", "fixed_fee", "milestone", "retainer", "subscription")


def add_stages(org: Org) -> None:
    """The sales stages every org has; without them no deal can be won."""
    for order, (label, closed, won) in enumerate(STAGES, start=1):
        org.insert(
            "OpportunityStage",
            {
                "ApiName": label,
                "MasterLabel": label,
                "IsClosed": closed,
                "IsWon": won,
                "IsActive": True,
                "SortOrder": order,
            },
            late_s=0,
        )


def add_sample(org: Org) -> None:
    """Fill the org. Deals close around the clock's day; every third won deal has no lines."""
    accounts = [
        org.insert(
            "Account",
            {
                "Name": name,
                "AccountNumber": f"A-{number:04d}",
                "BillingCity": city,
                "BillingState": state,
            },
            late_s=0,
        )
        for number, (name, city, state) in enumerate(_ACCOUNTS, start=1)
    ]
    contacts = [
        org.insert(
            "Contact",
            {
                "FirstName": first,
                "LastName": last,
                "AccountId": account,
                "Email": f"contact{number}@example.com",
            },
            late_s=0,
        )
        for number, ((first, last), account) in enumerate(
            zip(_PEOPLE, accounts, strict=True), start=1
        )
    ]
    entries = _add_products(org)
    for number, name in enumerate(_DEALS):
        _add_deal(org, number, name, accounts, contacts, entries)


def _add_products(org: Org) -> list[str]:
    book = org.insert("Pricebook2", {"Name": "Standard Price Book", "IsActive": True}, late_s=0)
    entries = []
    for name, code, family, price in _PRODUCTS:
        product = org.insert(
            "Product2",
            {"Name": name, "ProductCode": code, "Family": family, "IsActive": True},
            late_s=0,
        )
        entries.append(
            org.insert(
                "PricebookEntry",
                {
                    "Pricebook2Id": book,
                    "Product2Id": product,
                    "UnitPrice": Decimal(price),
                    "IsActive": True,
                },
                late_s=0,
            )
        )
    return entries


def _add_deal(
    org: Org, number: int, name: str, accounts: list[str], contacts: list[str], entries: list[str]
) -> None:
    place = number % len(accounts)
    day = org.clock.today(org.time_zone) + timedelta(days=number - 10)
    values = {
        "Name": f"{_ACCOUNTS[place][0]} - {name}",
        "AccountId": accounts[place],
        "StageName": STAGES[number % len(STAGES)][0],
        "CloseDate": day,
        "Type": "New Customer" if number < 12 else "Existing Customer - Upgrade",
        "Amount": Decimal(5000 + 1250 * number),
    }
    if "tieout_billing_type__c" in org.schema.find("Opportunity").fields:
        values["Tieout_Billing_Type__c"] = _KINDS[number % len(_KINDS)]
    deal = org.insert("Opportunity", values, late_s=0)
    org.insert(
        "OpportunityContactRole",
        {
            "OpportunityId": deal,
            "ContactId": contacts[place],
            "Role": "Decision Maker",
            "IsPrimary": True,
        },
        late_s=0,
    )
    if number % 3 == 2:
        return
    for step in range(1 + number % 3):
        entry = entries[(number + step) % len(entries)]
        org.insert(
            "OpportunityLineItem",
            {
                "OpportunityId": deal,
                "PricebookEntryId": entry,
                "SortOrder": step + 1,
                "Quantity": Decimal(2 + (number * 7 + step * 5) % 38),
            },
            late_s=0,
        )
