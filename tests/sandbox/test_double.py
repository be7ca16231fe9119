"""The double under the real, unmodified wa-js: QR code, pairing, messages in and out, as a driver sees them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from bridge.sandbox import Sandbox
from bridge.sandbox.linked_devices import CodeNotShown
from bridge.sandbox.records import Contact, ReceiptPolicy
from tests.sandbox.conftest import Tab

ANA = "5491155500001@c.us"
BRUNO_LID = "188000000000002@lid"
CARLA = "5491155500003@c.us"
CARLA_LID = "188000000000003@lid"
DARIO = "188000000000004@lid"
GROUP = "120363000000000001@g.us"


async def test_wa_js_boots_without_a_page_error_and_shows_a_code(tab: Tab) -> None:
    code = await tab.run("() => WPP.conn.getAuthCode()")
    assert code["ref"].startswith("2@")
    assert [len(part) for part in code["fullCode"].split(",")[1:]] == [44, 44, 44]
    assert await tab.run("() => [WPP.conn.isAuthenticated(), WPP.conn.getStreamData().mode]") == [False, "QR"]
    assert tab.errors == []


async def test_the_page_contains_no_wa_js_and_requests_no_other_host(sandbox: Sandbox, tab: Tab) -> None:
    requested: list[str] = []
    tab.page.on("request", lambda request: requested.append(request.url))
    await tab.page.reload()
    await tab.until("() => WPP.isFullReady")
    assert [url.removeprefix(sandbox.url) for url in requested] == ["", "assets/web/screen.css", "assets/web/main.js"]
    assert {url[: len(sandbox.url)] for url in requested} == {sandbox.url}
    assert not any("wppconnect" in url for url in requested)


async def test_the_code_rotates_by_itself_and_on_request(sandbox: Sandbox, tab: Tab) -> None:
    first = await tab.run("async () => (await WPP.conn.getAuthCode()).fullCode")
    settings = sandbox.world.state.settings
    sandbox.world.configure(settings.model_copy(update={"ref_ttl_ms": 300}))
    for slot in sandbox.world.linking.slots.values():
        sandbox.world.linking.rotate(slot)
    second = await tab.until("(old) => recorded.find((e) => e.value && e.value !== old)?.value", first)
    third = await tab.until(
        "(known) => recorded.find((e) => e.value && !known.includes(e.value))?.value", [first, second]
    )
    refreshed = await tab.run("async () => (await WPP.conn.refreshQR()).fullCode")
    assert len({first, second, third, refreshed}) == 4


async def test_an_unscanned_page_stops_until_a_code_is_requested(sandbox: Sandbox, tab: Tab) -> None:
    sandbox.world.configure(sandbox.world.state.settings.model_copy(update={"refs_before_idle": 1, "ref_ttl_ms": 200}))
    for slot in sandbox.world.linking.slots.values():
        sandbox.world.linking.rotate(slot)
    await tab.until("() => WPP.conn.isIdle()")
    dead = await tab.run("async () => (await WPP.conn.getAuthCode()).fullCode")  # the page keeps it
    with pytest.raises(CodeNotShown):
        sandbox.world.linking.scan(f"{dead},1")
    assert (await tab.run("async () => (await WPP.conn.refreshQR()).fullCode")).startswith("2@")
    assert await tab.run("() => WPP.conn.isIdle()") is False


OWN_TEXT = "() => document.querySelector('[data-testid=link-device-qr-code]').dataset.ref"


async def test_the_page_draws_five_fields_and_wa_js_knows_four(sandbox: Sandbox, tab: Tab) -> None:
    full = await tab.run("async () => (await WPP.conn.getAuthCode()).fullCode")
    own = await tab.run(OWN_TEXT)
    assert own == f"{full},1"
    assert await tab.run("() => WPP.whatsapp.Conn.refTTL") == 60_000
    with pytest.raises(CodeNotShown):
        sandbox.world.linking.scan(full)
    sandbox.world.configure(sandbox.world.state.settings.model_copy(update={"qr_prefix": True}))
    await tab.page.reload()
    await tab.until("() => WPP.isFullReady")
    own = await tab.run(OWN_TEXT)
    assert own.startswith("https://wa.me/settings/linked_devices#2@")
    sandbox.world.linking.scan(own)


async def test_a_pairing_code_kills_the_qr_code_and_a_refresh_kills_the_pairing_code(
    sandbox: Sandbox, tab: Tab
) -> None:
    shown = await tab.run(OWN_TEXT)
    code = await tab.run("() => WPP.conn.startLinkDeviceCodeForPhoneNumber('5491155500000')")
    assert await tab.run("() => WPP.conn.getAuthCode().then(() => 'a code', (error) => error.message)") != "a code"
    assert await tab.run(OWN_TEXT) == shown  # it stays drawn
    with pytest.raises(CodeNotShown):
        sandbox.world.linking.scan(shown)
    await tab.run("async () => (await WPP.conn.refreshQR())?.fullCode")
    with pytest.raises(CodeNotShown):
        sandbox.world.linking.type_code(code)
    await tab.until(f"(old) => WPP.conn.getAuthCode() && ({OWN_TEXT})() !== old", shown)
    sandbox.world.linking.scan(await tab.run(OWN_TEXT))


async def test_wrong_answers_end_a_pairing_code(sandbox: Sandbox, tab: Tab) -> None:
    await tab.run(
        "() => { globalThis.failed = []; WPP.on('conn.link_code_error', (error) => failed.push(error.message)); }"
    )
    await tab.run("() => WPP.conn.startLinkDeviceCodeForPhoneNumber('5491155500000')")
    for _ in range(4):
        with pytest.raises(CodeNotShown):
            sandbox.world.linking.type_code("WRONG123")
    assert "linking error" in await tab.until("() => failed[0]")


async def test_scanning_pairs_and_loads_the_history(sandbox: Sandbox, tab: Tab) -> None:
    sandbox.world.incoming(ANA, "antes")
    device = sandbox.world.linking.scan()
    await tab.usable()
    await tab.event("conn.authenticated")
    modes = [e["value"] for e in await tab.events("conn.stream_mode_changed")]
    assert modes[-2:] == ["SYNCING", "MAIN"]
    assert await tab.run("() => WPP.conn.getMyUserId().toString()") == "5491155500000@c.us"
    assert await tab.run("() => WPP.conn.getAuthCode()") is None
    assert [(m["body"], m["history"]) for m in await tab.messages(ANA)] == [("antes", True)]
    assert await tab.events("chat.new_message") == []
    assert list(sandbox.world.linking.devices) == [device.id]
    assert sandbox.world.linking.slots == {}


async def test_a_message_during_pairing_is_not_overwritten_by_the_history(sandbox: Sandbox, tab: Tab) -> None:
    sandbox.world.incoming(ANA, "antes")
    sandbox.world.linking.scan()
    for body in ("durante", "y otra"):
        sandbox.world.incoming(ANA, body)
    await tab.usable()
    await tab.until("async (chat) => (await WPP.chat.getMessages(chat)).at(-1)?.body === 'y otra'", ANA)
    assert [m["body"] for m in await tab.messages(ANA)] == ["antes", "durante", "y otra"]
    newest = "(chat) => WPP.chat.get(chat).lastReceivedKey.toString()"
    assert await tab.run(newest, ANA) == sandbox.world.state.messages[-1].key
    assert tab.errors == []


async def test_incoming_messages_are_announced_with_their_fields(sandbox: Sandbox, paired: Tab) -> None:
    hello = sandbox.world.incoming(ANA, "¿Hola? 👋 שלום")
    event = await paired.event("chat.new_message", id=hello.key)
    assert event["body"] == "¿Hola? 👋 שלום"
    assert (event["chat"], event["from"], event["to"], event["author"]) == (ANA, ANA, "5491155500000@c.us", None)
    assert (event["type"], event["notifyName"], event["fromMe"], event["isNewMsg"]) == ("chat", "Ana", False, True)
    assert abs(event["t"] - time.time()) < 5

    grouped = sandbox.world.incoming(GROUP, "a todos", author=BRUNO_LID, quoted=None)
    event = await paired.event("chat.new_message", id=grouped.key)
    assert (event["chat"], event["from"], event["author"], event["notifyName"]) == (GROUP, GROUP, BRUNO_LID, "Bruno")
    assert event["id"].endswith(f"_{BRUNO_LID}")

    hidden = sandbox.world.incoming(DARIO, "sin número", quoted=None)
    event = await paired.event("chat.new_message", id=hidden.key)
    assert (event["chat"], event["to"]) == (DARIO, "277000000000000@lid")
    answer = sandbox.world.incoming(DARIO, "respuesta", quoted=hidden.id)
    assert (await paired.event("chat.new_message", id=answer.key))["quoted"] == hidden.key


async def test_text_that_is_not_valid_unicode_arrives_unchanged(sandbox: Sandbox, paired: Tab) -> None:
    message = sandbox.world.incoming(ANA, "", fields={"bodyUnits": [0x61, 0xD83D, 0x62, 0]})
    units = "(id) => [...Array(4)].map((_, i) => WPP.whatsapp.MsgStore.get(id)?.body.charCodeAt(i))"
    await paired.event("chat.new_message", id=message.key)
    assert await paired.run(units, message.key) == [0x61, 0xD83D, 0x62, 0]


async def test_a_message_typed_on_the_phone_is_announced_as_own(sandbox: Sandbox, paired: Tab) -> None:
    own = sandbox.world.own(ANA, "desde el teléfono")
    event = await paired.event("chat.new_message", id=own.key)
    assert (event["fromMe"], event["chat"], event["to"]) == (True, ANA, ANA)
    await paired.event("chat.msg_ack_change", ids=[own.key], ack=3)
    assert sandbox.world.state.sent == {}


@pytest.mark.parametrize("chat", [ANA, DARIO])
async def test_a_sent_message_goes_through_all_its_acks(sandbox: Sandbox, paired: Tab, chat: str) -> None:
    key = await paired.reserve(chat)
    answer = await paired.send(chat, "respuesta", key)
    assert (answer["id"], answer["ack"], answer["sendMsgResult"]["messageSendResult"]) == (key, 1, "OK")
    for ack in (1, 2, 3):
        await paired.event("chat.msg_ack_change", ids=[key], ack=ack)
    acks = [e["ack"] for e in await paired.events("chat.msg_ack_change")]
    assert acks == [1, 2, 3]
    message = sandbox.world.message(key)
    assert message is not None
    assert (message.ack, message.body, message.origin) == (3, "respuesta", "device")
    assert await paired.run("async (id) => (await WPP.chat.getMessageById(id)).ack", key) == 3


async def test_group_acks_have_a_participant_and_add_up(sandbox: Sandbox, paired: Tab) -> None:
    sandbox.world.configure(
        sandbox.world.state.settings.model_copy(update={"receipts": ReceiptPolicy(device_ms=None, read_ms=None)})
    )
    key = await paired.reserve(GROUP)
    assert key.endswith("_277000000000000@lid")
    await paired.send(GROUP, "a todos", key)
    sandbox.world.acknowledge(key, 2, ANA)
    await paired.event("chat.msg_ack_change", ack=2)
    ack = "(id) => WPP.whatsapp.MsgStore.get(id).ack"
    assert await paired.run(ack, key) == 1
    sandbox.world.acknowledge(key, 2)
    await paired.until(f"(id) => ({ack})(id) === 2", key)
    events = [e for e in await paired.events("chat.msg_ack_change") if e["ack"] == 2]
    assert len(events) == 3


async def test_without_waiting_the_answer_precedes_the_servers_ack(sandbox: Sandbox, paired: Tab) -> None:
    settings = sandbox.world.state.settings
    sandbox.world.configure(settings.model_copy(update={"receipts": ReceiptPolicy(server_ms=None)}))
    key = await paired.reserve(ANA)
    answer = await paired.send(ANA, "sin esperar", key, waitForAck=False)
    assert (answer["ack"], answer["sendMsgResult"]) == (0, None)
    sandbox.world.acknowledge(await arrived(sandbox, paired, key), 1)
    await paired.event("chat.msg_ack_change", ids=[key], ack=1)


async def arrived(sandbox: Sandbox, tab: Tab, key: str) -> str:
    """Wait until the service has the message; the page sends it in a later turn of its event loop."""
    for _ in range(200):
        if sandbox.world.message(key):
            break
        await tab.run("() => new Promise((done) => setTimeout(done, 10))")
    return key


async def test_get_messages_pages_back_through_a_chat(sandbox: Sandbox, tab: Tab) -> None:
    for n in range(30):
        sandbox.world.incoming(ANA, f"m{n}")
    sandbox.world.linking.scan()
    await tab.usable()
    in_memory = "(chat) => WPP.chat.get(chat).msgs.getModelsArray().map((m) => m.body)"
    assert await tab.run(in_memory, ANA) == ["m27", "m28", "m29"]
    newest = await tab.messages(ANA, count=10)
    assert [m["body"] for m in newest] == [f"m{n}" for n in range(20, 30)]
    older = await tab.messages(ANA, count=10, direction="before", id=newest[0]["id"])
    assert [m["body"] for m in older] == [f"m{n}" for n in range(10, 20)]
    newer = await tab.messages(ANA, count=5, direction="after", id=older[-1]["id"])
    assert [m["body"] for m in newer] == [f"m{n}" for n in range(20, 25)]
    assert [m["body"] for m in await tab.messages(ANA, count=-1)] == [f"m{n}" for n in range(30)]


LOOK_UP = (
    "async (number) => {const found = await WPP.contact.queryWidExists(number);"
    " return found && [String(found.wid), found.lid?.toString() ?? null]}"
)


async def test_looking_up_numbers(sandbox: Sandbox, paired: Tab) -> None:
    known_by_both = Contact(pn="5491155500006@c.us", lid="188000000000006@lid", name="Known by both", saved=False)
    sandbox.world.directory.add_contact(known_by_both)
    expected: dict[str, Any] = {
        "5491155500001": [ANA, None],
        "5491155500005": ["5491155500005@c.us", None],
        "5491155500006": ["5491155500006@c.us", "188000000000006@lid"],
        "5491155500009": None,  # not on WhatsApp
        "5491155500077": None,  # unassigned
        "5491155500008": None,  # the service answers with an error, which wa-js turns into "no such number"
    }
    assert {number: await paired.run(LOOK_UP, number) for number in expected} == expected


async def test_numbers_and_hidden_ids_are_mapped_where_they_are_known(paired: Tab) -> None:
    entry = (
        "async (id) => {const entry = await WPP.contact.getPnLidEntry(id);"
        " return [entry.phoneNumber?._serialized, entry.lid?._serialized]}"
    )
    assert await paired.run(entry, CARLA) == [CARLA, CARLA_LID]
    assert await paired.run(entry, CARLA_LID) == [CARLA, CARLA_LID]
    assert await paired.run(entry, DARIO) == [None, DARIO]


async def test_a_chat_is_found_under_either_address_or_created(sandbox: Sandbox, paired: Tab) -> None:
    find = "async (id) => (await WPP.chat.find(id)).id.toString()"
    assert await paired.run(find, CARLA) == CARLA_LID
    assert "5491155500005@c.us" not in sandbox.world.directory.chats
    assert await paired.run(find, "5491155500005@c.us") == "5491155500005@c.us"
    assert "5491155500005@c.us" in sandbox.world.directory.chats


async def test_the_page_uses_the_services_clock(sandbox: Sandbox, paired: Tab) -> None:
    assert abs(await paired.run("() => WPP.whatsapp.functions.unixTime()") - sandbox.world.now()) < 3


async def test_a_store_is_asked_by_key_and_pages_of_the_database_are_copies(sandbox: Sandbox, tab: Tab) -> None:
    """As in the real page: a text that is decrypted later reaches the messages in memory only."""
    old, *_, new = [sandbox.world.incoming(ANA, "", kind="ciphertext") for _ in range(6)]
    sandbox.world.linking.scan()
    await tab.usable()
    store = "WPP.whatsapp.MsgStore"
    by = f"(key) => [key, {store}.get(key), {{ id: {store}.get(key)?.id }}].map((one) => Boolean({store}.get(one)))"
    assert await tab.run(by, new.key) == [True, False, False]
    copies = "async (chat) => (globalThis.copies = await WPP.chat.getMessages(chat, {count: -1})).map((m) => m.type)"
    assert await tab.run(copies, ANA) == ["ciphertext"] * 6
    for message in (old, new):
        sandbox.world.faults.decrypt(message.id, "por fin")
    await tab.until(f"(key) => {store}.get(key).body === 'por fin'", new.key)
    assert await tab.run("() => [copies[0].type, copies.at(-1).type]") == ["ciphertext", "ciphertext"]
    assert await tab.run("async (key) => (await WPP.chat.getMessageById(key)).body", old.key) == "por fin"
    before = old.key
    sandbox.world.acts.revoke(old.id)
    await tab.until(f"(key) => {store}.get(key)?.type === 'revoked'", old.key)
    assert await tab.run(f"(key) => Boolean({store}.get(key))", before) is False


async def test_a_watched_page_sends_read_receipts_with_each_send(sandbox: Sandbox, paired: Tab) -> None:
    """It is watched for some time after a load; what it owes after that it sends when it is watched again."""
    world = sandbox.world
    for chat, owed in ((ANA, False), (DARIO, True)):
        message = world.incoming(chat, "¿leído?")
        await paired.event("chat.new_message", id=message.key)
        await paired.send(chat, "respuesta", await paired.reserve(chat))
        if not owed:
            await paired.until("(chat) => WPP.chat.get(chat).unreadCount === 0", chat)
        assert (world.directory.chats[chat].read_to > message.position) is not owed
        if not owed:
            assert world.shown_online
            world.configure(world.state.settings.model_copy(update={"watched_ms": 0}))
            await paired.page.reload()
            await paired.usable()
            await paired.until("() => !WPP.whatsapp.Stream.available")
    assert not world.shown_online
    await paired.run("(chat) => WPP.chat.markIsComposing(chat)", ANA)
    assert world.typing == set()
    await paired.run("() => WPP.conn.markAvailable(true)")
    await paired.until("(chat) => WPP.chat.get(chat).unreadCount === 0", DARIO)
    assert world.shown_online
    await paired.run("async (chat) => { await WPP.chat.markIsPaused(chat); WPP.chat.markIsComposing(chat, 200) }", ANA)
    await paired.until("(chat) => WPP.chat.get(chat).typing", ANA)
    await paired.until("(chat) => !WPP.chat.get(chat).typing", ANA)
    world.incoming(ANA, "otra")
    await paired.until("(chat) => WPP.chat.get(chat).unreadCount === 1", ANA)
    await paired.run("() => WPP.conn.markAvailable(false)")
    await paired.run("(chat) => WPP.chat.markIsRead(chat)", ANA)  # at once, whether it is watched or not
    await paired.until("(chat) => WPP.chat.get(chat).unreadCount === 0", ANA)


async def test_a_migrated_account_makes_new_chats_by_lid(sandbox: Sandbox, tab: Tab) -> None:
    sandbox.world.configure(sandbox.world.state.settings.model_copy(update={"lid_migrated": True}))
    new, lid = "5491155500006@c.us", "188000000000006@lid"
    sandbox.world.directory.add_contact(Contact(pn=new, lid=lid, name="New", saved=False))
    await tab.page.reload()
    await tab.until("() => WPP.isFullReady")
    sandbox.world.linking.scan()
    await tab.usable()
    wrong = await tab.run("async (chat) => `true_${chat}_${await WPP.whatsapp.MsgKey.newId()}`", new)
    send = (
        "([chat, key]) => WPP.chat.sendTextMessage(chat, 'x', {messageId: key, createChat: true}).catch((e) => e.code)"
    )
    assert await tab.run(send, [new, wrong]) == "message_key_remote_id_is_not_same_of_chat"
    find = "(id) => WPP.chat.find(id).then((chat) => chat.id.toString(), (error) => error.message)"
    assert await tab.run(find, new) == lid
    assert await tab.run(find, ANA) == ANA  # an old chat
    assert await tab.run(find, "5491155500009@c.us") == "No LID for user"
    assert await tab.run("() => WPP.conn.getMigrationState().isLidMigrated") is True
