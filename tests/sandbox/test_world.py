"""The service as a state machine, with injected time and no sockets."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from bridge.sandbox.changes import AckRaised, Change, MessageArrived, SendRefused
from bridge.sandbox.contacts import EntryNotFound, LookupFailed
from bridge.sandbox.linked_devices import CodeNotShown, NotLinked, PageKeys
from bridge.sandbox.records import Contact, Device, ReceiptPolicy, State, TransmissionMode
from bridge.sandbox.world import World

ANA = "5491155500001@c.us"
BRUNO_LID = "188000000000002@lid"
DARIO = "188000000000004@lid"
GROUP = "120363000000000001@g.us"


class Clock:
    """Time that passes only when the test sets it."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    ids = itertools.count(1)
    return World(clock, lambda: f"{next(ids):018X}")


@pytest.fixture
def device(world: World) -> Device:
    world.linking.open_slot()
    return world.linking.scan()


def recorded_changes(world: World) -> list[Change]:
    changes: list[Change] = []
    world.listeners.append(changes.append)
    return changes


def record(message_id: str, chat: str = ANA, body: str = "hola") -> dict[str, str]:
    return {"id": f"true_{chat}_{message_id}", "body": body, "type": "chat"}


def mode(world: World, send_mode: TransmissionMode) -> None:
    world.configure(world.state.settings.model_copy(update={"send_mode": send_mode}))


def test_messages_keep_the_order_of_arrival_at_the_service(world: World) -> None:
    late = world.incoming(ANA, "uno", t=100)
    early = world.incoming(ANA, "dos", t=50)
    assert [late.position, early.position] == [0, 1]
    assert world.positions(ANA) == [0, 1]
    assert world.message(early.key) is world.message(early.id) is early


@pytest.mark.parametrize(("chat", "author"), [(GROUP, None), (GROUP, "5491155500099@c.us"), (ANA, ANA)])
def test_an_author_must_fit_the_chat(world: World, chat: str, author: str | None) -> None:
    with pytest.raises(ValueError, match="author"):
        world.incoming(chat, "x", author=author)


def test_a_group_has_to_exist_and_a_chat_with_a_person_is_created(world: World) -> None:
    with pytest.raises(EntryNotFound):
        world.incoming("120363999999999999@g.us", "x")
    world.incoming("5491155500077@c.us", "x")
    assert world.directory.chats["5491155500077@c.us"].name == "5491155500077"


def test_both_addresses_of_a_person_have_one_chat(world: World) -> None:
    assert world.directory.open_chat("5491155500003@c.us").id == "188000000000003@lid"
    assert world.incoming("5491155500003@c.us", "x").chat == "188000000000003@lid"


def test_a_message_id_is_unique(world: World) -> None:
    world.incoming(ANA, "x", message_id="ABC")
    with pytest.raises(ValueError, match="already"):
        world.incoming(ANA, "y", message_id="ABC")


@pytest.mark.parametrize(("number", "found"), [("5491155500001@c.us", True), ("5491155500009@c.us", False)])
def test_a_lookup_shows_which_numbers_are_on_whatsapp(world: World, number: str, found: bool) -> None:
    assert (world.directory.look_up(number) is not None) is found


def test_a_lookup_can_fail(world: World) -> None:
    with pytest.raises(LookupFailed):
        world.directory.look_up("5491155500008@c.us")


def test_a_contact_with_a_known_address_replaces_the_old_one(world: World) -> None:
    world.directory.add_contact(Contact(pn=ANA, lid="188000000000001@lid", name="Ana María"))
    assert world.directory.name("188000000000001@lid") == "Ana María"
    assert [c.name for c in world.directory.contacts].count("Ana") == 0


def test_own_messages_are_acknowledged_when_due(world: World, clock: Clock) -> None:
    message = world.own(ANA, "x")
    seen = [message.ack]
    for _ in range(4):
        clock.now += 0.5
        world.advance()
        seen.append(message.ack)
    assert seen == [1, 2, 2, 3, 3]
    assert world.next_due() is None


def test_a_transmission_is_delivered_once_per_id(world: World, device: Device, clock: Clock) -> None:
    changes = recorded_changes(world)
    for _ in range(3):
        world.transmit(device, record("3EB01"))
    clock.now += 0.1
    world.advance()
    world.transmit(device, record("3EB01"))
    world.transmit(device, record("3EB02"))
    assert [(s.id, s.transmissions, s.deliveries) for s in world.state.sent.values()] == [
        ("3EB01", 4, 1),
        ("3EB02", 1, 1),
    ]
    assert [c.message.id for c in changes if isinstance(c, MessageArrived)] == ["3EB01", "3EB02"]
    # The server's ack, and the answer to the repeated transmission.
    assert [c.ack for c in changes if isinstance(c, AckRaised) and c.message.id == "3EB01"] == [1, 1]


def test_a_held_transmission_or_one_without_a_link_is_lost(world: World, device: Device) -> None:
    mode(world, TransmissionMode.HOLD)
    world.transmit(device, record("3EB01"))
    mode(world, TransmissionMode.NORMAL)
    world.set_link(up=False)
    world.transmit(device, record("3EB01"))
    assert (world.state.sent, world.state.messages) == ({}, [])


def test_a_refused_transmission_is_reported_and_not_stored(world: World, device: Device) -> None:
    changes = recorded_changes(world)
    mode(world, TransmissionMode.REFUSE)
    world.transmit(device, record("3EB01"))
    assert [c.key for c in changes if isinstance(c, SendRefused)] == [f"true_{ANA}_3EB01"]
    assert (world.state.sent, world.state.messages) == ({}, [])


