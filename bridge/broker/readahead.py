"""A socket that reads ahead: paho asks for every byte of a packet's header by itself, a system call each.

Measured with 2,000 commands at once: a fifth of the bridge's CPU went into reading them.
"""

from __future__ import annotations

from typing import Any

#: Bytes asked of the socket at once. What was read is dealt with in one turn of the event loop, so this bounds how
#: long such a turn is: some hundred small packets.
AHEAD = 32_768


class ReadAhead:
    """Stands before a connected, non-blocking socket of any kind (plain, TLS, websocket) and is used in its place."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._read = b""
        self._at = 0

    def recv(self, size: int) -> bytes:
        """As a socket's: at most `size` bytes, b"" at the end. Raises what the socket raises when it has none now."""
        if self._at == len(self._read):
            if size >= AHEAD:
                return bytes(self._sock.recv(size))
            self._read, self._at = self._sock.recv(AHEAD), 0
        taken = self._read[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def pending(self) -> int:
        """Bytes that can be had although the socket itself shows nothing to read: aiomqtt goes on until it is 0."""
        within = getattr(self._sock, "pending", None)
        return len(self._read) - self._at + (within() if within is not None else 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)
