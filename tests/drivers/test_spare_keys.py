"""Keys that a send brings for the next message of its chat."""

from __future__ import annotations

from bridge.contract.jid import Jid, MessageKey
from bridge.drivers.web.spare_keys import MOST, TTL, SpareKeys

NUMBER, HIDDEN, OTHER = (Jid.parse(to) for to in ("5491155500001@c.us", "111@lid", "5491155500002@c.us"))


def key(number: int, chat: Jid = HIDDEN) -> MessageKey:
    return MessageKey(True, chat, f"3EB0{number:016}")


def test_a_key_is_taken_once_by_an_address_of_its_chat() -> None:
    keys = SpareKeys()
    keys.put(key(1), 0.0)
    assert keys.take(NUMBER, 0.0) is None  # it is not known that the chat is this person's
    keys.reached(NUMBER, HIDDEN)
    assert keys.take(OTHER, 0.0) is None
    assert keys.take(NUMBER, TTL - 1) == key(1)
    assert keys.take(NUMBER, TTL - 1) is None


def test_the_newest_key_counts_and_only_for_seconds() -> None:
    keys = SpareKeys()
    keys.reached(NUMBER, HIDDEN)
    keys.put(key(1), 0.0)
    keys.put(key(2), 1.0)
    assert keys.take(NUMBER, 1.0 + TTL) is None
    keys.put(key(3), 2.0)
    assert keys.take(NUMBER, 3.0) == key(3)


def test_another_page_and_too_many_chats_leave_nothing() -> None:
    keys = SpareKeys()
    keys.reached(NUMBER, HIDDEN)
    keys.put(key(1), 0.0)
    keys.clear()
    keys.reached(NUMBER, HIDDEN)
    assert keys.take(NUMBER, 0.0) is None
    keys.put(key(2), 0.0)
    for number in range(MOST):
        keys.put(key(number, Jid.parse(f"5491155{number:06}@c.us")), 0.0)
    assert keys.take(NUMBER, 0.0) is None
