"""What all sessions of a bridge share for the files of their messages."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bridge.core.media_links import MediaLinks
from bridge.core.media_policy import MediaPolicy
from bridge.ports import MediaStore


@dataclass(frozen=True, slots=True)
class SharedMedia:
    """`storing` is held from when a file is found or stored until a message refers to it, and by what deletes files."""

    store: MediaStore
    policy: MediaPolicy
    links: MediaLinks
    storing: asyncio.Lock = field(default_factory=asyncio.Lock)
