"""Spellings of one phone number under which WhatsApp may know it, and the form in which numbers are compared. Pure.

In three countries people write numbers differently than WhatsApp registers them: Argentina (a 9 after the country code
for mobiles; at home a 15 after the area code), Mexico (a 1 after the country code, now dropped; at home 044, 045 or 01)
and Brazil (a ninth digit that older accounts do not have). Only the service knows which is right. Addresses from
WhatsApp are not changed.
"""

from __future__ import annotations

import re
from functools import lru_cache

_ARGENTINA = re.compile(r"54(9?)0?(\d{10}|\d{12})")
_ARGENTINA_IN_LISTS = re.compile(r"(11|[23]\d)(\d{8}|\d{10})")
_MEXICO = re.compile(r"52(1|01|044|045)?([2-9]\d{9})")
#: Mobiles only. In São Paulo (area 11) those that begin with 5 are mobiles, too, and so are some landlines.
_BRAZIL = re.compile(r"55(\d{2})(9?)([6-9]\d{7}|(?<=5511)5\d{7}|(?<=55119)5\d{7})")
_BRAZIL_AT_HOME = re.compile(r"0([1-9]\d\d{8,9})")
#: Argentine area codes of three digits; 11 is the only one of two, all others have four. Source: the numbering plan
#: of ENACOM.
_THREE_DIGITS = frozenset(
    f"{first}{last}"
    for first, lasts in {
        "22": "0 1 3",
        "23": "0 6 7",
        "24": "9",
        "26": "0 1 3 4 6",
        "28": "0",
        "29": "1 4 7 8 9",
        "33": "6",
        "34": "1 2 3 5 8",
        "35": "1 3 8",
        "36": "2 4",
        "37": "0 6 9",
        "38": "0 1 3 5 7 8",
    }.items()
    for last in lasts.split()
)


def candidates(number: str) -> tuple[str, ...]:
    """The number's spellings in the order of their look-up; only itself where no variants are known.

    `number` is digits in international form, without `+`.
    """
    if match := _ARGENTINA.fullmatch(number):
        national = _without_15(match[2])
        # the mobile form first: nearly every account is registered with it
        return (number,) if national is None else (f"549{national}", f"54{national}")
    if match := _MEXICO.fullmatch(number):
        forms = (f"52{match[2]}", f"521{match[2]}")
        return forms if number == forms[0] else forms[::-1]
    if match := _BRAZIL.fullmatch(number):
        return (number, f"55{match[1]}{'' if match[2] else '9'}{match[3]}")
    return (number,)


@lru_cache(maxsize=10_000)
def canonical(number: str) -> str:
    """The one form of a number that stands for all its spellings: only for comparisons, it may not be registered."""
    return max(candidates(number), key=len)


def from_home(number: str, own: str) -> str | None:
    """The international form of a number with a leading 0, as it is dialled in the country of the number `own`.

    None where that country's rules are not known, or are not kept.
    """
    match own[:2]:
        case "54" | "52" as country:
            forms = candidates(country + number)
            return forms[0] if len(forms) > 1 else None
        case "55":
            match = _BRAZIL_AT_HOME.fullmatch(number)
            return f"55{match[1]}" if match else None
        case _:
            return None


def lacks_country(number: str, own: str) -> bool:
    """Whether it is a number as lists of the country of `own` have it, without 0 and country code: `1155500001`.

    Known for Argentina only. Some foreign numbers of ten digits look like it, too.
    """
    return own.startswith("54") and bool(_ARGENTINA_IN_LISTS.fullmatch(number)) and _without_15(number) is not None


def _without_15(national: str) -> str | None:
    """The ten digits of area code and subscriber; None where twelve digits have no 15 after the area code."""
    if len(national) == 10:
        return national
    area = 2 if national.startswith("11") else 3 if national[:3] in _THREE_DIGITS else 4
    return national[:area] + national[area + 2 :] if national[area : area + 2] == "15" else None
