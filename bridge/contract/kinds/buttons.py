"""Messages with buttons, and the answers to them; `body` is the text."""

from __future__ import annotations

from bridge.contract.kinds.received import Noun, ReceivedKind

RECEIVED = ReceivedKind(kind="buttons", types=("interactive", "buttons_response"), noun=Noun("buttons", "botones"))
