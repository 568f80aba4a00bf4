"""The fields of every entity, and the cleaning of what callers send.

Field names and lengths are those of Intuit's API reference. Each shape is
written `Name:kind`; kinds are explained at `_clean_value`. Empty strings,
nulls and empty references count as absent, and read-only fields are ignored,
because public client libraries send them all the time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from tieout.sandbox.quickbooks import faults
from tieout.sandbox.quickbooks.wire import Row, cents, rounded

_COMMON = "Id:ro SyncToken:ro MetaData:ro domain:ro sparse:ro status:ro AttachableRef:ro"
_SALES = """
DocNumber:s21 AutoDocNumber:b TxnDate:date DueDate:date SalesTermRef:r=Term CustomerRef:r=Customer
CurrencyRef:cur ExchangeRate:f BillEmail:email BillEmailCc:email BillEmailBcc:email BillAddr:addr
ShipAddr:addr ShipFromAddr:addr CustomerMemo:memo PrivateNote:s4000 ClassRef:r=Class
DepartmentRef:r=Department ProjectRef:r=Customer Line:x TxnTaxDetail:x
GlobalTaxCalculation:e=TaxExcluded|TaxInclusive|NotApplicable ApplyTaxAfterDiscount:b
PrintStatus:e=NotSet|NeedToPrint|PrintComplete EmailStatus:e=NotSet|NeedToSend|EmailSent
CustomField:fields TotalAmt:ro Balance:ro HomeTotalAmt:ro HomeBalance:ro FreeFormAddress:ro
RecurDataRef:ro TaxExemptionRef:ro DeliveryInfo:ro TransactionLocationType:s100 TxnStatus:ro
TxnSource:ro"""
_ADDRESS = (
    "Id Line1 Line2 Line3 Line4 Line5 City CountrySubDivisionCode Country PostalCode Lat Long Note"
)

SHAPE_TEXTS: dict[str, str] = {
    "Customer": """
DisplayName:n500 Title:s16 GivenName:n100 MiddleName:n100 FamilyName:n100 Suffix:s16
CompanyName:s500 PrintOnCheckName:s110 PrimaryEmailAddr:email PrimaryPhone:phone
AlternatePhone:phone Mobile:phone Fax:phone WebAddr:web BillAddr:addr ShipAddr:addr Notes:s2000
Active:b Taxable:b DefaultTaxCodeRef:r=TaxCode SalesTermRef:r=Term PaymentMethodRef:r=PaymentMethod
CurrencyRef:cur PreferredDeliveryMethod:e=Print|Email|None Job:b ParentRef:r=Customer
BillWithParent:b ResaleNum:s16 ARAccountRef:r=Account CustomerTypeRef:x TaxExemptionReasonId:x
FullyQualifiedName:ro Balance:ro BalanceWithJobs:ro Level:ro IsProject:ro OpenBalanceDate:ro
PrimaryTaxIdentifier:s20 ClientEntityId:ro V4IDPseudonym:ro""",
    "Vendor": """
DisplayName:n500 Title:s16 GivenName:n100 MiddleName:n100 FamilyName:n100 Suffix:s16
CompanyName:s500 PrintOnCheckName:s110 PrimaryEmailAddr:email PrimaryPhone:phone Mobile:phone
BillAddr:addr Active:b TermRef:r=Term CurrencyRef:cur AcctNum:s100 Vendor1099:b Balance:ro
V4IDPseudonym:ro""",
    "Employee": """
DisplayName:n500 Title:s16 GivenName:n100 MiddleName:n100 FamilyName:n100 Suffix:s16
PrintOnCheckName:s110 PrimaryEmailAddr:email PrimaryPhone:phone Mobile:phone PrimaryAddr:addr
Active:b BillableTime:b BillRate:d HiredDate:date ReleasedDate:date V4IDPseudonym:ro""",
    "Item": """
Name:n100 Description:s4000 Active:b SubItem:b ParentRef:r=Item Taxable:b SalesTaxIncluded:b
UnitPrice:d RatePercent:d Type:e=Service|NonInventory|Inventory|Group|Category
IncomeAccountRef:r=Account ExpenseAccountRef:r=Account AssetAccountRef:r=Account PurchaseDesc:s1000
PurchaseTaxIncluded:b PurchaseCost:d TrackQtyOnHand:b QtyOnHand:d InvStartDate:date
SalesTaxCodeRef:r=TaxCode PurchaseTaxCodeRef:r=TaxCode Sku:s100 ClassRef:r=Class
PrefVendorRef:r=Vendor AbatementRate:x ReverseChargeRate:x ServiceType:x ItemCategoryType:x
TaxClassificationRef:x FullyQualifiedName:ro Level:ro""",
    "Account": """
