"""What only the phone shows, and types that are not known here; `raw` has the fields of the page's message."""

from __future__ import annotations

from bridge.contract.kinds.received import Noun, ReceivedKind

RECEIVED = ReceivedKind(
    kind="unknown",
    types=(
        *("unknown", "oversized", "quarantined", "rich_response", "request_phone_number"),
        *("status", "newsletter_question_response"),
    ),
    noun=Noun("message that only the phone shows", "mensaje que solo se ve en el teléfono", "📱"),
)
