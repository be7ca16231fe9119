"""Spellings of one phone number under which WhatsApp may know it. Pure.

In three countries people write numbers differently than WhatsApp registers them: Argentina (a 9 after the country code
for mobiles; at home a 15 after the area code), Mexico (a 1 after the country code, now dropped) and Brazil (a ninth
digit that older accounts do not have). Only the service knows which is right. Addresses from WhatsApp are not changed.
"""

from __future__ import annotations

import re

_ARGENTINA = re.compile(r"54(9?)0?(\d{10}|\d{12})")
_MEXICO = re.compile(r"52(1?)(\d{10})")
_BRAZIL = re.compile(r"55(\d{2})(9?)([6-9]\d{7})")
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
        return (number, f"52{'' if match[1] else '1'}{match[2]}")
    if match := _BRAZIL.fullmatch(number):
        return (number, f"55{match[1]}{'' if match[2] else '9'}{match[3]}")
    return (number,)


def _without_15(national: str) -> str | None:
    """The ten digits of area code and subscriber; None where twelve digits have no 15 after the area code."""
    if len(national) == 10:
        return national
    area = 2 if national.startswith("11") else 3 if national[:3] in _THREE_DIGITS else 4
    return national[:area] + national[area + 2 :] if national[area : area + 2] == "15" else None
