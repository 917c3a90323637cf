"""Abuse cases by number: which tests cover which, told from their names and docstrings.

A test covers case 76 if its name or docstring says ``case 76``, ``case_76``, ``cases_79_80`` or ``cases 71 to 75``.
"""

from __future__ import annotations

import re
from typing import Final

#: The numbers of the service's own cases: network, API, registry, ledger and operation.
OF_THE_SERVICE: Final = range(70, 116)
_NAMED: Final = re.compile(r"(?<![a-z])cases?[ _]?(\d+(?:(?:, | and | to |_and_|_to_|_)\d+)*)", re.IGNORECASE)


def named(text: str) -> set[int]:
    """The numbers that ``text`` names."""
    found: set[int] = set()
    for match in _NAMED.finditer(text):
        for part in re.split(r", | and |_and_", match[1]):
            first, ranged, last = part.replace("_to_", " to ").partition(" to ")
            found |= (
                set(range(int(first), int(last) + 1)) if ranged else {int(one) for one in first.split("_")}
            )
    return found


def asked(text: str) -> set[int]:
    """The numbers of a choice like ``70-115`` or ``76,81``; raises ValueError."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found
