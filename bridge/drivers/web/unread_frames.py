"""Keeps the frames of the page's WebSocket from Playwright, which hands each to Python whether or not anything listens.

A send makes eight of them. Each woke the event loop, was parsed, checked and given to no listener: a third of the steps
that the loop made for a send. Playwright has no switch for that, so they are dropped where its bytes arrive.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

from typing_extensions import override

#: Bytes of the length before each message of Playwright's pipe.
_LENGTH = 4
#: How a message begins that has a frame.
_FRAME = re.compile(rb'\{"guid":"ws@[0-9a-f]{32}","method":"frame(?:Sent|Received)"')
#: Bytes within which that ends.
_HEAD = 80


class FrameFilter:
    """Passes Playwright's messages on to `forward` as they come, in pieces of any size, without those of frames."""

    def __init__(self, forward: Callable[[bytes], None]) -> None:
        self._forward = forward
        self._begun = b""  # of a message, too short to say what it is
        self._rest = 0  # bytes of the current message that are still to come
        self._dropped = False  # the current message is

    def feed(self, data: bytes) -> None:
        data, self._begun = self._begun + data, b""
        passed: list[bytes] = []
        at, end = 0, len(data)
        while at < end:
            if not self._rest:
                size = _LENGTH + int.from_bytes(data[at : at + _LENGTH], "little")
                if end - at < min(size, _LENGTH + _HEAD):
                    self._begun = data[at:]
                    break
                self._rest = size
                self._dropped = _FRAME.match(data, at + _LENGTH, at + _LENGTH + _HEAD) is not None
            taken = min(self._rest, end - at)
            if not self._dropped:
                passed.append(data[at : at + taken])
            at += taken
            self._rest -= taken
        if passed:
            self._forward(b"".join(passed))


def drop_unread_frames() -> None:
    """Let each Playwright that starts from now on drop them. One that is built otherwise hands them over as before."""
    try:
        from playwright._impl import out_of_process
    except ImportError:
        return
    pipe: Any = vars(out_of_process).get("PipeTransport")
    if pipe is None or getattr(pipe, "drops_frames", False):
        return

    class FilteredPipe(pipe):  # type: ignore[misc]  # a class that is found at runtime
        drops_frames = True

        @override
        async def connect(self) -> None:
            await super().connect()
            output = getattr(getattr(self, "_proc", None), "stdout", None)
            if isinstance(output, asyncio.StreamReader):
                vars(output)["feed_data"] = FrameFilter(output.feed_data).feed  # nothing has come yet

    vars(out_of_process)["PipeTransport"] = FilteredPipe
