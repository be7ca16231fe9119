"""Reactions, edits, revocations and forwarded messages, through wa-js on WhatsApp's page."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bridge.contract.errors import MessageNotFound, NotAllowed, Refused
from bridge.contract.jid import Jid, MessageKey
from bridge.contract.kinds import Act, Text
from bridge.contract.kinds.edit import Edit
from bridge.contract.kinds.forward import Forward
from bridge.contract.kinds.reaction import Reaction
from bridge.contract.kinds.revoke import Revoke
from bridge.contract.session import SessionState
from bridge.ports import ACTS, IdGiven, IncomingEvent, WhatsAppDriver
from bridge.sandbox.records import ACCOUNT, ServiceMessage, TransmissionMode
from tests.drivers.recording import RecordingSink, running
from tests.drivers.worlds import ANA, DARIO, GROUP, LIMITS, MEMBER, WebWorld, World, connected, page_of


async def act(driver: WhatsAppDriver, chat: str, content: Act) -> str:
    return await driver.act(await driver.resolve(Jid.parse(chat)), content)


async def send(driver: WhatsAppDriver, chat: str, text: str) -> MessageKey:
    key = await driver.reserve(await driver.resolve(Jid.parse(chat)))
    assert await driver.send(key, Text(text)) >= 0
    return key


def message(web: WebWorld, raw_id: str) -> ServiceMessage:
    found = web.sandbox.world.message(raw_id)
    assert found is not None
    return found


async def test_acts_on_every_driver(world: World) -> None:
    theirs = world.incoming(ANA, "¿Cuánto sale?")
    async with connected(world) as (driver, _):
        whole = f"false_{ANA}_{theirs}"
        for name in (theirs, whole):
            assert await act(driver, ANA, Reaction(message_id=name, emoji="👍")) == whole
        own = await send(driver, ANA, "$ 100")
        assert await act(driver, ANA, Edit(message_id=str(own), message="$ 90")) == str(own)
        assert await act(driver, ANA, Revoke(message_id=own.id)) == str(own)
        with pytest.raises(NotAllowed):
            await act(driver, ANA, Edit(message_id=theirs, message="x"))
        with pytest.raises(NotAllowed):
            await act(driver, ANA, Revoke(message_id=theirs))
        with pytest.raises(MessageNotFound):
            await act(driver, ANA, Reaction(message_id="3EB0DEADBEEFDEADBEEF", emoji="👍"))
        with pytest.raises(MessageNotFound):
            await act(driver, DARIO, Reaction(message_id=whole, emoji="👍"))


async def test_a_reaction_is_given_changed_and_taken_back(web: WebWorld) -> None:
    in_group = web.incoming(GROUP, "¿Vienen?", author=MEMBER)
    async with connected(web) as (driver, _):
        for emoji in ("👍", "❤️", ""):
            await act(driver, GROUP, Reaction(message_id=in_group, emoji=emoji))
            assert [one.emoji for one in message(web, in_group).reactions.values()] == [emoji]
        web.mode(TransmissionMode.REFUSE)
        with pytest.raises(Refused):
            await act(driver, GROUP, Reaction(message_id=in_group, emoji="👍"))


async def test_an_own_message_is_edited_also_after_a_load_and_only_for_15_minutes(web: WebWorld) -> None:
    old = web.sandbox.world.own(ANA, "vieja", t=int(web.sandbox.world.now()) - 16 * 60).id
    forwarded = web.incoming(ANA, "La dirección es…")
    async with connected(web) as (driver, sink):
        own = await send(driver, ANA, "a las 8")
        copy = await driver.reserve(Jid.parse(ANA))
        await driver.send(copy, Forward(message_id=f"false_{ANA}_{forwarded}"))
        since = len(sink.states)
        await page_of(driver).reload()
        await sink.until_state(SessionState.CONNECTED, since)
        await driver.resume()
        await act(driver, ANA, Edit(message_id=str(own), message="a las 9"))
        await act(driver, ANA, Edit(message_id=str(own), message="a las 9"))
        assert message(web, own.id).body == "a las 9"
        assert [kind for kind, _ in web.sandbox.world.acts.received].count("edit") == 1, "it has this text already"
        with pytest.raises(Refused, match="15 minutes"):
            await act(driver, ANA, Edit(message_id=old, message="nueva"))
        given = next(item for batch in sink.batches for item in batch if isinstance(item, IdGiven))
        with pytest.raises(Refused, match="forwarded"):
            await act(driver, ANA, Edit(message_id=str(given.key), message="x"))
        web.mode(TransmissionMode.REFUSE)
        for _ in range(2):  # the page shows the new text, also where the service refused it
            with pytest.raises(Refused):
                await act(driver, ANA, Edit(message_id=str(own), message="a las 10"))
        web.mode(TransmissionMode.NORMAL)
        await act(driver, ANA, Edit(message_id=str(own), message="a las 10"))
        assert message(web, own.id).body == "a las 10"


async def test_a_revocation_is_done_when_it_returns(web: WebWorld) -> None:
    async with connected(web) as (driver, _):
        own = await send(driver, ANA, "me equivoqué de chat")
        position = message(web, own.id).position
        await act(driver, ANA, Revoke(message_id=str(own)))
        assert web.sandbox.world.state.messages[position].type == "revoked"
        await act(driver, ANA, Revoke(message_id=str(own)))
        assert len(web.sandbox.world.acts.received) == 1


async def test_a_forwarded_copy_is_reported_under_its_id_before_anything_else(web: WebWorld) -> None:
    theirs = web.incoming(ANA, "La dirección es…")
    async with connected(web) as (driver, sink):
        key = await driver.reserve(await driver.resolve(Jid.parse(DARIO)))
        assert await driver.send(key, Forward(message_id=f"false_{ANA}_{theirs}")) >= 0
        items = [item for batch in sink.batches for item in batch]
        given = next(item for item in items if isinstance(item, IdGiven))
        assert given.reserved == key
        await sink.until(lambda: any(one.key.id == given.key.id for one in sink.messages))
        await sink.until(lambda: 1 in sink.acks(given.key.id))
        assert message(web, given.key.id).fields["isForwarded"] is True
        assert message(web, given.key.id).body == "La dirección es…"
        found = await driver.look_up(given.key)
        assert found.ack is not None
        assert web.sandbox.world.state.sent[given.key.id].deliveries == 1


async def test_a_poll_is_not_forwarded(web: WebWorld) -> None:
    poll = web.receive(ANA, {"type": "poll_creation", "pollName": "¿Qué día?"}, {})
    async with connected(web) as (driver, _):
        key = await driver.reserve(await driver.resolve(Jid.parse(DARIO)))
        with pytest.raises(Refused):
            await driver.send(key, Forward(message_id=f"false_{ANA}_{poll}"))
        with pytest.raises(MessageNotFound):
            await driver.send(key, Forward(message_id=f"false_{ANA}_3EB0DEADBEEFDEADBEEF"))
    assert web.sent() == {}


def events(sink: RecordingSink, kind: str) -> list[tuple[dict[str, Any], str | None]]:
    """Each event of a kind once, with its author, as a session journals it."""
    found = {
        item.once: (dict(item.fields), str(item.author) if item.author else None)
        for batch in sink.batches
        for item in batch
        if isinstance(item, IncomingEvent) and item.kind == kind
    }
    return list(found.values())


def poll_in(web: WebWorld, chat: str, t: int | None = None) -> str:
    options = [{"name": name, "localId": number} for number, name in enumerate(("Lunes", "Martes", "Jueves"))]
    fields = {"pollName": "¿Qué día?", "pollOptions": options}
    return web.sandbox.world.incoming(chat, "", kind="poll_creation", fields=fields, t=t).id


@pytest.mark.parametrize("away", [False, True])
async def test_what_people_do_to_messages_is_announced(web: WebWorld, *, away: bool) -> None:
    """Live, and by the page's stores where it was done while no page was open."""
    acts = web.sandbox.world.acts
    async with connected(web) as (driver, sink):
        key, in_group, poll = web.incoming(ANA, "a las 8"), web.incoming(ANA, "borrame"), poll_in(web, ANA)
        own = web.own(ANA, "Buen día")
        await sink.until(lambda: {key, in_group, poll, own} <= {one.key.id for one in sink.messages})
        if not away:
            await do_everything(web, key, in_group, poll, own)
            await sink.until(lambda: len(events(sink, "poll_vote")) == 2, 40)
    if away:
        await do_everything(web, key, in_group, poll, own)
        async with running(driver) as sink:
            await sink.until_state(SessionState.CONNECTED)
            async for _ in driver.collect({}, 0):
                pass
            await driver.resume()
            await sink.until(lambda: len(events(sink, "revoke")) == 1 and len(events(sink, "poll_vote")) == 1, 40)
    theirs = f"false_{ANA}_"
    assert ({"message_id": f"{theirs}{key}", "body": "a las 9"}, ANA) in events(sink, "edit")
    assert ({"message_id": f"{theirs}{in_group}", "by": ANA}, ANA) in events(sink, "revoke")
    assert ({"message_id": f"true_{ANA}_{own}", "emoji": "❤️", "author": ANA}, ANA) in events(sink, "reaction")
    assert ({"message_id": f"{theirs}{poll}", "selected": ["Lunes", "Jueves"], "author": ANA}, ANA) in events(
        sink, "poll_vote"
    )
    if not away:
        assert [fields["emoji"] for fields, _ in events(sink, "reaction")] == ["👍", "❤️"]
        assert [fields["selected"] for fields, _ in events(sink, "poll_vote")] == [["Martes"], ["Lunes", "Jueves"]]
    assert len(acts.log) == 6


