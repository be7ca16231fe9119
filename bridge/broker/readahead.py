"""A socket wrapper that reads ahead: paho reads a packet's header byte by byte, one system call each.

Measured with 2,000 commands at once: those reads took a fifth of the bridge's CPU time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: Bytes per read. They are processed in one turn of the event loop, so this limits its length: some hundred small
#: packets.
AHEAD = 32_768
#: Bytes of a packet that are kept: what the shipped mosquitto lets through. A broker without such a limit passes on the
#: 268 MB that anyone publishes, again at each connection; a false one keeps them coming.
LONGEST = 2**24
#: How a PUBACK begins that has a packet id alone.
_PUBACK = b"\x40\x02"


class ReadAhead:
    """Replaces a connected, non-blocking socket of any kind (plain, TLS, websocket).

    Cuts a packet of more than `longest` bytes: `cut` is called with its size, and refuses by raising. What is behind
    those bytes is received and dropped.
    """

    def __init__(self, sock: Any, cut: Callable[[int], None] = lambda _: None, *, longest: int = LONGEST) -> None:
        self._sock = sock
        self._longest = longest
        self._cut = cut
        self._read = b""
        self._at = 0
        self._kept = 0  # bytes of a cut packet that are still to be read, and those behind them
        self._dropped = 0

    def recv(self, size: int) -> bytes:
        """As `socket.recv`: at most `size` bytes, b"" at the end. Raises what the socket raises when it has none.

        The library asks for the rest of a packet at once, so a `size` over the limit is that of a packet.
        """
        if self._dropped and not self._kept:
            self._drop()
        if size > self._longest:
            self._cut(size)
            self._kept, self._dropped, size = self._longest, size - self._longest, self._longest
        if self._at == len(self._read) and size >= AHEAD:
            taken = bytes(self._sock.recv(size))
        else:
            if self._at == len(self._read):
                self._read, self._at = self._sock.recv(AHEAD), 0
            taken = self._read[self._at : self._at + size]
            self._at += len(taken)
        if self._kept:
            self._kept -= len(taken)
        return taken

    def take_pubacks(self) -> list[int]:
        """Take the PUBACKs of two bytes that come next and were read already; returns their packet ids.

        Call it between two packets only.
        """
        found: list[int] = []
        while not self._dropped and self._read.startswith(_PUBACK, self._at) and self._at + 4 <= len(self._read):
            found.append(int.from_bytes(self._read[self._at + 2 : self._at + 4]))
            self._at += 4
        return found

    def _drop(self) -> None:
        while self._dropped:
            if self._at == len(self._read):
                self._read, self._at = self._sock.recv(AHEAD), 0
                if not self._read:  # the end, which the caller sees next
                    return
            taken = min(self._dropped, len(self._read) - self._at)
            self._at += taken
            self._dropped -= taken

    def pending(self) -> int:
        """Bytes available although the socket itself is not readable: aiomqtt reads until this is 0."""
        inner = getattr(self._sock, "pending", None)
        return len(self._read) - self._at + (inner() if inner is not None else 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)
