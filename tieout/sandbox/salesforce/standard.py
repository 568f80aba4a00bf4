"""The standard objects as short field lines, see `schema.parse_field`."""

from __future__ import annotations

PREFIXES = {
    "Account": "001",
    "Contact": "003",
    "Opportunity": "006",
    "OpportunityLineItem": "00k",
    "OpportunityLineItemSchedule": "00o",
    "OpportunityContactRole": "00K",
    "OpportunityStage": "01J",
    "Pricebook2": "01s",
    "Product2": "01t",
    "PricebookEntry": "01u",
    "User": "005",
}

SYSTEM = (
    "Id id readonly",
    "IsDeleted boolean readonly",
    "CreatedDate datetime readonly",
    "CreatedById reference readonly ref=User rel=CreatedBy",
    "LastModifiedDate datetime readonly",
    "LastModifiedById reference readonly ref=User rel=LastModifiedBy",
    "SystemModstamp datetime readonly",
)

_LINE_NUMBERS = (
    "Quantity double(12.2) required",
    "UnitPrice currency(18.2)",
    "ListPrice currency(18.2) readonly",
    "Discount percent(5.2)",
    "Subtotal currency(18.2) readonly",
    "TotalPrice currency(18.2)",
)

STANDARD: dict[str, tuple[str, ...]] = {
    "User": (
        "Name string(121) required",
        "Username string(80)",
        "Email email(128)",
        "IsActive boolean",
        "TimeZoneSidKey picklist(40)",
    ),
    "Account": (
        "Name string(255) required",
        "AccountNumber string(40)",
        "BillingStreet textarea(255)",
        "BillingCity string(40)",
        "BillingState string(80)",
        "BillingPostalCode string(20)",
        "BillingCountry string(80)",
        "Phone phone(40)",
        "Website url(255)",
        "ParentId reference ref=Account rel=Parent children=ChildAccounts",
        "OwnerId reference ref=User rel=Owner",
    ),
    "Contact": (
        "LastName string(80) required",
        "FirstName string(40)",
        "Name string(121) readonly",
        "Email email(80)",
        "Phone phone(40)",
        "AccountId reference ref=Account rel=Account children=Contacts",
        "OwnerId reference ref=User rel=Owner",
    ),
    "Opportunity": (
        "Name string(120) required",
        "AccountId reference ref=Account rel=Account children=Opportunities",
        "Amount currency(18.2)",
        "StageName picklist(255) required",
        "IsClosed boolean readonly",
        "IsWon boolean readonly",
        "CloseDate date required",
        "Type picklist(255)",
        "OwnerId reference ref=User rel=Owner",
        "Pricebook2Id reference ref=Pricebook2 rel=Pricebook2",
        "HasOpportunityLineItem boolean readonly",
        "Description textarea(32000)",
    ),
    "OpportunityLineItem": (
        "OpportunityId reference required fixed ref=Opportunity rel=Opportunity"
        " children=OpportunityLineItems",
        "Name string(376) readonly",
        "PricebookEntryId reference fixed ref=PricebookEntry rel=PricebookEntry",
        "Product2Id reference fixed ref=Product2 rel=Product2",
        "ProductCode string(255) readonly",
        *_LINE_NUMBERS,
        "ServiceDate date",
        "Description string(255)",
        "SortOrder int",
        "HasSchedule boolean readonly",
        "HasRevenueSchedule boolean readonly",
        "HasQuantitySchedule boolean readonly",
    ),
    "OpportunityLineItemSchedule": (
        "OpportunityLineItemId reference required fixed ref=OpportunityLineItem"
        " rel=OpportunityLineItem children=OpportunityLineItemSchedules",
        "Type picklist(40) values=Revenue|Quantity|Both restricted",
        "Quantity double(12.2)",
        "Revenue currency(18.2)",
        "ScheduleDate date required",
        "Description string(80)",
    ),
    "OpportunityContactRole": (
        "OpportunityId reference required fixed ref=Opportunity rel=Opportunity"
        " children=OpportunityContactRoles",
        "ContactId reference required ref=Contact rel=Contact children=OpportunityContactRoles",
        "Role picklist(40)",
        "IsPrimary boolean",
    ),
    "OpportunityStage": (
        "ApiName string(255) required",
        "MasterLabel string(255) required",
        "IsClosed boolean",
        "IsWon boolean",
        "IsActive boolean",
        "SortOrder int",
    ),
    "Pricebook2": ("Name string(255) required", "IsActive boolean", "IsStandard boolean readonly"),
    "Product2": (
        "Name string(255) required",
        "ProductCode string(255)",
        "Family picklist(40)",
        "Description textarea(4000)",
        "IsActive boolean",
    ),
    "PricebookEntry": (
        "Name string(255) readonly",
        "Pricebook2Id reference required fixed ref=Pricebook2 rel=Pricebook2"
        " children=PricebookEntries",
        "Product2Id reference required fixed ref=Product2 rel=Product2 children=PricebookEntries",
        "ProductCode string(255) readonly",
        "UnitPrice currency(18.2) required",
        "IsActive boolean",
    ),
}

#: The fields a customer's administrator adds for Tieout, under their default names.
CUSTOM: dict[str, tuple[str, ...]] = {
    "Opportunity": (
        "Tieout_Project_Id__c string(64) ext unique",
        "Tieout_Project_Status__c string(64)",
        "Tieout_Billed_To_Date__c currency(18.2)",
        "Tieout_Paid_To_Date__c currency(18.2)",
        "Tieout_Last_Invoice_Number__c string(64)",
        "Tieout_Last_Invoice_Status__c string(64)",
        "Tieout_Last_Sync__c datetime",
        "Tieout_Billing_Type__c picklist(255)"
        " values=time_and_materials|fixed_fee|milestone|retainer|subscription|progress",
        "Tieout_Payment_Terms__c string(64)",
        "Tieout_Amends_Opportunity__c reference ref=Opportunity children=Tieout_Amendments__r",
    ),
    "OpportunityLineItem": (
        "Tieout_Budget_Kind__c picklist(255)"
        " values=time_and_materials|fixed_fee|milestone|retainer|subscription|progress",
    ),
}

CURRENCY_OBJECTS = (
    "Account",
    "Contact",
    "Opportunity",
    "OpportunityLineItem",
    "PricebookEntry",
    "Product2",
    "User",
)

#: (label, closed, won) in pipeline order. The labels are one org's; another org has others.
STAGES = (
    ("Prospecting", False, False),
    ("Qualification", False, False),
    ("Proposal/Price Quote", False, False),
    ("Negotiation/Review", False, False),
    ("Signed", True, True),
    ("Closed Won", True, True),
    ("Closed Lost", True, False),
)
