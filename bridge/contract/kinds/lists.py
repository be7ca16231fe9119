"""Lists to choose from, and the answers to them; `body` is the title and the description."""

from __future__ import annotations

from bridge.contract.kinds.received import Noun, ReceivedKind

RECEIVED = ReceivedKind(kind="list", types=("list", "list_response"), noun=Noun("list", "lista"))