@pytest.mark.parametrize("missing", [[], ["WAWebSchemaReactions", "WAWebPollsVotesSchema"]])
async def test_acts_while_no_page_was_open_are_announced(web: WebWorld, missing: list[str]) -> None:
    """However many messages followed. Reactions and votes on messages of days ago: where the page shows its tables."""
    world, now = web.sandbox.world, int(web.sandbox.world.now())
    world.configure(world.state.settings.model_copy(update={"missing_modules": missing}))
    days_ago = now - 3 * 24 * 3600
    old, old_poll = world.incoming(ANA, "a las 8", t=days_ago).id, poll_in(web, ANA, days_ago)
    for number in range(150):
        world.incoming(ANA, str(number), t=days_ago)
    edited, revoked = web.incoming(ANA, "a las 9"), web.incoming(ANA, "borrame")
    for number in range(150):
        world.incoming(ANA, str(number), t=now + 1)
    new, new_poll = world.incoming(ANA, "a las 9", t=now + 2).id, poll_in(web, ANA, now + 2)
    async with connected(web) as (driver, _):
        world.acts.react(new, "👎", MEMBER)
    world.acts.edit(edited, "a las 10")
    world.acts.revoke(revoked)
    for message_id in (old, new):
        world.acts.react(message_id, "👍", ANA)
    for poll in (old_poll, new_poll):
        world.acts.vote(poll, ["Martes"], ANA)
    world.acts.react(new, "", MEMBER)
    async with running(driver) as sink:
        await sink.until_state(SessionState.CONNECTED)
        read = [one.key.id async for batch in driver.collect({ANA: now + 2}, 0, now) for one in batch]
        await driver.resume()
        await sink.until(lambda: all(events(sink, kind) for kind in ("reaction", "poll_vote", "edit", "revoke")))
    assert not {old, edited, revoked} & {*read}
    assert ({"message_id": f"false_{ANA}_{edited}", "body": "a las 10"}, ANA) in events(sink, "edit")
    assert ({"message_id": f"false_{ANA}_{revoked}", "by": ANA}, ANA) in events(sink, "revoke")
    found = {(fields["message_id"].split("_")[2], fields["emoji"]) for fields, _ in events(sink, "reaction")}
    assert found == ({(new, "👍")} if missing else {(old, "👍"), (new, "👍"), (new, "")})
    voted = {fields["message_id"].split("_")[2] for fields, _ in events(sink, "poll_vote")}
    assert voted == ({new_poll} if missing else {old_poll, new_poll})
    assert all(author == ANA for _, author in events(sink, "poll_vote"))


