"""Frames of the page's WebSocket: dropped before Playwright parses them; every other message arrives as it is."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from playwright.async_api import WebSocket

from bridge.contract.session import SessionState
from bridge.drivers.web.unread_frames import FrameFilter
from tests.drivers.worlds import ANA, WebWorld, connected, page_of

SOCKET = "ws@0123456789abcdef0123456789abcdef"
FRAMES = [
    json.dumps({"guid": SOCKET, "method": method, "params": {"opcode": 1, "data": data}}, separators=(",", ":"))
    for method in ("frameSent", "frameReceived")
    for data in ("", "x" * 5000)
]
OTHERS = [
    "",
    "{}",
    '{"id":"a@1"}',
    f'{{"guid":"{SOCKET}","method":"close"}}',
    f'{{"guid":"{SOCKET}","method":"socketError","params":{{"error":"frameSent"}}}}',
    '{"guid":"page@0123456789abcdef0123456789abcdef","method":"frameSent"}',
    json.dumps({"id": "a@2", "result": {"value": {"s": FRAMES[0] * 500}}}),
]


def piped(message: str) -> bytes:
    data = message.encode()
    return len(data).to_bytes(4, "little") + data


@given(messages=st.lists(st.sampled_from([*FRAMES, *OTHERS]), max_size=12), sizes=st.lists(st.integers(1, 9000)))
def test_only_frames_are_dropped_however_the_bytes_come(messages: list[str], sizes: list[int]) -> None:
    passed: list[bytes] = []
    frames = FrameFilter(passed.append)
    rest = b"".join(map(piped, messages))
    for size in sizes:
        if rest:
            frames.feed(rest[:size])
        rest = rest[size:]
    if rest:
        frames.feed(rest)
    assert b"".join(passed) == b"".join(piped(message) for message in messages if message not in FRAMES)


def test_a_byte_at_a_time() -> None:
    passed: list[bytes] = []
    frames = FrameFilter(passed.append)
    for byte in piped(FRAMES[0]) + piped(OTHERS[1]) + piped(FRAMES[3]) + piped(OTHERS[2]):
        frames.feed(bytes([byte]))
    assert b"".join(passed) == piped(OTHERS[1]) + piped(OTHERS[2])


async def test_the_installed_playwright_hands_over_no_frame(web: WebWorld) -> None:
    sockets: list[WebSocket] = []
    frames: list[str | bytes] = []

    def listen(socket: WebSocket) -> None:
        sockets.append(socket)
        socket.on("framesent", lambda frame: frames.append(frame))
        socket.on("framereceived", lambda frame: frames.append(frame))

    async with connected(web) as (driver, sink):
        page, seen = page_of(driver), len(sink.states)
        page.on("websocket", listen)
        await page.reload()
        await sink.until_state(SessionState.CONNECTED, since=seen)
        await driver.resume()
        web.incoming(ANA, "hola")
        await sink.until(lambda: sink.messages and sink.messages[-1].body == "hola")
    assert sockets
    assert frames == []
