"""The record types, their fields and sublists (Oracle REST API Browser, release 2026.1).

Only what a services firm's books need is kept. A field is written `name` and a sign for
its kind: `#` number, `%` integer, `?` boolean, `@` date, `^` date-time, `~` duration,
`{A|B}` one of these ids (`{}`: of many), `>type` reference (`>` alone: to something not kept here),
`>>type` several references, `=` an address, `&` a yes-or-no that is written as an enum,
none of these: text. A `!` after it: derived, never written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

_FIELD = re.compile(r"(\w+)([#%?@^~=&]|>>?\w*|\{[^}]*\})?(!)?")
_KINDS = {
    "": "text", "#": "number", "%": "integer", "?": "boolean", "@": "date", "^": "datetime",
    "~": "duration", "=": "address", "&": "flag",
}  # fmt: skip


@dataclass(frozen=True)
class Field:
    name: str
    kind: str  # one of _KINDS, "enum", "ref", "refs"
    target: str = ""  # of references: a record type, or "" for something not kept here
    codes: tuple[str, ...] = ()  # of enums
    derived: bool = False


def parse(text: str) -> dict[str, Field]:
    """Fields by lower-case name."""
    found = [_field(word) for word in text.split()]
    return {each.name.lower(): each for each in found}


def _field(word: str) -> Field:
    match = _FIELD.fullmatch(word)
    assert match is not None, word
    name, sign, derived = match.group(1), match.group(2) or "", bool(match.group(3))
    if sign.startswith("{"):
        return Field(
            name, "enum", codes=tuple(filter(None, sign[1:-1].split("|"))), derived=derived
        )
    if sign.startswith(">"):
        kind = "refs" if sign.startswith(">>") else "ref"
        return Field(name, kind, target=sign.lstrip(">"), derived=derived)
    return Field(name, _KINDS[sign], derived=derived)


@dataclass(frozen=True)
class Sublist:
    """A list of lines; `key` names the field that tells which line is meant, "" for none."""

    name: str
    key: str
    text: str

    @cached_property
    def fields(self) -> dict[str, Field]:
        return parse(self.text)


@dataclass(frozen=True)
class RecordType:
    name: str  # as in the browser: customerPayment
    label: str  # for people: Payment
    text: str
    group: str = ""  # records of one group share ids and external ids; "" its own
    code: str = ""  # of transactions: CustInvc
    sublists: tuple[Sublist, ...] = ()
    verbs: str = "r"  # of c(reate) r(ead) u(pdate) d(elete)
    title: str = "name"  # the field that names a record to people
    modified: tuple[str, str] = ("", "")  # the fields with the time of making and of change
    names: dict[str, str] = field(default_factory=dict, hash=False)  # of the status ids

    @cached_property
    def fields(self) -> dict[str, Field]:
        return parse(self.text)

    @cached_property
    def lists(self) -> dict[str, Sublist]:
        return {each.name.lower(): each for each in self.sublists}

    @property
    def space(self) -> str:
        """Where ids and external ids are unique."""
        return self.group or self.name

    @property
    def transaction(self) -> bool:
        return self.group == "transaction"


ADDRESS = parse(
    "addr1 addr2 addr3 addrPhone addressee attention city country{} override? state zip"
)

_SEGMENTS = "department>department class>classification location>location"
_AUDIT = "createdDate^! lastModifiedDate^! originator! links!"
_SALES = f"""
 id! externalId refName! entity>entity subsidiary>subsidiary currency>currency exchangeRate#
 tranDate@ dueDate@ postingPeriod>accountingPeriod terms>term otherRefNum memo message email
 customForm> account>account {_SEGMENTS} job>job salesRep>employee billAddress billingAddress=
 billAddressList> toBeEmailed? toBePrinted? startDate@ endDate@ createdFrom>! nexus>!
 tranId transactionNumber! taxDetailsOverride? taxItem>salesTaxItem isTaxable? taxRate#
 taxTotal#! subtotal#! total#! amountPaid#! amountRemaining#! amountRemainingTotalBox#!
 discountTotal#! taxPointDate@ shippingAddress= shipAddress shipAddressList> shipDate@ fax
 leadSource> partner> billingAccount> salesEffectiveDate@ storeOrder excludeCommission?
 recurringBill? toBeFaxed? {_AUDIT}
