"""Field values: from JSON or Python into the books, and out again.

Inside the books a value is None, str, bool, int, Decimal, an aware datetime in
UTC at whole seconds, or a date.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from tieout.sandbox.salesforce.errors import ApiError
from tieout.sandbox.salesforce.ids import full_id, is_id
from tieout.sandbox.salesforce.schema import FieldDef

Record = dict[str, Any]
_TEXT = ("string", "textarea", "email", "phone", "url", "picklist")


def coerce(definition: FieldDef, value: Any, object_label: str) -> Any:
    """The stored form of a value. Raises ApiError with the vendor's code for a bad one."""
    if value is None or value == "":
        return False if definition.type == "boolean" else None
    if definition.type in ("currency", "double", "percent", "int"):
        return _number(definition, value)
    if definition.type == "boolean":
        return _boolean(value)
    if definition.type == "datetime":
        return _instant(value)
    if definition.type == "date":
        return _day(value)
    if definition.type in ("reference", "id"):
        return _identifier(definition, value, object_label)
    return _text(definition, value)


def _refused(kind: str, value: Any) -> ApiError:
    return ApiError(
        400,
        "JSON_PARSER_ERROR",
        f"Cannot deserialize instance of {kind} from VALUE_STRING value {value} or request may be "
        "missing a required field at [line:1, column:1]",
    )


def _number(definition: FieldDef, value: Any) -> Decimal | int:
    if isinstance(value, bool | float) or not isinstance(value, int | str | Decimal):
        raise _refused(definition.type, value)
    try:
        number = Decimal(value)
    except InvalidOperation as problem:
        raise _refused(definition.type, value) from problem
    if not number.is_finite() or number.adjusted() >= definition.precision - definition.scale:
        raise ApiError(
            400,
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"{definition.label}: value outside of valid range on numeric field: {value}",
            [definition.name],
        )
    rounded = number.quantize(Decimal(1).scaleb(-definition.scale), rounding=ROUND_HALF_UP)
    return int(rounded) if definition.type == "int" else rounded


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise _refused("boolean", value)


def parse_instant(text: str) -> datetime | None:
    """An instant written with its offset, at whole seconds in UTC; None when it is not one."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    if instant.tzinfo is None or "T" not in text:
        return None
    return instant.astimezone(UTC).replace(microsecond=0)


def parse_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def _instant(value: Any) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(microsecond=0)
    found = parse_instant(value) if isinstance(value, str) else None
    if found is None:
        raise _refused("datetime", value)
    return found


def _day(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    found = parse_day(value) if isinstance(value, str) else None
    if found is None:
        raise _refused("date", value)
    return found


def _identifier(definition: FieldDef, value: Any, object_label: str) -> str:
    if not is_id(value):
        raise ApiError(
            400,
            "MALFORMED_ID",
            f"{object_label} {definition.label}: id value of incorrect type: {value}",
            [definition.name],
        )
    return full_id(str(value))


def _text(definition: FieldDef, value: Any) -> str:
    if isinstance(value, Decimal):
        value = format(value, "f")
    elif isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, int):
        value = str(value)
    if not isinstance(value, str):
        raise _refused("string", value)
    if definition.length and len(value) > definition.length:
        raise ApiError(
            400,
            "STRING_TOO_LONG",
            f"{definition.label}: data value too large: {value} (max length={definition.length})",
            [definition.name],
        )
    if definition.restricted and definition.picklist and value not in definition.picklist:
        raise ApiError(
            400,
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"{definition.label}: bad value for restricted picklist field: {value}",
            [definition.name],
        )
    return value


def render_instant(instant: datetime) -> str:
    """An instant as the API writes it: milliseconds, and an offset without a colon."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def render(value: Any) -> Any:
    """A stored value as it goes into JSON. Amounts lose trailing zeros but keep one decimal."""
    if isinstance(value, datetime):
        return render_instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        short = value.normalize()
        exponent = short.as_tuple().exponent
        whole = isinstance(exponent, int) and exponent > -1
        return short.quantize(Decimal("0.1")) if whole else short
    return value


def is_text(definition: FieldDef) -> bool:
    return definition.type in _TEXT
