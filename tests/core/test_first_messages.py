"""Who gets an answer and who a first message: by person, in a real session, and after a restart."""

from __future__ import annotations

import pytest

from bridge.contract.jid import Jid
from bridge.contract.messages import Stream
from bridge.contract.pace import Pace
from bridge.contract.waiting import WaitReason
from bridge.core.budgets import RECENT, Pacing
from bridge.drivers.scripted import SendMode
from tests.core.commands import ANA, BETO, CARLA, command
from tests.core.conftest import FREE, SessionHarness

LID = "188000000000001@lid"
GROUP = "120363000000000001@g.us"
OFF = FREE.session


def paced(per_day: int | None = None) -> Pacing:
    return Pacing(OFF, OFF, new=Pace.parse("1/30s", burst=1), per_day=per_day)


async def start(harness: SessionHarness, per_day: int | None = None) -> None:
    """The budget is used up by one first message."""
    harness.pacing = paced(per_day)
    await harness.start()
    await harness.submit(command("first", CARLA, id="first"))
    await harness.reported("first", 3)


async def is_answer(harness: SessionHarness, to: str, command_id: str, text: str = "Hola") -> bool:
    result = await harness.submit(command(text, to, id=command_id))
    if result.waits is not None:
        assert result.waits.reason is WaitReason.FIRST_MESSAGE_PACE
        assert result.waits.until is not None
        return False
    assert await harness.reported(command_id, 3) == ["accepted", "sent", "server"]
    return True


async def test_the_second_first_message_waits_and_answers_and_groups_do_not(harness: SessionHarness) -> None:
    await start(harness)
    harness.phone.incoming(ANA, "Hola")
    await harness.stream(Stream.IN, 1)
    assert not await is_answer(harness, BETO, "a")
    assert await is_answer(harness, ANA, "b")
    assert (await harness.submit(command(to=GROUP, id="c"))).waits is None
    budget = harness.session.status().budget
    assert budget is not None
    assert (budget.answers.left, budget.first_messages.left, budget.first_messages.today) == (None, 0, 1)
    assert budget.first_messages.next_at is not None
    assert 15 <= budget.first_messages.next_at.timestamp() - harness.clock.now() <= 46
    harness.advance(46)
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]


async def test_a_group_that_someone_writes_in_makes_no_one_known(harness: SessionHarness) -> None:
    await start(harness)
    harness.phone.incoming(GROUP, "Hola a todos", author=BETO)
    await harness.stream(Stream.IN, 1)
    assert not await is_answer(harness, BETO, "a")


async def test_who_writes_meanwhile_is_answered_at_once(harness: SessionHarness) -> None:
    await start(harness)
    assert not await is_answer(harness, BETO, "a")
    harness.phone.incoming(BETO, "¿Siguen abiertos?")
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]


@pytest.mark.parametrize("known_first", [True, False], ids=["pair known", "pair learned"])
async def test_a_person_who_wrote_under_the_lid_is_answered_under_the_number(
    harness: SessionHarness, known_first: bool
) -> None:
    await start(harness)
    if known_first:
        await harness.outbound.people.identify([frozenset({Jid.parse(ANA), Jid.parse(LID)})])
    harness.phone.incoming(LID, "Hola")
    await harness.stream(Stream.IN, 1)
    if not known_first:
        assert not await is_answer(harness, ANA, "a")
        await harness.outbound.people.identify([frozenset({Jid.parse(ANA), Jid.parse(LID)})])
        assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
        await harness.settled()  # else "b" may wait for it, not for its own turn
    assert await is_answer(harness, "541155500001@c.us", "b", "in another spelling")
    await harness.again()
    assert await is_answer(harness, ANA, "c", "after a restart")


async def test_thirty_days_after_the_last_message_it_is_a_first_message_again(harness: SessionHarness) -> None:
    harness.pacing = paced()
    await harness.start()
    harness.phone.incoming(ANA, "Hola")
    await harness.stream(Stream.IN, 1)
    harness.advance(RECENT - 1)
    await harness.submit(command("first", CARLA, id="first"))
    await harness.reported("first", 3)
    assert await is_answer(harness, ANA, "a")
    harness.advance(2)
    assert not await is_answer(harness, ANA, "b", "again")


async def test_it_is_known_after_the_journal_has_forgotten_the_message(harness: SessionHarness) -> None:
    harness.pacing = paced()
    await harness.start()
    harness.phone.incoming(ANA, "Hola")
    harness.phone.incoming(BETO, "Hola")
    await harness.stream(Stream.IN, 2)
    harness.clock.advance(2 * 86_400)
    await harness.store.compact(max_age=86_400, max_bytes=10**9)
    await harness.again()
    await harness.submit(command("first", CARLA, id="first"))
    await harness.reported("first", 3)
    assert await is_answer(harness, ANA, "a")


async def test_the_pace_and_the_number_of_a_day_survive_a_restart(harness: SessionHarness) -> None:
    await start(harness, per_day=2)
    harness.clock.advance(10)
    await harness.again()
    assert not await is_answer(harness, BETO, "a")
    harness.advance(46)
    await harness.reported("a", 3)
    harness.advance(60)
    await harness.again()
    result = await harness.submit(command(to="5491155500009", id="b", ttl=0))
    assert result.waits is not None
    assert result.waits.reason is WaitReason.FIRST_MESSAGES_PER_DAY
    budget = harness.session.status().budget
    assert budget is not None
    first = budget.first_messages
    assert (first.left, first.today, first.per_day) == (0, 2, 2)
    harness.advance(86_400 - 116)
    assert await harness.reported("b", 3) == ["accepted", "sent", "server"]


async def test_a_message_to_oneself_is_no_first_message(harness: SessionHarness) -> None:
    await start(harness)
    own = harness.outbound.own
    assert own is not None
    assert await is_answer(harness, own, "a")


async def test_a_try_in_vain_takes_nothing_of_the_day(harness: SessionHarness) -> None:
    harness.pacing = paced(per_day=1)
    harness.phone.send_mode = SendMode.UNAVAILABLE
    await harness.start()
    await harness.submit(command(to=BETO, id="a"))
    await harness.until(lambda: bool(harness.outbound._in_doubt._tries))
    await harness.outbound.drain()
    budget = harness.session.status().budget
    assert budget is not None
    assert (budget.first_messages.left, budget.first_messages.today) == (1, 0)


async def test_a_number_that_is_not_on_whatsapp_takes_nothing_of_the_budget(harness: SessionHarness) -> None:
    harness.pacing = paced(per_day=1)
    harness.phone.missing = {Jid.parse(BETO)}
    await harness.start()
    await harness.submit(command(to=BETO, id="a"))
    assert await harness.reported("a", 2) == ["accepted", "failed:not_on_whatsapp"]
    await harness.submit(command(to=CARLA, id="b"))
    assert await harness.reported("b", 3) == ["accepted", "sent", "server"]
