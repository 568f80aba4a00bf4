"""Every refusal QuickBooks Online gives, and its bodies in both dialects.

The accounting service answers `{"Fault": {...}}`; the gateway in front of it
answers lower-case keys or XML (Intuit: error codes, handling common errors).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from tieout.sandbox.quickbooks.wire import Row, encode, stamp


class ApiFault(Exception):
    """A refusal by the accounting service: HTTP status, code, message, detail."""

    def __init__(
        self,
        code: int,
        message: str,
        detail: str,
        *,
        status: int = 400,
        kind: str = "ValidationFault",
        element: str = "",
    ) -> None:
        super().__init__(f"{code}: {message}: {detail}")
        self.code = code
        self.message = message
        self.detail = detail
        self.status = status
        self.kind = kind
        self.element = element

    def body(self) -> Row:
        """The `Fault` object."""
        error = {"Message": self.message, "Detail": self.detail, "code": str(self.code)}
        if self.element:
            error["element"] = self.element
        return {"Error": [error], "type": self.kind}


def unsupported(what: str) -> ApiFault:
    return ApiFault(500, "Unsupported Operation", f"Operation {what} is not supported.")


def unknown_property(owner: str, name: str, known: list[str]) -> ApiFault:
    listed = ", ".join(f'"{item}"' for item in known)
    return ApiFault(
        2010,
        "Request has invalid or unsupported property",
        f'Property Name:Unrecognized field "{name}" (class com.intuit.schema.finance.v3.{owner}),'
        f" not marked as ignorable ({len(known)} known properties: {listed})",
        element=name,
    )


def bad_value(name: str, value: object) -> ApiFault:
    return ApiFault(
        2010,
        "Request has invalid or unsupported property",
        f"Property Name:Can not construct {name} from the value {str(value)[:60]!r}",
        element=name,
    )


def required(name: str) -> ApiFault:
    return ApiFault(
        2020,
        "Required param missing, need to supply the required value for the API",
        f"Required parameter {name} is missing in the request",
        element=name,
    )


def bad_id(value: object) -> ApiFault:
    return ApiFault(2030, "Invalid ID", f"Id should be a valid number. Supplied value:{value}")


def wrong_length(name: str, limit: int, supplied: int) -> ApiFault:
    return ApiFault(
        2050,
        "String length specified does not match the supported length",
        "String length is either shorter or longer than supported by specification. "
        f"Min:0 Max:{limit} supported. Supplied length:{supplied}",
        element=name,
    )


def bad_date(name: str, value: object) -> ApiFault:
    return ApiFault(2190, "Invalid date", f"{name} has the invalid date {value}", element=name)


def bad_enum(name: str, value: object) -> ApiFault:
    return ApiFault(
        2170, "Invalid Enumeration", f"Supplied value {value} of {name} is invalid", element=name
    )


def bad_email(name: str, value: object) -> ApiFault:
    return ApiFault(
        2210,
        "Invalid Email Address format",
        f"Email Address does not conform to the RFC 822 standard. Supplied value:{value}",
        element=name,
    )


def out_of_range(name: str, value: Decimal) -> ApiFault:
    return ApiFault(
        2240,
        "Invalid Number",
        f"{name} is outside the valid range. Supplied value:{value:,f}",
        element=name,
    )


def bad_reference(kind: str, value: str) -> ApiFault:
    listed = {"Customer": "Names", "Vendor": "Names", "Employee": "Names"}.get(kind, f"{kind}s")
    return ApiFault(
        2500,
        "Invalid Reference Id",
        f"Invalid Reference Id : {listed} element id {value} not found",
    )


def inactive() -> ApiFault:
    return ApiFault(
        610,
        "Object Not Found",
        "Object Not Found : Something you're trying to use has been made inactive. "
        "Check the fields with accounts, customers, items, vendors or employees.",
    )


def not_found() -> ApiFault:
    return ApiFault(
        610,
        "Object Not Found",
        "Object Not Found : Another user has deleted this transaction.",
    )


def no_customer() -> ApiFault:
    return ApiFault(
        6250,
        "Invalid Customer",
        "Sales transactions must have a customer that exists and is active.",
        element="CustomerRef",
    )


def stale() -> ApiFault:
    return ApiFault(
        5010,
        "Stale Object Error",
        "Stale Object Error : You and another user were working on this at the same time. "
        "The other user finished before you did, so your work was not saved.",
    )


def rule(text: str) -> ApiFault:
    """The catch-all for business rules."""
    return ApiFault(
        6000,
        "A business validation error has occurred while processing your request",
        f"Business Validation Error: {text}",
    )


def not_in_plan(feature: str) -> ApiFault:
    return ApiFault(
        5020,
        "Permission Denied Error",
        f"Permission Denied Error : {feature} is not available in this company.",
    )


def name_taken(by: str) -> ApiFault:
    detail = "The name supplied already exists. : null"
    if by == "Customer":
        detail = (
            "The name supplied already exists. : Another customer is already using this name. "
            "Please use a different name."
        )
    return ApiFault(6240, "Duplicate Name Exists Error", detail)


def amount_rule(amount: Decimal) -> ApiFault:
    supplied = f"{amount:,f}"
    if "." in supplied:
        supplied = supplied.rstrip("0").rstrip(".")
    return ApiFault(
        6070,
        "Amount calculation incorrect in the request",
        f"Amount is not equal to UnitPrice * Qty. Supplied value:{supplied}",
        element="Line.Amount",
    )


def duplicate_number(number: str, entity: str, txn_id: str) -> ApiFault:
    return ApiFault(
        6140,
        "Duplicate Document Number Error",
        "Duplicate Document Number Error : You must specify a different number. "
        f"This number has already been used. DocNumber={number} is assigned to "
        f"TxnType={entity} with TxnId={txn_id}",
    )


def closed_books(password: bool) -> ApiFault:
    if password:
        return ApiFault(
            6210,
            "Account Period Closed, Password Needed",
            "The account period has closed and a password is needed to save transactions in it.",
        )
    return ApiFault(
        6200,
        "Account Period Closed",
        "The account period has closed and the account books cannot be updated through the API.",
    )


def read_only_company() -> ApiFault:
    return ApiFault(
        6190,
        "Invalid Company Status",
        "Subscription period has ended or canceled or there was a billing problem : "
        "Subscription period has ended or canceled or there was a billing problem",
    )


def in_flight() -> ApiFault:
    return ApiFault(
        600,
        "Duplicate Request ID",
        "Duplicate Request ID : a request with this request id is being processed.",
    )


def bad_request_id(value: str) -> ApiFault:
    return ApiFault(
        2130, "Invalid Request Id Format", f"The request id {value!r} has an invalid format."
    )


#: The refusals of a company nobody can work with for now, by `Settings.trouble`.
TROUBLES = {
    "no_admin": ApiFault(
        120,
        "Authorization Failure",
        "The user who connected the app has no access to this company any more.",
        status=401,
        kind="AuthorizationFault",
    ),
    "wrong_cluster": ApiFault(
        130, "Wrong cluster", "The company is on another cluster.", kind="SystemFault"
    ),
    "locked": ApiFault(140, "Company locked", "The company is locked.", kind="SystemFault"),
    "maintenance": ApiFault(
        150, "Company in maintenance", "The company is in maintenance.", kind="SystemFault"
    ),
}


def query_fault(code: int, text: str) -> ApiFault:
    messages = {4000: "Error parsing query", 4001: "Invalid query"}
    prefix = {4000: "QueryParserError: ", 4001: "QueryValidationError: "}[code]
    return ApiFault(code, messages[code], prefix + text)


# -- the gateway ----------------------------------------------------------------


_EMPTY = ("report", "queryResponse", "batchItemResponse", "attachableResponse")


def gateway(
    status: int,
    code: int,
    name: str,
    detail: str,
    kind: str,
    now: datetime,
    *,
    xml: bool,
    headers: dict[str, str] | None = None,
) -> Response:
    """A refusal by the gateway: lower-case JSON keys, or XML whatever was asked for."""
    message = f"message={name}; errorCode={code:06d}; statusCode={status}"
    if xml:
        content = (
            f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><IntuitResponse '
            f'time="{stamp(now)}" xmlns="http://schema.intuit.com/finance/v3">'
            f'<Fault type="{kind}"><Error code="{code}"><Message>{escape(message)}</Message>'
            f"<Detail>{escape(detail)}</Detail></Error></Fault></IntuitResponse>"
        )
        return Response(content, status=status, headers=headers, content_type="application/xml")
    error = {"message": message, "detail": detail, "code": str(code), "element": None}
    body: Row = {"warnings": None, "intuitObject": None, "fault": {"error": [error], "type": kind}}
    body |= dict.fromkeys(_EMPTY)
    body |= {"syncErrorResponse": None, "requestId": None, "time": int(now.timestamp()) * 1000}
    body |= {"status": None, "cdcresponse": []}
    body["batchItemResponse"] = []
    return Response(
        encode(body),
        status=status,
        headers=headers,
        content_type="application/json;charset=UTF-8",
    )
