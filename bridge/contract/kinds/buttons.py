"""Messages with buttons, and the answers to them; `body` is the title and the text, or the chosen answer."""

from __future__ import annotations

from bridge.contract.kinds.media import Media
from bridge.contract.kinds.received import Noun, ReceivedKind
from bridge.contract.kinds.selection import Selection

RECEIVED = ReceivedKind(
    kind="buttons",
    types=(
        *("interactive", "native_flow"),
        *("buttons_response", "interactive_response", "template_button_reply"),
    ),
    noun=Noun("buttons", "botones"),
    fields={"media": Media, "selection": Selection},
)
