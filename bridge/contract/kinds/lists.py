"""Lists to choose from, and the answers to them; `body` is the title and the description."""

from __future__ import annotations

from bridge.contract.kinds.received import Noun, ReceivedKind
from bridge.contract.kinds.selection import Selection

RECEIVED = ReceivedKind(
    kind="list", types=("list", "list_response"), noun=Noun("list", "lista"), fields={"selection": Selection}
)