Name:n100 SubAccount:b ParentRef:r=Account Description:s100 AcctNum:s20 AccountType:s100
AccountSubType:s100 Classification:s20 CurrencyRef:cur TaxCodeRef:r=TaxCode Active:b
CurrentBalance:ro CurrentBalanceWithSubAccounts:ro FullyQualifiedName:ro""",
    "Term": """
Name:n31 Active:b Type:ro DueDays:i DiscountDays:i DiscountPercent:d DayOfMonthDue:i
DueNextMonthDays:i DiscountDayOfMonth:i""",
    "Class": "Name:n100 SubClass:b ParentRef:r=Class Active:b FullyQualifiedName:ro",
    "Department": """
Name:n100 SubDepartment:b ParentRef:r=Department Active:b FullyQualifiedName:ro Address:addr""",
    "PaymentMethod": "Name:n31 Type:s20 Active:b",
    "TaxAgency": """
DisplayName:n100 TaxTrackedOnPurchases:b TaxTrackedOnSales:b TaxRegistrationNumber:s30""",
    "TaxRate": """
Name:n100 Description:s100 Active:b RateValue:d AgencyRef:x SpecialTaxType:x EffectiveTaxRate:x
DisplayType:x""",
    "TaxCode": """
Name:n100 Description:s100 Active:b Hidden:b Taxable:b TaxGroup:b SalesTaxRateList:x
PurchaseTaxRateList:x TaxCodeConfigType:x""",
    "CompanyCurrency": "Code:s3 Name:s100 Active:b CustomField:ro",
    "Invoice": _SALES
    + """
Deposit:m DepositToAccountRef:r=Account ShipDate:date ShipMethodRef:x TrackingNum:s31 LinkedTxn:x
AllowIPNPayment:b AllowOnlinePayment:b AllowOnlineCreditCardPayment:b AllowOnlineACHPayment:b
InvoiceLink:ro EInvoiceStatus:ro PONumber:s15""",
    "CreditMemo": _SALES
    + """
RemainingCredit:ro PaymentMethodRef:r=PaymentMethod DepositToAccountRef:r=Account PaymentRefNum:s21
LinkedTxn:ro InvoiceRef:ro""",
    "Payment": """
CustomerRef:r=Customer TotalAmt:m TxnDate:date PaymentRefNum:s21 PaymentMethodRef:r=PaymentMethod
DepositToAccountRef:r=Account ARAccountRef:r=Account CurrencyRef:cur ExchangeRate:f
PrivateNote:s4000 ProjectRef:r=Customer Line:x ProcessPayment:b CreditCardPayment:x UnappliedAmt:ro
LinkedTxn:ro TxnStatus:ro TxnSource:ro TaxExemptionRef:ro TransactionLocationType:s100""",
    "TimeActivity": """
NameOf:e=Employee|Vendor|Other EmployeeRef:r=Employee VendorRef:r=Vendor OtherNameRef:x TxnDate:date
CustomerRef:r=Customer ItemRef:r=Item ClassRef:r=Class DepartmentRef:r=Department
ProjectRef:r=Customer BillableStatus:e=Billable|NotBillable|HasBeenBilled HourlyRate:d CostRate:d
Hours:i Minutes:i Seconds:i BreakHours:i BreakMinutes:i StartTime:s40 EndTime:s40 Description:s4000
Taxable:b PayrollItemRef:x TransactionLocationType:s100""",
    "JournalEntry": """
DocNumber:s21 TxnDate:date PrivateNote:s4000 CurrencyRef:cur ExchangeRate:f Adjustment:b Line:x
TotalAmt:ro TxnTaxDetail:ro HomeTotalAmt:ro""",
    "Attachable": """
FileName:s1000 Note:s2000 ContentType:s100 Category:s100 Tag:s2000 PlaceName:s2000
Lat:s100 Long:s100 AttachableRef:x Size:ro FileAccessUri:ro TempDownloadUri:ro
ThumbnailFileAccessUri:ro ThumbnailTempDownloadUri:ro""",
    "ExchangeRate": """
SourceCurrencyCode:s3 TargetCurrencyCode:s3 Rate:f AsOfDate:date CustomField:ro""",
    # parts
    "Line": """
