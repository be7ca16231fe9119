"""Message keys that the page made together with the answer to a send, for the next message of the same chat.

In a conversation each message but the first then costs one call into the page in place of two. A key that is not used
costs nothing. It is valid for seconds only: what the page knows of the chat may change.
"""

from __future__ import annotations

from bridge.contract.jid import Jid, MessageKey

#: Seconds that a key, and the chat of an address, are valid.
TTL = 10.0
#: Chats with a key at most.
MOST = 1_000


class SpareKeys:
    """One key for each chat, and the chats of the addresses that were written to. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._chats: dict[Jid, Jid] = {}
        self._keys: dict[Jid, tuple[MessageKey, float]] = {}

    def reached(self, to: Jid, chat: Jid) -> None:
        """The page found `chat` for an address."""
        self._chats[to] = chat
        if len(self._chats) > MOST:
            del self._chats[next(iter(self._chats))]

    def put(self, key: MessageKey, now: float) -> None:
        """Keep a key of its chat."""
        self._keys.pop(key.remote, None)
        self._keys[key.remote] = key, now + TTL
        if len(self._keys) > MOST:
            del self._keys[next(iter(self._keys))]

    def take(self, to: Jid, now: float) -> MessageKey | None:
        """The key for a message to this address, once; None if the page has to be asked."""
        if (chat := self._chats.get(to)) is None or (found := self._keys.pop(chat, None)) is None:
            return None
        key, until = found
        return key if now < until else None

    def clear(self) -> None:
        """Another page runs: nothing is known."""
        self._chats.clear()
        self._keys.clear()