"""
_LINE = f"""
 line% item>item description quantity# rate# amount# grossAmt# {_SEGMENTS} job>job
 isTaxable? taxCode>salesTaxItem taxRate1# tax1Amt#! taxAmount#! taxDetailsReference price>
 units revRecStartDate@ revRecEndDate@ costEstimate# options rateSchedule
 lineUniqueKey! itemType{{}}! subsidiary>subsidiary! links! refName!
"""
_TAX = "taxDetailsReference> taxType taxCode>salesTaxItem taxRate# taxBasis# taxAmount#"
_APPLY = """
 doc>transaction apply? amount# line% applyDate@! createdFrom! currency! due#! job%! jobName!
 refName! refNum! total#! type! links!
"""
_CREDIT = """
 doc>transaction apply? amount# line% creditDate@! currency! due#! refNum! total#! type!
 appliedTo! createdFrom! links! refName!
"""
ITEM = Sublist("item", "line", _LINE)
TIME = Sublist("time", "doc", "apply? doc>timeBill rate#")
TAX_DETAILS = Sublist("taxDetails", "taxDetailsReference", _TAX)
APPLY = Sublist("apply", "doc", _APPLY)
CREDIT = Sublist("credit", "doc", _CREDIT)
DEPOSIT = Sublist(
    "deposit", "doc", "doc>transaction apply? amount# currencyName! depositDate@! refNum!"
    " remaining#! total#! links! refName!"
)  # fmt: skip

_MADE = ("createdDate", "lastModifiedDate")
_ENTITY_MADE = ("dateCreated", "lastModifiedDate")
_SUBSIDIARIES = "subsidiary>>subsidiary"

_TYPES = (
    RecordType(
        "customer", "Customer", """
        id! externalId refName! entityId autoName? isPerson? companyName firstName middleName
        lastName salutation altName! email altEmail phone altPhone mobilePhone fax comments
        subsidiary>subsidiary currency>currency terms>term parent>customer isInactive?
        entityStatus>customerStatus category> salesRep>employee accountNumber creditLimit#
        taxItem>salesTaxItem taxable? taxExempt? resaleNumber receivablesAccount>account
        priceLevel> language{} defaultAddress! defaultTaxReg customForm> startDate@ endDate@
        leadSource> territory> partner> homePhone contact>contact url vatRegNum
        emailTransactions? printTransactions? balance#! overdueBalance#! depositBalance#!
        consolBalance#! consolOverdueBalance#! daysOverdue%! dateCreated^! lastModifiedDate^! links!
        """,
        group="entity", verbs="crud", title="entityId", modified=_ENTITY_MADE,
        sublists=(
            Sublist("currencyList", "currency", "currency>currency balance#! overdueBalance#!"),
            Sublist(
                "addressBook", "id",
                "id! label defaultBilling? defaultShipping? isResidential? addressBookAddress=",
            ),
            Sublist("taxRegistration", "id", "id! taxRegistrationNumber nexus> nexusCountry"),
        ),
    ),
    RecordType(
        "job", "Project", """
        id! externalId refName! entityId autoName? companyName altName! parent>customer
        subsidiary>subsidiary currency>currency startDate@ endDate@ projectedEndDate@
        jobBillingType{1|2|3|4|5} entityStatus{1|2|3|4|5} projectExpenseType> jobPrice#
        estimatedRevenue# estimatedCost# estimatedTime~ allowTime? allowExpenses? isInactive?
        projectManager>employee comments accountNumber category> customForm> jobType>
        billingRateCard> billingSchedule> timeApproval{1|2|3|4} limitTimeToAssignees? jobItem>
        language{} contact>contact scheduledEndDate@ schedulingMethod{BACKWARD|FORWARD}
        percentComplete#! dateCreated^! lastModifiedDate^! links!
        """,
        group="entity", verbs="crud", title="entityId", modified=_ENTITY_MADE,
        names={"1": "Closed", "2": "In Progress", "3": "Not Awarded", "4": "Pending",
               "5": "Awarded"},
    ),
    RecordType(
        "employee", "Employee",
        "id! externalId entityId firstName lastName email subsidiary>subsidiary isInactive?"
        " dateCreated^! lastModifiedDate^! links! refName!",
        group="entity", verbs="cru", title="entityId", modified=_ENTITY_MADE,
    ),
    RecordType(
        "contact", "Contact",
        "id! externalId entityId firstName lastName email phone company>entity"
        " subsidiary>subsidiary isInactive? dateCreated^! lastModifiedDate^! links! refName!",
        group="entity", verbs="crud", title="entityId", modified=_ENTITY_MADE,
    ),
    RecordType(
        "serviceSaleItem", "Service for Sale", f"""
        id! externalId refName! itemId displayName salesDescription incomeAccount>account
        {_SUBSIDIARIES} includeChildren? isInactive? {_SEGMENTS} isTaxable?
        createdDate^! lastModifiedDate^! links!
        """,
        group="item", verbs="crud", title="itemId", modified=_MADE,
    ),
    RecordType(
        "invoice", "Invoice", _SALES + " status{A|B|D|E|V}! approvalStatus{1|2|3|11}",
        group="transaction", code="CustInvc", verbs="crud", title="tranId", modified=_MADE,
        sublists=(ITEM, TIME, TAX_DETAILS),
        names={"A": "Open", "B": "Paid In Full", "D": "Pending Approval", "E": "Rejected",
               "V": "Voided"},
    ),
    RecordType(
        "creditMemo", "Credit Memo",
        _SALES + " status{A|B|V}! applied#! unapplied#! autoApply?",
        group="transaction", code="CustCred", verbs="crud", title="tranId", modified=_MADE,
        sublists=(ITEM, TAX_DETAILS, APPLY),
        names={"A": "Open", "B": "Fully Applied", "V": "Voided"},
    ),
    RecordType(
        "customerPayment", "Payment", f"""
        id! externalId refName! customer>entity subsidiary>subsidiary currency>currency
        exchangeRate# account>account arAcct>account undepFunds& tranDate@ memo checkNumber
        postingPeriod>accountingPeriod payment# autoApply? applied#! unapplied#! total#!
        balance#! paymentOption> tranId transactionNumber! customForm> status{{A|R|B|C}}!
        {_SEGMENTS} cleared? {_AUDIT}
        """,
        group="transaction", code="CustPymt", verbs="crud", title="tranId", modified=_MADE,
        sublists=(APPLY, CREDIT, DEPOSIT),
        names={"A": "Unapproved Payment", "B": "Not Deposited", "C": "Deposited",
               "R": "Rejected", "V": "Voided"},
    ),
    RecordType(
        "customerDeposit", "Customer Deposit", f"""
        id! externalId refName! customer>entity subsidiary>subsidiary currency>currency
        exchangeRate# account>account undepFunds& tranDate@ memo postingPeriod>accountingPeriod
        payment# applied#! unapplied#! total#! tranId transactionNumber! status{{A|B|C}}! {_AUDIT}
        """,
        group="transaction", code="CustDep", verbs="cr", title="tranId", modified=_MADE,
        names={"A": "Not Deposited", "B": "Deposited", "C": "Fully Applied"},
    ),
    RecordType(
        "depositApplication", "Deposit Application", f"""
        id! externalId refName! customer>entity subsidiary>subsidiary currency>currency
        exchangeRate# tranDate@ memo postingPeriod>accountingPeriod deposit>transaction applied#!
        total#! tranId transactionNumber! {_AUDIT}
        """,
        group="transaction", code="DepAppl", verbs="rd", title="tranId", modified=_MADE,
        sublists=(APPLY,),
    ),
    RecordType(
        "journalEntry", "Journal", f"""
        id! externalId refName! subsidiary>subsidiary currency>currency exchangeRate# tranDate@
        memo postingPeriod>accountingPeriod tranId transactionNumber! approved? {_AUDIT}
        """,
        group="transaction", code="Journal", verbs="rd", title="tranId", modified=_MADE,
        sublists=(
            Sublist("line", "line", f"line% account>account debit# credit# memo entity>entity"
                    f" {_SEGMENTS}"),
        ),
    ),
    RecordType(
        "timeBill", "Time", f"""
        id! externalId refName! employee>employee customer>entity item>item hours~ isBillable?
        tranDate@ memo rate# approvalStatus{{1|2|3|4}} supervisorApproval? {_SEGMENTS}
        isProductive? isUtilized? overrideRate? paidExternally? nextApprover>employee
        subsidiary>subsidiary timeType{{P|A|B}} price> customForm> createdDate^! lastModifiedDate^!
        links!
        """,
        group="timeline", verbs="crud", title="id", modified=_MADE,
        names={"1": "Open", "2": "Pending Approval", "3": "Approved", "4": "Rejected"},
    ),
    RecordType(
        "currency", "Currency",
        "id! externalId name symbol exchangeRate# isBaseCurrency?! currencyPrecision%"
        " isInactive? lastModifiedDate^! links! refName!",
        modified=("", "lastModifiedDate"),
    ),
    RecordType("term", "Term", "id! externalId name daysUntilNetDue% isInactive? links! refName!"),
    RecordType(
        "account", "Account",
        "id! externalId acctNumber acctName acctType isInactive? subsidiary>>subsidiary"
        " currency>currency lastModifiedDate^! links! refName!",
        title="acctName", modified=("", "lastModifiedDate"),
    ),
    *(
        RecordType(
            name, label,
            f"id! externalId name parent>{name} {_SUBSIDIARIES} includeChildren? isInactive?"
            " lastModifiedDate^! links! refName!",
            modified=("", "lastModifiedDate"),
        )
        for name, label in (
            ("department", "Department"), ("classification", "Class"), ("location", "Location"),
        )
    ),
    RecordType(
        "subsidiary", "Subsidiary",
        "id! externalId name legalName currency>currency country parent>subsidiary"
        " isElimination? isInactive? lastModifiedDate^! links! refName!",
        modified=("", "lastModifiedDate"),
    ),
    RecordType(
        "accountingPeriod", "Accounting Period",
        "id! externalId periodName startDate@ endDate@ closed? allLocked? arLocked? apLocked?"
        " payrollLocked? allowNonGLChanges? isPosting? isQuarter? isYear? isAdjust? isInactive?"
        " closedOnDate@ parent>accountingPeriod lastModifiedDate^! links! refName!",
        title="periodName", modified=("", "lastModifiedDate"),
    ),
    RecordType(
        "salesTaxItem", "Tax Code",
        "id! externalId itemId rate# taxType isInactive? links! refName!", title="itemId",
    ),
    RecordType("customerStatus", "Customer Status", "id! name isInactive? links! refName!"),
    RecordType("file", "File", "id! name url! isInactive? links! refName!"),
    RecordType(
        "customerSubsidiaryRelationship", "Customer-Subsidiary Relationship",
        "id! externalId entity>customer subsidiary>subsidiary isInactive? isPrimarySub?!"
        " lastModifiedDate^! links! refName!",
        verbs="crud", title="id", modified=("", "lastModifiedDate"),
    ),
)  # fmt: skip
TYPES: dict[str, RecordType] = {each.name: each for each in _TYPES}
BY_PATH: dict[str, RecordType] = {each.name.lower(): each for each in _TYPES}
#: What a reference to a group may point at.
MEMBERS: dict[str, tuple[str, ...]] = {
    "entity": ("customer", "job", "contact", "employee"),
    "item": ("serviceSaleItem",),
    "transaction": tuple(each.name for each in _TYPES if each.transaction),
}
#: Documents that settle invoices through their `apply` lines.
SETTLERS = ("customerPayment", "creditMemo", "depositApplication")