LineNum:i Description:s4000 Amount:m+ DetailType:s40 LinkedTxn:x CustomField:x LineEx:ro
SalesItemLineDetail:x DescriptionLineDetail:x DiscountLineDetail:x GroupLineDetail:x
SubTotalLineDetail:ro SubtotalLineDetail:ro JournalEntryLineDetail:x""",
    "SalesItemLineDetail": """
ItemRef:r=Item ClassRef:r=Class UnitPrice:d RatePercent:d Qty:d ServiceDate:date TaxCodeRef:code
TaxInclusiveAmt:m ItemAccountRef:r=Account PriceLevelRef:x MarkupInfo:x DiscountRate:d DiscountAmt:m
TaxClassificationRef:x DeferredRevenue:b""",
    "DescriptionLineDetail": "ServiceDate:date TaxCodeRef:code",
    "DiscountLineDetail": """
PercentBased:b DiscountPercent:d DiscountAccountRef:r=Account TaxCodeRef:code ClassRef:r=Class
ServiceDate:date Discount:x DiscountRef:x""",
    "GroupLineDetail": "GroupItemRef:r=Item Quantity:d ServiceDate:date Line:x",
    "JournalEntryLineDetail": """
PostingType:e=Debit|Credit AccountRef:r=Account Entity:x ClassRef:r=Class DepartmentRef:r=Department
TaxCodeRef:code TaxAmount:m TaxApplicableOn:x BillableStatus:x""",
}


def _parsed(text: str) -> dict[str, str]:
    return dict(part.split(":", 1) for part in text.split())


_COMMON_FIELDS = _parsed(_COMMON)
SHAPES: dict[str, dict[str, str]] = {
    # An entity's own meaning of a name wins over the common one.
    name: {**_COMMON_FIELDS, **_parsed(text)}
    for name, text in SHAPE_TEXTS.items()
}
PARTS = {name for name in SHAPES if name.endswith("LineDetail")} | {"Line"}
ENTITIES = [name for name in SHAPES if name not in PARTS]
TRANSACTIONS = {"Invoice", "CreditMemo", "Payment", "TimeActivity", "JournalEntry"}
#: Entities that are switched off instead of deleted (Intuit: data queries).
LISTS = {
    "Customer", "Vendor", "Employee", "Item", "Account", "Term", "Class", "Department",
    "PaymentMethod", "TaxRate", "TaxCode", "CompanyCurrency",
}  # fmt: skip
REFERENCE_KINDS = {
    shape: {field: kind[2:] for field, kind in fields.items() if kind.startswith("r=")}
    for shape, fields in SHAPES.items()
}

_WRAPPED = {"email": "Address", "phone": "FreeFormNumber", "web": "URI", "memo": "value"}
_WRAPPED_LENGTH = {"email": 100, "phone": 30, "web": 1000, "memo": 1000}
_MOST = Decimal(10) ** 15


def clean(shape: str, payload: object) -> tuple[Row, set[str]]:
    """What a caller sent, checked field by field: (values, fields sent as null).

    Unknown fields raise fault 2010. Numbers may come as text.
    """
    if not isinstance(payload, dict):
        raise faults.bad_value(shape, payload)
    fields = SHAPES[shape]
    values: Row = {}
    nulls: set[str] = set()
    for name, value in payload.items():
        kind = fields.get(name)
        if kind is None:
            raise faults.unknown_property(shape, name, sorted(fields))
        if kind == "ro":
            continue
        if value is None:
            nulls.add(name)
            continue
        cleaned = _clean_value(kind, name, value)
        if cleaned is not None:
            values[name] = cleaned
    return values, nulls


def _clean_value(kind: str, name: str, value: Any) -> Any:
    """One value by its kind, None for absent.

    s100 text, n100 a name, b flag, i whole number, d number, f finer number, m money,
    m+ money kept as sent, date, r=X reference, cur currency reference, code tax code
    reference, e=A|B enumeration, addr/email/phone/web/memo wrapped texts, fields custom
    fields, x left as sent.
    """
    if value == "" and kind != "x":
        return None
    if kind == "x":
        return value
    if kind.startswith("e="):
        return _enumerated(kind[2:].split("|"), name, value)
    if kind in _WRAPPED:
        return _wrapped(kind, name, value)
    if kind.startswith("r=") or kind in ("cur", "code"):
        return _reference(kind, name, value)
    if kind[0] in "sn" and kind[1:].isdigit():
        return _text(name, value, int(kind[1:]), name_like=kind[0] == "n")
    return _PLAIN[kind](name, value)


def _text(name: str, value: Any, limit: int, *, name_like: bool = False) -> str | None:
    if isinstance(value, dict | list):
        raise faults.bad_value(name, value)
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    text = text.rstrip() if not name_like else text.strip()
    if len(text) > limit:
        raise faults.wrong_length(name, limit, len(text))
    if name_like and any(mark in text for mark in ":\t\n"):
        raise faults.rule(f"{name} must not contain a colon, a tab or a new line")
    return text or None


def _flag(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise faults.bad_value(name, value)


def number(name: str, value: Any) -> Decimal:
    """A number sent as a JSON number or as text, exact."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise faults.bad_value(name, value)
    try:
        parsed = Decimal(value)
    except InvalidOperation:
        raise faults.bad_value(name, value) from None
    if not parsed.is_finite():
        raise faults.bad_value(name, value)
    if parsed and not -30 < parsed.adjusted() < 15:
        raise faults.out_of_range(name, _MOST)
    return parsed


