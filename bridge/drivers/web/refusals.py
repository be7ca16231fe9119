"""What a refusal of WhatsApp means for its caller. Pure.

The codes are those of the service's error acks; public clients document them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bridge.contract.details import RefusalDetail
from bridge.contract.errors import BridgeError, InternalError, LimitReached, ReachOutLocked, Refused
from bridge.contract.payload import instant, rfc3339

#: How the page words the service's 429 where it gives a sentence only.
_TOO_OFTEN = re.compile(r"\b429\b|rate.?overlimit|too many (?:attempts|requests)", re.IGNORECASE)
#: A group's addressing changed: the same message, sent again, is accepted.
STALE_ADDRESSING = 421


def refusal(raw: Mapping[str, Any] | None) -> BridgeError:
    """The error for `{code, until}` of `page/calls.js`; `until` is unix seconds. Both may be missing."""
    code, until = (raw or {}).get("code"), (raw or {}).get("until")
    match code:
        case None:
            return Refused()
        case 463:
            end = f" Until {rfc3339(instant(until))}." if isinstance(until, (int, float)) else ""
            locked = ReachOutLocked(f"{ReachOutLocked.sentence}{end}")
            locked.until = float(until) if isinstance(until, (int, float)) else None
            return locked
        case 475:
            return LimitReached(
                "This account has used up its monthly number of new chats (475). Answering chats still works.",
                detail=RefusalDetail.NEW_CHAT_LIMIT,
            )
        case 429:
            return LimitReached(
                "WhatsApp refused the message: too many in a short time (429). Send more slowly.",
                detail=RefusalDetail.TOO_FAST,
            )
        case "upload":
            return InternalError("WhatsApp Web could not upload the file, so nothing was sent. Try again.")
        case 403:
            return Refused("WhatsApp does not allow this account to write in this chat (403).")
        case _:
            return Refused(f"WhatsApp refused the message ({code}).")


def blocked_contact() -> BridgeError:
    """The error for a recipient that this account has blocked."""
    return Refused(
        "This account has blocked the recipient. Unblock the contact on the phone to write to it.",
        detail=RefusalDetail.CONTACT_BLOCKED,
    )


def refused_pairing(text: str | None) -> BridgeError:
    """The error for a number that WhatsApp gives no pairing code, or none any more; `text` is the page's."""
    if _TOO_OFTEN.search(text or ""):
        return LimitReached(
            "WhatsApp gives no pairing code now: too many were asked for (429). Wait an hour, or scan the QR code.",
            detail=RefusalDetail.TOO_FAST,
        )
    return Refused(
        f"WhatsApp gives no pairing code for this number: {(text or 'no reason given').rstrip('.')}. Check that it is"
        " the number of WhatsApp on that phone, or scan the QR code. After several attempts wait an hour.",
        detail=RefusalDetail.PAIRING_NUMBER,
    )
