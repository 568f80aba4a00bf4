"""The lines of a document: what they cost, which tax they bear, what may stand on them.

Rounding is per line: the line first, then the tax on the rounded line (Xero:
rounding in Xero). Amounts are in the currency of the document.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.xero import fields
from tieout.sandbox.xero.errors import Problems
from tieout.sandbox.xero.wire import ZERO, Row, cents, places

if TYPE_CHECKING:
    from tieout.sandbox.xero.books import Books

_HUNDRED = Decimal(100)
_KEEP = ("Description", "ItemCode", "AccountCode", "TaxType")
#: Which flag of a tax rate lets it stand with an account of a class.
_APPLIES = {
    "ASSET": "CanApplyToAssets",
    "EQUITY": "CanApplyToEquity",
    "EXPENSE": "CanApplyToExpenses",
    "LIABILITY": "CanApplyToLiabilities",
    "REVENUE": "CanApplyToRevenue",
}
_LONGEST = {"Description": 4000, "ItemCode": 30, "AccountCode": 10}


@dataclass
class Reader:
    """Reads the lines of one document; what is wrong goes to `problems`."""

    books: Books
    types: str  # LineAmountTypes
    unitdp: int
    sale: bool
    discounts: bool  # only invoices to clients carry discounts
    approving: bool
    problems: Problems
    old: dict[str, Row] = field(default_factory=dict)  # lines the document has, by LineItemID

    def read(self, sent: list[Row]) -> list[Row]:
        """The lines as they will be stored, amounts computed."""
        return [self._line(index, values) for index, values in enumerate(sent)]

    def _line(self, index: int, sent: Row) -> Row:
        for message in fields.too_long(sent, _LONGEST):
            self.problems.add(message, line=index)
        line = self._base(sent)
        for name in _KEEP:
            value = fields.text(sent, name)
            if value is not None:
                line[name] = value
        self._by_id(sent, line)
        self._from_item(index, line)
        if not self._amounts(index, sent, line):
            self._memo(index, line)
            return line
        account = self._account(index, line)
        self._tax(index, sent, line, account)
        line["Tracking"] = self._tracking(index, sent, line)
        self._complete(index, line)
        return line

    def _base(self, sent: Row) -> Row:
        line_id = fields.guid(sent, "LineItemID")
        old = self.old.get(line_id or "")
        if old is not None:
            # What follows from the amounts is worked out anew.
            gone = ("LineAmount", "TaxAmount", "_tax_given")
            return {key: value for key, value in old.items() if key not in gone}
        return {"LineItemID": self.books.new_id()}

    def _by_id(self, sent: Row, line: Row) -> None:
        account_id = fields.guid(sent, "AccountID")
        if account_id is None or fields.text(sent, "AccountCode"):
            return
        found = self.books.find("Accounts", account_id)
        line["AccountCode"] = found.get("Code", "") if found else account_id

    def _from_item(self, index: int, line: Row) -> None:
        code = line.get("ItemCode")
        if not code:
            return
        item = self.books.item(code)
        if item is None:
            self.problems.add(f"Item code '{code}' is not valid.", line=index)
            return
        side = "SalesDetails" if self.sale else "PurchaseDetails"
        details = item.get(side) or {}
        words = item.get("Description" if self.sale else "PurchaseDescription")
        line["_price"] = details.get("UnitPrice")
        for name, value in (
            ("Description", words or item.get("Name")),
            ("AccountCode", details.get("AccountCode")),
            ("TaxType", details.get("TaxType")),
        ):
            if value and not line.get(name):
                line[name] = value

    # -- money -----------------------------------------------------------------------
    def _amounts(self, index: int, sent: Row, line: Row) -> bool:
        """Fill in quantity, price and amount; False for a line of words only."""
        mode = self.books.settings.rounding_mode
        quantity, unit = fields.number(sent, "Quantity"), fields.number(sent, "UnitAmount")
        amount = fields.number(sent, "LineAmount")
        price = line.pop("_price", None)
        if quantity is None and amount is None:
            quantity = line.get("Quantity")
        if unit is None and amount is None:
            unit = line.get("UnitAmount", price)
        if quantity is None and unit is None and amount is None:
            return False
        if quantity is not None and quantity < 0:
            text = f"The quantity value '{places(quantity, 4, mode):f}' is invalid"
            self.problems.add(text, line=index)
            return True
        self._check_digits(index, unit)
        quantity = None if quantity is None else places(quantity, 4, mode)
        unit = None if unit is None else places(unit, self.unitdp, mode)
        self._discount(index, sent, line)
        quantity, unit = self._derived(quantity, unit, amount, line)
        if quantity is None or unit is None:
            # A quantity alone: enough for a draft.
            line["Quantity"] = quantity or ZERO
            line["LineAmount"] = line["TaxAmount"] = ZERO
            if self.approving:
                self.problems.add("UnitAmount must be specified", line=index)
            return True
        expected = self._expected(quantity, unit, line)
        self._check_zero(index, amount, line)
        if amount is not None and line.pop("_derived", None):
            expected = places(amount, 2, mode)
        elif amount is not None and places(amount, 2, mode) != expected:
            text = f"The line total {amount:f} does not match the expected line total {expected:f}"
            self.problems.add(text, line=index)
        line |= {"Quantity": quantity, "UnitAmount": unit, "LineAmount": expected}
        return True

    def _check_zero(self, index: int, amount: Decimal | None, line: Row) -> None:
        discounted = "DiscountRate" in line or "DiscountAmount" in line
        if self.books.settings.zero_line_amount == "accept" or amount is None or not discounted:
            return
        if not cents(amount):
            self.problems.add("The line amount cannot be zero with a discount", line=index)

    def _check_digits(self, index: int, unit: Decimal | None) -> None:
        if unit is None or self.books.settings.long_amounts == "round":
            return
        exponent = unit.as_tuple().exponent
        if isinstance(exponent, int) and -exponent > self.unitdp:
            # A known oddity: what is wrong is the price, what is said is this.
            for text in ("Account must be valid.", "Tax rate must be valid."):
                self.problems.add(text, line=index)

    def _derived(
        self, quantity: Decimal | None, unit: Decimal | None, amount: Decimal | None, line: Row
    ) -> tuple[Decimal | None, Decimal | None]:
        """Work the missing one of quantity, price and amount out."""
        mode = self.books.settings.rounding_mode
        if amount is None:
            return (Decimal("1.0000") if quantity is None else quantity), unit
        if quantity is None and unit is None:
            quantity = Decimal("1.0000")
        share = 1 - line.get("DiscountRate", ZERO) / _HUNDRED
        whole = amount + line.get("DiscountAmount", ZERO)
        if unit is None and quantity:
            line["_derived"] = True
            unit = places(whole / quantity / (share or 1), self.unitdp, mode)
        elif quantity is None and unit:
            line["_derived"] = True
            quantity = places(whole / unit / (share or 1), 4, mode)
        return quantity, unit

    def _expected(self, quantity: Decimal, unit: Decimal, line: Row) -> Decimal:
        mode = self.books.settings.rounding_mode
        gross = quantity * unit
        if "DiscountRate" in line:
            return places(gross * (_HUNDRED - line["DiscountRate"]) / _HUNDRED, 2, mode)
        return places(gross - line.get("DiscountAmount", ZERO), 2, mode)

    def _discount(self, index: int, sent: Row, line: Row) -> None:
        rate = fields.number(sent, "DiscountRate")
        amount = fields.number(sent, "DiscountAmount")
        if rate is None and amount is None:
            return
        if not self.discounts:
            self.problems.add("Discounts are not allowed on this type of document", line=index)
        elif rate is not None and amount is not None:
            text = "Only one of DiscountRate and DiscountAmount can be specified"
            self.problems.add(text, line=index)
        elif not (rate or amount):
            if self.books.settings.zero_discount == "refuse":
                self.problems.add("The discount must be greater than zero", line=index)
        elif rate is not None and not 0 < rate <= _HUNDRED:
            self.problems.add("The discount rate must be between 0 and 100", line=index)
        else:
            line.pop("DiscountRate", None)
            line.pop("DiscountAmount", None)
            name = "DiscountAmount" if rate is None else "DiscountRate"
            line[name] = places(rate or amount or ZERO, 2)

    # -- account and tax -----------------------------------------------------------------
    def _account(self, index: int, line: Row) -> Row | None:
        code = line.get("AccountCode")
        if not code:
            if self.approving:
                self.problems.add("Account code or ID must be specified", line=index)
            return None
        account = self.books.account(code)
        usable = account is not None and account["Status"] == "ACTIVE"
        if account is None or not usable or _closed_to_lines(account):
            text = f"Account code '{code}' is not a valid code for this document."
            self.problems.add(text, line=index)
            return None
        line["AccountID"] = account["AccountID"]
        return account

    def _tax(self, index: int, sent: Row, line: Row, account: Row | None) -> None:
        if self.types == "NoTax":
            line |= {"TaxType": "NONE", "TaxAmount": ZERO}
            return
        tax_type = line.get("TaxType") or (account or {}).get("TaxType") or "NONE"
        line["TaxType"] = tax_type
        rate = self.books.find("TaxRates", tax_type)
        if rate is None or rate["Status"] != "ACTIVE":
            text = (
                f"The TaxType code '{tax_type}' does not exist or cannot be used for this "
                "type of transaction."
            )
            self.problems.add(text, line=index)
            return
        if account is not None and not rate[_APPLIES[account["Class"]]]:
            code = line["AccountCode"]
            text = f"The TaxType code '{tax_type}' cannot be used with account code '{code}'."
            self.problems.add(text, line=index)
        mode = self.books.settings.rounding_mode
        given = fields.number(sent, "TaxAmount")
        if given is not None:
            line |= {"TaxAmount": places(given, 2, mode), "_tax_given": True}
            return
        percent, amount = rate["EffectiveRate"], line.get("LineAmount", ZERO)
        if self.types == "Inclusive":
            tax = amount * percent / (_HUNDRED + percent)
        else:
            tax = amount * percent / _HUNDRED
        line["TaxAmount"] = places(tax, 2, mode)

    # -- the rest --------------------------------------------------------------------------
    def _tracking(self, index: int, sent: Row, line: Row) -> list[Row]:
        wanted = fields.parts(sent, "Tracking")
        if wanted is None:
            kept: list[Row] = line.get("Tracking", [])
            return kept
        if len(wanted) > 2:
            text = "A line item can have at most 2 tracking categories"
            self.problems.add(text, line=index)
        found = []
        for each in wanted:
            chosen = _option(self.books, each)
            if isinstance(chosen, str):
                self.problems.add(chosen, line=index)
            else:
                found.append(chosen)
        if len({each["TrackingCategoryID"] for each in found}) < len(found):
            text = "A tracking category can be used only once on a line item"
            self.problems.add(text, line=index)
        return found

    def _memo(self, index: int, line: Row) -> None:
        line["Tracking"] = []
        line["LineAmount"] = line["TaxAmount"] = ZERO
        if not line.get("Description"):
            self.problems.add("Description must be specified", line=index)

    def _complete(self, index: int, line: Row) -> None:
        if self.approving and not line.get("Description"):
            self.problems.add("Description must be specified", line=index)


def _closed_to_lines(account: Row) -> bool:
    """Bank accounts and Xero's own accounts take no lines; the one for rounding does."""
    system = account.get("SystemAccount", "ROUNDING")
    return bool(account["Type"] == "BANK" or system != "ROUNDING")


