"""What WhatsApp allows this account."""

from __future__ import annotations

from typing import ClassVar, Literal

from bridge.contract.limits import AccountLimits
from bridge.contract.requests.request import Request


class GetLimits(Request):
    """The same as `status.limits`; it needs no connection. A change is reported by the event `limits`."""

    summary: ClassVar = "Say what WhatsApp limits: the lock of new chats, and how many of them are left."
    data: ClassVar = AccountLimits

    action: Literal["limits.get"] = "limits.get"
