"""Record ids: 15 case-sensitive characters plus a 3-character checksum of their case."""

from __future__ import annotations

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def checksum(id15: str) -> str:
    """The three characters that make an id safe where case is lost.

    Each covers five characters: bit n is set when character n is a capital letter.
    """
    groups = (id15[start : start + 5] for start in (0, 5, 10))
    return "".join(
        _SUFFIX[sum(1 << place for place, sign in enumerate(group) if "A" <= sign <= "Z")]
        for group in groups
    )


def make_id(prefix: str, number: int) -> str:
    """The 18-character id of the `number`-th record of an object with this key prefix."""
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _DIGITS[rest] + digits
    id15 = prefix + "5g00000" + digits.rjust(5, "0")
    return id15 + checksum(id15)


def full_id(text: str) -> str:
    """The 18-character form of an id of 15 or 18 characters."""
    return text[:15] + checksum(text[:15])


def is_id(text: object) -> bool:
    """Whether a text is a well-formed id of 15 or 18 characters."""
    if not isinstance(text, str) or len(text) not in (15, 18) or not text.isascii():
        return False
    if not text.isalnum():
        return False
    return len(text) == 15 or checksum(text[:15]) == text[15:].upper()
