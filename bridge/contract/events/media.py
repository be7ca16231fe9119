"""The bytes of a file that came with a message."""

from __future__ import annotations

from bridge.contract.events.event_kind import EventKind
from bridge.contract.kinds.media import MediaState
from bridge.contract.payload import PageText

MEDIA = "media"
EVENT = EventKind(
    kind=MEDIA,
    summary="The file of a message changed its `state`. With `ready` it is at `url`, and `size`, `sha256` and"
    " `mimetype` are those of its bytes; `data` has them in base64 below `WA_MEDIA_INLINE`.",
    fields={
        "message_id": str,
        "state": MediaState,
        "url": str,
        "sha256": str,
        "size": int,
        "mimetype": PageText,
        "filename": PageText,
        "data": str,
    },
)