def _whole(name: str, value: Any) -> int:
    parsed = number(name, value)
    if parsed != parsed.to_integral_value():
        raise faults.bad_value(name, value)
    return int(parsed)


def _date(name: str, value: Any) -> str:
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        raise faults.bad_date(name, value) from None


def _address(name: str, value: Any) -> Row | None:
    if not isinstance(value, dict):
        raise faults.bad_value(name, value)
    known = _ADDRESS.split()
    kept: Row = {}
    for key, text in value.items():
        if key not in known:
            raise faults.unknown_property("PhysicalAddress", key, known)
        limit = {"City": 255, "Country": 255, "PostalCode": 30}.get(key, 500)
        cleaned = None if text is None else _text(f"{name}.{key}", text, limit)
        # Coordinates are no longer returned since September 2025 (Intuit: API changes).
        if cleaned is not None and key not in ("Lat", "Long", "Note"):
            kept[key] = cleaned
    if sum(len(text) for key, text in kept.items() if key.startswith("Line")) > 2000:
        raise faults.wrong_length(name, 2000, 2001)
    return kept or None


def _wrapped(kind: str, name: str, value: Any) -> Row | None:
    key = _WRAPPED[kind]
    if not isinstance(value, dict):
        raise faults.bad_value(name, value)
    unknown = set(value) - {key, "Id", "Default", "Tag"}
    if unknown:
        raise faults.unknown_property(name, min(unknown), [key])
    inner = value.get(key)
    text = None if inner is None else _text(f"{name}.{key}", inner, _WRAPPED_LENGTH[kind])
    if text is None:
        return None
    if kind == "email" and not all(_looks_like_email(part) for part in text.split(",")):
        raise faults.bad_email(name, text)
    return {key: text}


def _looks_like_email(text: str) -> bool:
    local, _, domain = text.strip().rpartition("@")
    return bool(local) and bool(domain) and " " not in text.strip()


def _reference(kind: str, name: str, value: Any) -> Row | None:
    if not isinstance(value, dict):
        raise faults.bad_value(name, value)
    unknown = set(value) - {"value", "name", "type"}
    if unknown:
        raise faults.unknown_property("ReferenceType", min(unknown), ["name", "type", "value"])
    target = value.get("value")
    if target is None or str(target).strip() == "":
        return None
    text = str(target).strip()
    free = kind in ("cur", "code") or kind == "r=TaxCode"
    if not free and not text.lstrip("-").isdigit():
        raise faults.bad_id(text)
    return {"value": text}


def _enumerated(allowed: list[str], name: str, value: Any) -> str:
    if value not in allowed:
        raise faults.bad_enum(name, value)
    return str(value)


def _custom_fields(name: str, value: Any) -> list[Row]:
    """The old custom fields: three texts of 31 characters."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise faults.bad_value(name, value)
    for each in value:
        _text(f"{name}.StringValue", each.get("StringValue") or "", 31)
    return [dict(each) for each in value]


_PLAIN: dict[str, Callable[[str, Any], Any]] = {
    "b": _flag,
    "i": _whole,
    "d": lambda name, value: rounded(number(name, value), 5),
    "f": lambda name, value: rounded(number(name, value), 10),
    "m": lambda name, value: cents(number(name, value)),
    "m+": number,
    "date": _date,
    "addr": _address,
    "fields": _custom_fields,
}
