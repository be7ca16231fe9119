"""The store of the bridge as a whole: webhooks, dead letters, keys, audit."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.contract.messages import Stream
from bridge.ports import ApiKey, AuditEntry, DeadLetter, Failure, Position, Scope, Webhook, WebhookFilter
from bridge.store import BridgeStore, StoreDamaged
from tests.store.conftest import SetClock
from tests.store.samples import DAY

Opener = Callable[[], AbstractAsyncContextManager[BridgeStore]]
PLAIN = Webhook("1", "haby", "http://localhost:1/", 1.0, legacy=True)
FULL = Webhook(
    id="2",
    session="ventas",
    url="https://example.com/ñ?a=b",
    created_at=2.5,
    filter=WebhookFilter(frozenset({"message", "own_message"}), frozenset({"5491155500001@c.us"}), groups=False),
    secret="s3cret",
    start=Position("epoch", 7, 3),
    ended_at=9.0,
)
LETTER = DeadLetter("1", "haby", "http://localhost:1/", Stream.IN, "epoch", 7, '{"body":"ñ"}', 3, 404, "No.", 5.0)
KEY = ApiKey("abc", "Node-RED", "0" * 64, frozenset({Scope.SEND, Scope.LISTEN}), frozenset({"haby"}), 1.0)


@pytest.fixture
def opener(tmp_path: Path, clock: SetClock) -> Opener:
    """Opens the same store each time."""
    return lambda: BridgeStore(tmp_path / "data" / "bridge.db", now=clock)


async def test_webhooks_are_read_as_they_were_stored(opener: Opener) -> None:
    async with opener() as store:
        assert await store.webhooks.webhooks() == []
        await store.webhooks.put(FULL)
        await store.webhooks.put(PLAIN)
    async with opener() as store:
        assert await store.webhooks.webhooks() == [PLAIN, FULL]
        changed = replace(FULL, ended_at=None, filter=WebhookFilter(), secret=None, start=None)
        await store.webhooks.put(changed)
        await store.webhooks.remove(PLAIN.id)
        await store.webhooks.remove("unknown")
        assert await store.webhooks.webhooks() == [changed]


async def test_a_dead_letter_is_stored_once_for_each_item_and_outlives_its_listener(opener: Opener) -> None:
    async with opener() as store:
        await store.webhooks.put(PLAIN)
        first = await store.webhooks.put_dead_letter(LETTER)
        again = await store.webhooks.put_dead_letter(
            replace(LETTER, attempts=4, status=None, error="Gone.", failure=Failure.TLS_FAILED)
        )
        other = await store.webhooks.put_dead_letter(replace(LETTER, seq=8))
        await store.webhooks.put_dead_letter(replace(LETTER, session="ventas", seq=9))
        assert first.number == again.number < other.number
        await store.webhooks.remove(PLAIN.id)
    async with opener() as store:
        assert await store.webhooks.dead_letters("haby", 0, 10) == [again, other]
        assert await store.webhooks.dead_letters("haby", first.number, 10) == [other]
        assert await store.webhooks.dead_letters("haby", 0, 1) == [again]
        assert await store.webhooks.dead_letter(other.number) == other
        assert await store.webhooks.remove_dead_letter(first.number)
        assert not await store.webhooks.remove_dead_letter(first.number)
        assert await store.webhooks.dead_letter(first.number) is None


async def test_keys_are_revoked_once_and_stay_in_the_list(opener: Opener) -> None:
    everywhere = ApiKey("def", "boss", "1" * 64, frozenset({Scope.ADMIN}), None, 2.0)
    async with opener() as store:
        await store.access.add_key(KEY)
        await store.access.add_key(everywhere)
        assert await store.access.revoke_key("abc", 10.0)
        assert not await store.access.revoke_key("abc", 11.0)
        assert not await store.access.revoke_key("unknown", 11.0)
        assert await store.access.keys() == [replace(KEY, revoked_at=10.0), everywhere]


async def test_another_process_sees_a_key_at_once(opener: Opener) -> None:
    async with opener() as bridge:
        assert await bridge.access.keys() == []
        async with opener() as command:
            await command.access.add_key(KEY)
        assert await bridge.access.keys() == [KEY]


async def test_the_audit_is_read_backwards_in_pages(opener: Opener) -> None:
    async with opener() as store:
        for number in range(1, 6):
            await store.access.record(AuditEntry(float(number), "boss", "127.0.0.1", f"act {number}", "haby"))
        newest = await store.access.audit(None, 2)
        assert [entry.action for entry in newest] == ["act 5", "act 4"]
        rest = await store.access.audit(newest[-1].number, 10)
        assert [entry.action for entry in rest] == ["act 3", "act 2", "act 1"]


async def test_dead_letters_and_audit_are_limited_in_number(
    tmp_path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with BridgeStore(tmp_path / "bridge.db", now=clock, audit_lines=3, dead_letter_limit=3) as store:
        await store.webhooks.put_dead_letter(replace(LETTER, session="ventas"))
        for number in range(1, 6):
            await store.webhooks.put_dead_letter(replace(LETTER, webhook_id="2", seq=number))
            await store.access.record(AuditEntry(float(number), "boss", "127.0.0.1", f"act {number}"))
        assert [letter.seq for letter in await store.webhooks.dead_letters("haby", 0, 10)] == [3, 4, 5]
        assert len(await store.webhooks.dead_letters("ventas", 0, 10)) == 1
        assert [entry.action for entry in await store.access.audit(None, 10)] == ["act 5", "act 4", "act 3"]


async def test_a_damaged_store_is_reported(opener: Opener, tmp_path: Path) -> None:
    async with opener():
        pass
    path = tmp_path / "data" / "bridge.db"
    path.write_bytes(b"not a database" * 500)
    with pytest.raises(StoreDamaged, match=r"bridge\.db"):
        async with opener():
            pass


async def test_dead_letters_and_audit_go_by_age(tmp_path: Path, clock: SetClock) -> None:
    async with BridgeStore(tmp_path / "bridge.db", now=clock) as store:
        for seq, age in enumerate([400 * DAY, 40 * DAY, DAY], 1):
            at = clock.seconds - age
            letter = DeadLetter("l", "haby", "http://127.0.0.1:9", Stream.IN, "e", seq, "{}", 1, 400, "no", at)
            await store.webhooks.put_dead_letter(letter)
            await store.access.record(AuditEntry(at, "admin", "127.0.0.1", "restart", "haby"))
        assert await store.compact(letters=30 * DAY, audit=365 * DAY) == 3
        assert [letter.seq for letter in await store.webhooks.dead_letters("haby", 0, 9)] == [3]
        assert len(await store.access.audit(None, 9)) == 2