#: The next `times` reads of each of these fail: a poll's votes, the message of an edit, the table of reactions.
DAMAGE_ACTS = """(times) => {
  const table = WPP.loader.loadModule("WAWebSchemaReactions");
  const whole = globalThis.__whole ??= { ...WPP.chat, getReactionsTable: table.getReactionsTable };
  const failing = (call) => {
    let left = times;
    return (...args) => left-- > 0 ? Promise.reject(new Error("damaged")) : call(...args);
  };
  for (const name of ["getVotes", "getMessageById"]) {
    Object.defineProperty(WPP.chat, name, { configurable: true, value: failing(whole[name]) });
  }
  const all = failing(() => whole.getReactionsTable().all());
  Object.defineProperty(table, "getReactionsTable", { configurable: true, value: () => ({ all }) });
}"""


@pytest.mark.parametrize("times", [1, 10_000])
async def test_acts_that_cannot_be_read_are_read_again_and_then_reported(web: WebWorld, times: int) -> None:
    acts, now = web.sandbox.world.acts, int(web.sandbox.world.now())
    edited, poll = web.incoming(ANA, "a las 9"), poll_in(web, ANA)
    for number in range(150):
        web.incoming(ANA, str(number))
    async with connected(web) as (driver, sink):
        acts.edit(edited, "a las 10")
        acts.react(edited, "👍", ANA)
        acts.vote(poll, ["Martes"], ANA)

        async def found() -> set[str]:
            async for _ in driver.collect({ANA: now + 100}, 0, now):
                pass
            await driver.resume()
            await asyncio.sleep(0.5)
            return {kind for kind in ("edit", "reaction", "poll_vote") if events(sink, kind)}

        await page_of(driver).reload()
        await sink.until(lambda: sink.states.count(SessionState.CONNECTED) == 2)
        sink.batches.clear()
        await page_of(driver).evaluate(DAMAGE_ACTS, times)
        everything = {"edit", "reaction", "poll_vote"}
        if times == 1:
            assert await found() == everything
        else:
            assert not await found()
            assert driver.unread == {ACTS: now}
            await page_of(driver).evaluate(DAMAGE_ACTS, 0)
            assert await found() == everything
        assert driver.unread == {}