def _option(books: Books, sent: Row) -> Row | str:
    """The tracking option a line names, or what is wrong with it."""
    category_id = fields.guid(sent, "TrackingCategoryID")
    option_id = fields.guid(sent, "TrackingOptionID")
    name, wanted = fields.text(sent, "Name"), fields.text(sent, "Option")
    for category in books.rows("TrackingCategories"):
        if category_id not in (None, category["TrackingCategoryID"]):
            continue
        if category_id is None and name not in (None, category["Name"]):
            continue
        for option in category["Options"]:
            same = option["TrackingOptionID"] == option_id
            if not same and (option_id is not None or option["Name"] != wanted):
                continue
            if category["Status"] != "ACTIVE" or option["Status"] != "ACTIVE":
                return f"The tracking option '{option['Name']}' is archived"
            return {
                "Name": category["Name"],
                "Option": option["Name"],
                "TrackingCategoryID": category["TrackingCategoryID"],
                "TrackingOptionID": option["TrackingOptionID"],
            }
    label = wanted or option_id or name or category_id
    return f"The tracking option '{label}' does not exist"


def totals(lines: list[Row], types: str) -> Row:
    """SubTotal, TotalTax, Total and TotalDiscount of lines."""
    amount = sum((line["LineAmount"] for line in lines), ZERO)
    tax = sum((line["TaxAmount"] for line in lines), ZERO)
    whole = amount if types == "Inclusive" else amount + tax
    found = {"SubTotal": whole - tax, "TotalTax": tax, "Total": whole}
    discount = sum((_discounted(line) for line in lines), ZERO)
    if discount:
        found["TotalDiscount"] = discount
    return {name: places(value, 2) for name, value in found.items()}


def _discounted(line: Row) -> Decimal:
    if "DiscountRate" not in line and "DiscountAmount" not in line:
        return ZERO
    gross = line["Quantity"] * line["UnitAmount"]
    return Decimal(places(gross - line["LineAmount"], 2))