def test_with_a_lost_answer_the_service_has_the_message(world: World, device: Device) -> None:
    mode(world, TransmissionMode.LOSE_ANSWER)
    world.transmit(device, record("3EB01"))
    message = world.message("3EB01")
    assert message is not None
    assert message.answered is False
    mode(world, TransmissionMode.NORMAL)
    world.transmit(device, record("3EB01"))
    assert message.answered is True


def test_a_group_message_is_read_when_all_members_have_read_it(world: World, device: Device) -> None:
    world.configure(world.state.settings.model_copy(update={"receipts": ReceiptPolicy(device_ms=None, read_ms=None)}))
    world.transmit(device, record("3EB01_277000000000000@lid", GROUP))
    message = world.message("3EB01")
    assert message is not None
    acks = []
    for person in world.directory.chats[GROUP].participants:
        world.acknowledge("3EB01", 3, person)
        acks.append(message.ack)
    assert acks == [0, 0, 3]


def test_acks_only_rise_and_only_for_own_messages(world: World) -> None:
    own, other = world.own(ANA, "x"), world.incoming(ANA, "y")
    world.acknowledge(own.id, 3)
    world.acknowledge(own.id, 2)
    assert own.ack == 3
    with pytest.raises(ValueError, match="not an own message"):
        world.acknowledge(other.id, 3)
    with pytest.raises(ValueError, match="not a recipient"):
        world.acknowledge(own.id, 4, DARIO)
    with pytest.raises(EntryNotFound):
        world.acknowledge("NONE", 2)


def test_a_code_rotates_when_due_and_only_the_current_one_can_be_scanned(world: World, clock: Clock) -> None:
    slot = world.linking.open_slot()
    first = slot.ref
    for seconds in (60, 20, 20):  # the first code lives longer
        before = slot.ref
        clock.now += seconds - 0.1
        world.advance()
        assert slot.ref == before
        clock.now += 0.2
        world.advance()
        assert slot.ref != before
    with pytest.raises(CodeNotShown):
        world.linking.scan(first)
    device = world.linking.scan(slot.ref)
    with pytest.raises(CodeNotShown):
        world.linking.scan()
    assert world.linking.log_in(device.id, device.secret) is device
    assert world.linking.log_in(device.id, "wrong") is None


def test_after_some_codes_a_page_shows_none_until_it_requests_one(world: World, clock: Clock) -> None:
    world.configure(world.state.settings.model_copy(update={"refs_before_idle": 3}))
    slot = world.linking.open_slot()
    shown = {slot.ref}
    while (due := world.next_due()) is not None:
        clock.now = due
        world.advance()
        shown.add(slot.ref)
    assert (slot.ref, len(shown - {""})) == ("", 3)
    with pytest.raises(CodeNotShown):
        world.linking.scan()
    world.linking.refresh(slot)
    assert world.linking.scan(slot.ref).id in world.linking.devices


def test_a_scanned_text_must_be_that_of_the_page(world: World) -> None:
    slot = world.linking.open_slot()
    slot.keys = PageKeys("noise", "identity", "secret")
    first = slot.ref
    for text in (
        f"{first},noise,identity,secret",  # without the platform
        f"{first},noise,identity,older,1",
        f"{first},noise,identity,secret,1,more",
        "2@other,noise,identity,secret,1",
    ):
        with pytest.raises(CodeNotShown):
            world.linking.scan(text)
    slot.keys = replace(slot.keys, secret=None)
    for dead in (f"{first},noise,identity,secret,1", first, None):
        with pytest.raises(CodeNotShown):
            world.linking.scan(dead)
    slot.keys = replace(slot.keys, secret="new")
    world.linking.scan(f"https://wa.me/settings/linked_devices#{first},noise,identity,new,1")


def test_a_pairing_code_lives_three_minutes_and_takes_three_answers(world: World, clock: Clock) -> None:
    slot = world.linking.open_slot()
    world.linking.link_code(slot, "5491155500000")
    for _ in range(4):
        assert slot.link_code
        with pytest.raises(CodeNotShown):
            world.linking.type_code("WRONG123")
    assert slot.link_code is None
    late = world.linking.link_code(slot, "5491155500000")
    clock.now += 180.1
    with pytest.raises(CodeNotShown):
        world.linking.type_code(late)
    code = world.linking.link_code(slot, "5491155500000")
    clock.now += 179.9
    world.linking.type_code(f"{code[:4]}-{code[4:]}")


def test_a_device_is_logged_out_once(world: World, device: Device) -> None:
    world.linking.log_out(device.id)
    assert world.linking.log_in(device.id, device.secret) is None
    with pytest.raises(NotLinked):
        world.linking.log_out(device.id)


def test_a_world_continues_from_its_state(world: World, device: Device, clock: Clock) -> None:
    world.transmit(device, record("3EB01"))
    again = World(clock, lambda: "F" * 18, State.model_validate_json(world.state.model_dump_json()))
    again.transmit(again.linking.devices[device.id], record("3EB01"))
    clock.now += 5
    again.advance()
    [sent], [message] = again.state.sent.values(), again.state.messages
    assert (sent.transmissions, sent.deliveries, message.ack) == (2, 1, 3)
    assert again.positions(ANA) == [0]


def test_a_reply_quotes_the_message(world: World) -> None:
    first = world.incoming(GROUP, "¿quién?", author=BRUNO_LID)
    answer = world.own(GROUP, "yo", quoted=first.key)
    assert answer.quoted is not None
    assert (answer.quoted.id, answer.quoted.participant, answer.quoted.body) == (first.id, BRUNO_LID, "¿quién?")
    with pytest.raises(EntryNotFound):
        world.own(GROUP, "yo", quoted="NONE")
