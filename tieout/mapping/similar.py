"""How alike two names are, for suggestions: the one place that knows rapidfuzz.

A likeness never decides anything. It orders what a person is shown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rapidfuzz import fuzz, process

from tieout.mapping.directory import folded

#: Words at the end of a name that say only what kind of company it is.
_FORMS = frozenset(
    (
        "inc", "incorporated", "corp", "corporation", "co", "company", "llc", "llp", "lp", "ltd",
        "limited", "plc", "pllc", "pc", "gmbh", "ag", "kg", "ug", "bv", "nv", "sa", "sas", "sarl",
        "srl", "spa", "ab", "as", "oy", "pty", "pte", "kk",
    )
)  # fmt: skip
#: Providers that give addresses to anybody: to share one means nothing.
_PUBLIC = frozenset(
    (
        "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com",
        "yahoo.com", "icloud.com", "me.com", "aol.com", "proton.me", "protonmail.com", "gmx.com",
        "gmx.de", "gmx.net", "web.de", "mail.com", "zoho.com",
    )
)  # fmt: skip


def core(name: str) -> str:
    """A name as it is compared for likeness: no case, no punctuation, no `Inc.` at its end."""
    words = re.sub(r"[^\w\s]", " ", folded(name).replace("&", " and ")).split()
    while (less := _without_a_form(words)) != words:
        words = less
    return " ".join(words)


def _without_a_form(words: list[str]) -> list[str]:
    """Without the last word when it says only what kind of company it is; never without all."""
    last = words[-1:]
    if len(words) > 1 and (last[0] in _FORMS or last[0] == "and"):
        return words[:-1]
    # `B.V.` and `S.A.` fall into letters: they count as one word.
    if len(words) > 2 and len(words[-1]) == 1 and "".join(words[-2:]) in _FORMS:
        return words[:-2]
    return words


class Names:
    """Many names, to be asked which of them are like one. Their places are their numbers."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = [core(name) for name in names]

    def like(self, name: str, *, least: int = 60, most: int = 20) -> list[tuple[int, int]]:
        """(place, likeness 0 to 100) of the names most like one, best first.

        100 is the same but for case, punctuation and the kind of company.
        """
        wanted = core(name)
        found = process.extract(
            wanted, self._names, scorer=fuzz.WRatio, score_cutoff=least, limit=most
        )
        # A part of a name is very like it, and yet another name: only the same is 100.
        scored = [
            (place, 100 if there == wanted else min(int(score), 99))
            for there, score, place in found
        ]
        return sorted(scored, key=lambda each: (-each[1], each[0]))


def own_domain(email: str) -> str:
    """The domain of an address, "" for one that anybody can have."""
    domain = folded(email).rpartition("@")[2] if "@" in email else ""
    return "" if domain in _PUBLIC else domain
