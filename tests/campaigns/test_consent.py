"""A yes and a «baja»: what counts as one, what it does to the pace and the report, and what is taken back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from bridge.contract.campaigns import CampaignState, RecipientState
from bridge.contract.lifecycle import AckName
from bridge.contract.limits import AccountLimits
from bridge.contract.payload import instant
from bridge.contract.replays import Cursor
from bridge.drivers.scripted.phone import SendMode
from bridge.sql.database import SqlDatabase
from campaigns.commands import CampaignCommand
from campaigns.errors import WrongState
from campaigns.settings import load
from campaigns.store.erasure import erase
from campaigns.store.people import Answered, Heard
from campaigns.store.rows import Recipient
from campaigns.store.schema import SCHEMA
from tests.campaigns.conftest import CampaignsHarness, number
from tests.campaigns.test_planning import NOW, Desk, people
from tests.mariadb_server import MariaDbServer

LOCKED = timedelta(hours=1)


@pytest_asyncio.fixture(loop_scope="session")
async def database(sqlite_settings: dict[str, Any]) -> AsyncIterator[SqlDatabase]:
    async with SqlDatabase(load(**sqlite_settings).database_url) as database:
        yield database


@pytest.fixture
def desk(database: SqlDatabase) -> Desk:
    return Desk(database)


async def ask(desk: Desk, count: int = 1, **fields: Any) -> tuple[str, list[Recipient]]:
    """A running campaign with claimed questions."""
    campaign = await desk.plan(recipients=people(count), ask_first="¿Te mando el cupón?", **fields)
    await desk.campaigns.move(campaign, CampaignState.DRAFT, CampaignState.RUNNING, NOW)
    asked = []
    for one in await desk.recipients.waiting(campaign, count):
        claimed = await desk.recipients.claim(one, "e1", NOW, NOW + 60)
        assert claimed is not None
        asked.append(claimed)
    return campaign, asked


async def says(desk: Desk, n: int, body: str, at: float, cursor: Cursor | None = None) -> list[Answered]:
    heard = Heard((number(n),), at, body, opts_out=False, opts_in=False, agrees=True)
    return await desk.people.record("haby", [heard], cursor)


async def test_an_ok_before_the_question_has_left_is_no_yes(desk: Desk) -> None:
    campaign, [asked] = await ask(desk)
    await says(desk, 0, "ok", NOW + 1)
    assert [row.state for row in await desk.rows(campaign)] == ["sending"]
    await desk.recipients.release(asked, "expired")
    [again] = await desk.recipients.waiting(campaign, 5)
    assert again.command == CampaignCommand(campaign, 1, 0, 2)
    claimed = await desk.recipients.claim(again, "e1", NOW + 50, NOW + 90)
    assert claimed is not None
    await desk.recipients.finish(claimed, RecipientState.SENT, NOW + 60)  # after that «ok», which stays no yes
    assert [row.state for row in await desk.rows(campaign)] == ["sent"]
    await says(desk, 0, "ok", NOW + 30)  # read late, written before the question
    assert await desk.recipients.waiting(campaign, 5) == []
    await says(desk, 0, "ok", NOW + 70)
    assert [one.command for one in await desk.recipients.waiting(campaign, 5)] == [CampaignCommand(campaign, 1, 1)]


@pytest.mark.parametrize("by_tick", [False, True])
async def test_a_yes_that_is_read_before_the_result_of_its_question_counts(desk: Desk, *, by_tick: bool) -> None:
    campaign, [asked] = await ask(desk)
    await says(desk, 0, "Sí, dale", NOW + 10)
    if by_tick:
        await desk.recipients.tick([(asked.command, AckName.SERVER, NOW + 2)])
    else:
        await desk.recipients.finish(asked, RecipientState.SENT, NOW + 2)
    assert [one.command for one in await desk.recipients.waiting(campaign, 5)] == [CampaignCommand(campaign, 1, 1)]


async def test_the_question_s_failure_does_not_touch_its_text(desk: Desk) -> None:
    campaign, [asked] = await ask(desk)
    await desk.recipients.tick([(asked.command, AckName.SERVER, NOW + 2)])
    await says(desk, 0, "sí", NOW + 10)
    [text] = await desk.recipients.waiting(campaign, 5)
    assert await desk.recipients.claim(text, "e1", NOW + 11, NOW + 60) is not None
    await desk.recipients.release(asked, "expired")
    assert [one.command for one in await desk.recipients.sending(campaign)] == [CampaignCommand(campaign, 1, 1)]


async def test_a_yes_keeps_the_pace_s_count_and_clears_the_question_s_times(desk: Desk) -> None:
    campaign, asked = await ask(desk, 4)
    for one in asked:
        await desk.recipients.finish(one, RecipientState.SENT, NOW + 2)
        await desk.recipients.tick([(one.command, AckName.READ, NOW + 5)])
    before = await desk.recipients.sends(campaign, "haby", NOW - 3600)
    assert before.today == 4
    for n in range(3):
        await says(desk, n, "sí", NOW + 10)
    assert await desk.recipients.sends(campaign, "haby", NOW - 3600) == before
    rows = await desk.rows(campaign)
    assert [(row.sent_at, row.delivered_at, row.read_at) for row in rows[:3]] == [(None, None, None)] * 3
    [text, *_] = await desk.recipients.waiting(campaign, 5)
    await desk.recipients.claim(text, "e1", NOW + 20, NOW + 60)
    after = await desk.recipients.sends(campaign, "haby", NOW - 3600)
    assert (after.today, after.last, after.first) == (5, (1, NOW + 20), NOW)


async def test_a_campaign_with_a_text_that_waits_is_not_done(desk: Desk) -> None:
    campaign, [asked] = await ask(desk)
    assert not await desk.campaigns.finish(campaign, NOW)  # a message of it has no outcome
    await desk.recipients.finish(asked, RecipientState.SENT, NOW + 2)
    await says(desk, 0, "sí", NOW + 10)
    assert not await desk.campaigns.finish(campaign, NOW)
    [text] = await desk.recipients.waiting(campaign, 5)
    claimed = await desk.recipients.claim(text, "e1", NOW + 11, NOW + 60)
    assert claimed is not None
    await desk.recipients.finish(claimed, RecipientState.SENT, NOW + 12)
    assert await desk.campaigns.finish(campaign, NOW + 13)


async def test_a_yes_that_is_being_stored_keeps_the_campaign_from_becoming_done(
    mariadb: MariaDbServer, tmp_path: Any
) -> None:
    settings = {"db_host": "127.0.0.1", "db_port": mariadb.port, "db_user": mariadb.user}
    settings |= {"db_password": mariadb.password, "db_database": mariadb.create("consent"), "data_dir": tmp_path}
    async with SqlDatabase(load(**settings).database_url) as database:
        await SCHEMA.migrate(database)
        desk = Desk(database)
        campaign, [asked] = await ask(desk)
        await desk.recipients.finish(asked, RecipientState.SENT, NOW + 2)
        await desk.people.record("haby", [], Cursor(epoch="e", seq=1))
        # the cursor is the last that `record` writes
        async with asyncio.TaskGroup() as tasks, database.write() as connection:
            await connection.exec_driver_sql("SELECT * FROM wa_campaign_cursor FOR UPDATE")
            storing = tasks.create_task(says(desk, 0, "sí", NOW + 10, Cursor(epoch="e", seq=2)))
            await waiting_for_locks(mariadb, 1)
            ending = tasks.create_task(desk.campaigns.finish(campaign, NOW + 10))
            await waiting_for_locks(mariadb, 2)
        assert (len(storing.result()), ending.result()) == (1, False)


async def waiting_for_locks(server: MariaDbServer, count: int) -> None:
    """Wait until that many transactions wait for a lock."""
    query = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
    async with asyncio.timeout(10):
        while True:
            if (await asyncio.to_thread(server.sql, query)).strip() == str(count):
                return
            await asyncio.sleep(0.2)  # the server renews that table when it was not read for 0.1 s


async def test_a_done_campaign_with_a_recipient_that_waits_goes_on(harness: CampaignsHarness) -> None:
    service = await harness.start()
    view = await harness.plan(1)
    for before, after in (
        (CampaignState.DRAFT, CampaignState.RUNNING),
        (CampaignState.RUNNING, CampaignState.DONE),
    ):
        await service.campaigns.move(view["id"], before, after, time.time())
    await harness.reach(view["id"], state="done", sent=1)


async def test_a_claim_that_the_database_did_not_confirm_is_found_and_sent(harness: CampaignsHarness) -> None:
    service = await harness.start()
    view = await harness.plan(3, pace="30/minute", jitter=0.0)  # 2 s to the second
    await harness.act(view["id"], "start")
    await harness.reach(view["id"], sent=1)
    [second, _] = await service.recipients.waiting(view["id"], 5)
    now = time.time()
    assert await service.recipients.claim(second, harness.bridge.epoch, now, now + 600) is not None
    await harness.reach(view["id"], state="done", sent=3, sending=0)
    assert [one.key.remote.user for one in harness.bridge.phone.sent] == [number(1), number(2), number(3)]


async def test_a_claim_of_a_campaign_with_nothing_left_is_sent_before_it_is_done(harness: CampaignsHarness) -> None:
    service = await harness.start()
    view = await harness.plan(1)
    [only] = await service.recipients.waiting(view["id"], 5)
    now = time.time()
    await service.campaigns.move(view["id"], CampaignState.DRAFT, CampaignState.RUNNING, now)
    assert await service.recipients.claim(only, harness.bridge.epoch, now, now + 600) is not None
    await harness.reach(view["id"], state="done", sent=1, sending=0)


async def test_a_baja_takes_back_what_the_bridge_has_not_sent(harness: CampaignsHarness) -> None:
    service = await harness.start()
    harness.bridge.phone.limit(AccountLimits(reach_out_locked_until=instant(time.time() + LOCKED.total_seconds())))
    view = await harness.plan(4, stop_on=[])
    await harness.act(view["id"], "start")
    await harness.reach(view["id"], sending=4)  # first messages wait for the lock, in the bridge
    assert (await harness.call("POST", "/opt-outs", {"to": number(1)})).status_code == 204
    await harness.reach(view["id"], sending=3, skipped_by={"opted_out": 1})
    # as the reader does with a message of a session that the campaign does not use
    await service.people.record("otra", [Heard((number(2),), time.time(), "baja", True, False, False)], None)
    service.runner.wake_for_opt_outs()
    await harness.reach(view["id"], sending=2, skipped_by={"opted_out": 2})
    harness.bridge.phone.limit(AccountLimits())
    await harness.reach(view["id"], state="done", sent=2)
    assert [harness.sent_to(number(n)) for n in (1, 2)] == [[], []]


async def test_a_baja_that_a_person_writes_takes_back_what_waits_in_the_bridge(harness: CampaignsHarness) -> None:
    await harness.start()
    harness.bridge.phone.send_mode = SendMode.UNAVAILABLE  # the bridge tries again and again
    view = await harness.plan(2)
    await harness.act(view["id"], "start")
    await harness.reach(view["id"], sending=2)
    harness.bridge.phone.incoming(f"{number(2)}@c.us", "baja")
    await harness.reach(view["id"], sending=1, skipped_by={"opted_out": 1})
    harness.bridge.phone.send_mode = SendMode.NORMAL
    await harness.reach(view["id"], state="done", sent=1)
    assert harness.sent_to(number(2)) == []


async def test_no_message_is_claimed_after_the_window_has_closed(harness: CampaignsHarness) -> None:
    ahead = timedelta()
    zone = ZoneInfo("UTC")
    opens = datetime.now(zone) - timedelta(hours=1)
    window = {"from": f"{opens:%H:%M}", "to": f"{opens + timedelta(hours=3):%H:%M}", "timezone": "UTC"}
    service = await harness.start(ahead=1, now=lambda: time.time() + ahead.total_seconds())
    slots = service.runner._turns_of("haby").slots
    await slots.acquire()  # as a message of another campaign has it
    view = await harness.plan(1, window=window)
    await harness.act(view["id"], "start")
    await harness.until(lambda: bool(slots._waiters))
    ahead = timedelta(hours=4)
    slots.release()
    waits = await harness.reach(view["id"], reason="window")
    assert (waits["waiting"], harness.bridge.phone.sent) == (1, [])


async def test_the_id_of_a_deleted_campaign_is_not_used_again_unless_it_was_a_draft(desk: Desk) -> None:
    campaign = await desk.plan(recipients=people(1), id="uno")
    await desk.campaigns.delete(campaign)
    await desk.plan(recipients=people(1), id="uno")
    await desk.campaigns.move("uno", CampaignState.DRAFT, CampaignState.RUNNING, NOW)
    await desk.campaigns.move("uno", CampaignState.RUNNING, CampaignState.CANCELLED, NOW)
    await desk.campaigns.delete("uno")
    with pytest.raises(WrongState, match="choose another id") as refused:
        await desk.plan(recipients=people(1), id="uno")
    assert refused.value.detail == "id_in_use"
    assert await desk.campaigns.find() == []


async def test_who_was_erased_is_in_no_follow_up(desk: Desk, database: SqlDatabase) -> None:
    campaign, asked = await ask(desk, 2, id="uno")
    for one in asked:
        await desk.recipients.finish(one, RecipientState.SENT, NOW)
    await erase(database, {f"{number(1)}@c.us"})
    for who in ("not_read", "not_answered"):
        again = await desk.plan(recipients=None, follow_up={"campaign": campaign, "who": who}, variants=["Hola"])
        assert [row.to for row in await desk.rows(again)] == [number(0)]