@pytest.mark.parametrize(("seen", "missing"), [(1300, []), (200, ["WAWebSchemaMessage"])])
async def test_acts_before_a_thousand_missed_messages_are_announced(
    web: WebWorld, seen: int, missing: list[str]
) -> None:
    """Of any age, where the page shows its table of messages; else on the thousand before those that were missed."""
    world, now = web.sandbox.world, int(web.sandbox.world.now())
    world.configure(world.state.settings.model_copy(update={"missing_modules": missing}))
    revoked, edited = (world.incoming(ANA, "borrame", t=now - 20).id for _ in range(2))
    for number in range(seen + 1000):
        world.incoming(ANA, str(number), t=now - (20 if number < seen else 10))
    world.acts.revoke(revoked)
    world.acts.edit(edited, "mejor así")
    async with connected(web) as (driver, sink):
        assert sum([len(batch) async for batch in driver.collect({ANA: now - 10}, 0, now)]) == 1000
        await sink.until(lambda: events(sink, "revoke") and events(sink, "edit"))
    assert [fields["message_id"] for fields, _ in events(sink, "revoke")] == [f"false_{ANA}_{revoked}"]
    assert [fields["body"] for fields, _ in events(sink, "edit")] == ["mejor así"]


@pytest.mark.parametrize("ends", [True, False])
async def test_what_is_delivered_after_a_load_is_waited_for(
    web: WebWorld, caplog: pytest.LogCaptureFixture, *, ends: bool
) -> None:
    """A vote from before the load is announced by nothing; a delivery that does not end holds up nothing for good."""
    poll, voted = poll_in(web, ANA), web.incoming(ANA, "¿Vienen?")
    driver = web.web_driver(limits=replace(LIMITS, delivery=LIMITS.delivery if ends else 0.5))
    async with connected(web, driver):
        pass
    web.sandbox.world.acts.vote(poll, ["Martes"], ANA)
    web.set(offline_acts_ms=1500 if ends else 60_000)
    async with running(driver) as sink:
        await sink.until_state(SessionState.CONNECTED)
        found = [one.key.id async for batch in driver.collect({}, 0) for one in batch]
        assert found == [poll, voted]
        await driver.resume()
        if ends:
            await sink.until(lambda: events(sink, "poll_vote"))
    expected = [({"message_id": f"false_{ANA}_{poll}", "selected": ["Martes"], "author": ANA}, ANA)]
    assert events(sink, "poll_vote") == (expected if ends else [])
    assert sum("still delivers" in record.message for record in caplog.records) == (0 if ends else 1)


async def do_everything(web: WebWorld, edited: str, revoked: str, poll: str, own: str) -> None:
    acts = web.sandbox.world.acts
    acts.react(own, "👍", ANA)
    acts.react(own, "❤️", ANA)
    acts.edit(edited, "a las 9")
    acts.vote(poll, ["Martes"], ANA)
    await asyncio.sleep(0.01)  # another millisecond: a vote is known by its time
    acts.revoke(revoked)
    acts.vote(poll, ["Lunes", "Jueves"], ANA)


async def test_in_a_group_the_author_is_the_member(web: WebWorld) -> None:
    message = web.incoming(GROUP, "¿Vienen?", author=MEMBER)
    async with connected(web) as (_, sink):
        web.sandbox.world.acts.react(message, "👍", MEMBER)
        await sink.until(lambda: events(sink, "reaction"))  # else a busy sandbox pushes the newest one alone
        web.sandbox.world.acts.react(message, "", MEMBER)
        web.sandbox.world.acts.revoke(message)
        await sink.until(lambda: len(events(sink, "revoke")) == 1 and len(events(sink, "reaction")) == 2)
        whole = f"false_{GROUP}_{message}_{MEMBER}"
        assert events(sink, "reaction")[-1] == ({"message_id": whole, "emoji": "", "author": MEMBER}, MEMBER)
        assert events(sink, "revoke") == [({"message_id": whole, "by": MEMBER}, MEMBER)]


async def test_what_this_account_does_here_is_announced_too(web: WebWorld) -> None:
    async with connected(web) as (driver, sink):
        own = await send(driver, ANA, "a las 8")
        await act(driver, ANA, Reaction(message_id=str(own), emoji="👍"))
        await act(driver, ANA, Edit(message_id=str(own), message="a las 9"))
        await act(driver, ANA, Revoke(message_id=str(own)))
        await sink.until(lambda: all(events(sink, kind) for kind in ("reaction", "edit", "revoke")))
        assert events(sink, "edit")[0][0] == {"message_id": str(own), "body": "a las 9"}
        assert events(sink, "revoke")[0][0] == {"message_id": str(own), "by": str(ACCOUNT)}
