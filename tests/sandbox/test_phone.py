"""The phone's page in a real browser: keyboard input, elements found by their labels."""

from __future__ import annotations

from collections.abc import AsyncIterator

from playwright.async_api import Page, expect

from bridge.sandbox import Sandbox
from bridge.sandbox.records import ACCOUNT, ReceiptPolicy
from tests.sample_files import JPEG
from tests.sandbox.conftest import Tab, write
from tests.sandbox.test_double import ANA, BRUNO_LID, GROUP


async def test_the_page_of_whatsapp_web_leads_to_the_phone(sandbox: Sandbox, phone: Page) -> None:
    await phone.goto(sandbox.url)
    await phone.get_by_role("link", name="The phone of this sandbox").click()
    await expect(phone.get_by_role("button", name="Ana")).to_be_visible()
    assert phone.url == sandbox.phone_url


async def test_the_selected_author_decides_the_sender(sandbox: Sandbox, phone: Page) -> None:
    await phone.get_by_role("button", name="Ana").click()
    await write(phone, "¿Hola? 👋")
    await phone.get_by_text("Me", exact=True).click()
    await write(phone, "<b>no es markup</b>")
    bubbles = phone.get_by_role("log").locator(".bubble")
    await expect(bubbles).to_have_count(2)
    await expect(bubbles.nth(1)).to_contain_text("<b>no es markup</b>")
    await expect(phone.get_by_label("Message", exact=True)).to_have_value("")
    assert [(m.body, m.from_me) for m in sandbox.world.state.messages] == [
        ("¿Hola? 👋", False),
        ("<b>no es markup</b>", True),
    ]


async def test_a_contact_sends_a_file(sandbox: Sandbox, phone: Page) -> None:
    await phone.get_by_role("button", name="Ana").click()
    await phone.get_by_label("Message", exact=True).fill("la fuga")
    picture = {"name": "fuga.jpg", "mimeType": "image/jpeg", "buffer": JPEG}
    await phone.locator("#file").set_input_files(picture)  # type: ignore[arg-type]
    shown = phone.get_by_role("log").get_by_role("img")
    await expect(shown).to_be_visible()
    await expect(shown).to_have_js_property("complete", value=True)
    assert await shown.evaluate("(image) => image.naturalWidth") > 0
    async with phone.context.expect_page() as opened:
        await shown.click()
    assert await (await opened.value).evaluate("() => document.contentType") == "image/jpeg"
    [message] = sandbox.world.state.messages
    assert (message.type, message.chat, message.from_me) == ("image", ANA, False)
    assert {name: message.fields[name] for name in ("caption", "filename", "mimetype", "size")} == {
        "caption": "la fuga",
        "filename": "fuga.jpg",
        "mimetype": "image/jpeg",
        "size": len(JPEG),
    }
    assert sandbox.received.content(message.fields, "image") == JPEG


async def test_a_message_of_another_kind_shows_its_name_and_no_raw_body(sandbox: Sandbox, phone: Page) -> None:
    chats = phone.get_by_role("button", name="Ana")
    sandbox.world.incoming(ANA, "BEGIN:VCARD", kind="vcard", fields={"vcardFormattedName": "Bruno"})
    await expect(chats).to_contain_text("👤 Contact")
    sandbox.world.incoming(ANA, "/9j/4AAQ", kind="image", fields={"caption": "la fuga"})
    await expect(chats).to_contain_text("📷 Photo la fuga")
    sandbox.world.incoming(ANA, "/9j/4AAQ", kind="location", fields={"isLive": True, "comment": "voy"})
    await expect(chats).to_contain_text("📍 Live location")
    await chats.click()
    log = phone.get_by_role("log")
    await expect(log).to_contain_text("Bruno")
    await expect(log).to_contain_text("la fuga")
    await expect(log).not_to_contain_text("BEGIN")
    await expect(log).not_to_contain_text("/9j")


async def test_in_a_group_any_member_can_type(sandbox: Sandbox, phone: Page) -> None:
    await phone.get_by_role("button", name="Vecinos").click()
    await phone.get_by_role("group", name="Write as").get_by_text("Bruno").click()
    await write(phone, "soy Bruno")
    await expect(phone.get_by_role("log").locator(".author")).to_have_text("Bruno")
    [message] = sandbox.world.state.messages
    assert (message.chat, message.author) == (GROUP, BRUNO_LID)


async def test_it_shows_a_linked_devices_messages_with_their_ticks(sandbox: Sandbox, phone: Page, tab: Tab) -> None:
    policy = ReceiptPolicy(device_ms=None, read_ms=None)
    sandbox.world.configure(sandbox.world.state.settings.model_copy(update={"receipts": policy}))
    await phone.get_by_role("button", name="Scan").click()
    await tab.usable()
    await expect(phone.get_by_text("Chrome (Linux)")).to_be_visible()
    await phone.get_by_role("button", name="Ana").click()
    await tab.send(ANA, "desde el puente", await tab.reserve(ANA))
    bubble = phone.locator(".bubble", has_text="desde el puente")
    await expect(bubble).to_contain_text("linked device")
    await bubble.get_by_role("button", name="sent; press for delivered").click()
    await bubble.get_by_role("button", name="delivered; press for read").click()
    await expect(bubble.get_by_role("button", name="read")).to_be_disabled()
    await tab.event("chat.msg_ack_change", ack=3)


async def test_it_shows_whether_the_account_is_online_and_what_is_read(
    sandbox: Sandbox, phone: Page, paired: Tab
) -> None:
    account = phone.get_by_text("+5491155500000")
    await expect(account).to_have_text("+5491155500000, shown as online")
    await paired.run("() => WPP.conn.markAvailable(false)")
    await expect(account).to_have_text("+5491155500000, not shown as online")
    await phone.get_by_role("button", name="Ana").click()
    message = sandbox.world.incoming(ANA, "¿leído?")
    await paired.event("chat.new_message", id=message.key)
    bubble = phone.locator(".bubble", has_text="¿leído?")
    await paired.send(ANA, "sin mirar", await paired.reserve(ANA))
    await expect(phone.locator(".bubble", has_text="sin mirar")).to_be_visible()
    await expect(bubble).not_to_contain_text("read")
    await paired.run("() => WPP.conn.markAvailable(true)")  # then it sends what it owes
    await expect(bubble).to_contain_text("read")


async def test_the_link_and_the_device_are_switched_off_on_the_phone(
    sandbox: Sandbox, phone: Page, paired: Tab
) -> None:
    await phone.get_by_role("switch", name="Linked devices are connected").click()
    await paired.until("() => WPP.whatsapp.Socket.state === 'OPENING'")
    await expect(phone.get_by_text("not connected")).to_be_visible()
    await phone.get_by_role("switch", name="Linked devices are connected").click()
    await paired.until("() => WPP.whatsapp.Socket.state === 'CONNECTED'")
    await phone.get_by_role("button", name="Log out").click()
    await expect(phone.get_by_text("A page shows a QR code")).to_be_visible()
    assert sandbox.world.linking.devices == {}


async def test_faults_and_a_pairing_code_can_be_tried(sandbox: Sandbox, phone: Page, tab: Tab) -> None:
    code = tab.page.evaluate("(phone) => WPP.conn.startLinkDeviceCodeForPhoneNumber(phone)", ACCOUNT.split("@")[0])
    assert len(await code) == 8
    await phone.get_by_role("button", name="Enter it").click()
    await tab.usable()
    await phone.get_by_text("Faults").click()
    await phone.get_by_role("combobox", name="Linked devices").select_option("get no service (503)")
    await tab.until("() => WPP.whatsapp.Socket.state === 'OPENING'")
    sandbox.world.incoming(ANA, "meanwhile")
    await phone.get_by_role("combobox", name="Linked devices").select_option("work")
    await tab.until("() => WPP.whatsapp.Socket.stream === 'CONNECTED' && WPP.conn.getStreamData().mode === 'MAIN'")
    await tab.event("chat.new_message", body="meanwhile")
    await phone.get_by_role("button", name="Open WhatsApp Web elsewhere").click()
    await tab.until("() => WPP.whatsapp.Socket.stream === 'DISCONNECTED'")
    await phone.get_by_role("button", name="Offer a newer version").click()
    await tab.until("() => WPP.conn.needsUpdate()")
    await phone.get_by_label("The site responds").select_option("with a maintenance page")
    async with tab.page.expect_navigation():
        await phone.get_by_role("button", name="Reload open pages").click()
    await expect(tab.page.get_by_text("down for maintenance")).to_be_visible()


async def test_a_new_contact_gets_a_chat(sandbox: Sandbox, phone: Page) -> None:
    await phone.get_by_role("button", name="New contact").click()
    await phone.get_by_label("Name").fill("Zoe")
    await phone.get_by_label("Number, digits only").fill("5491155500044")
    await phone.get_by_role("button", name="Add").click()
    await phone.get_by_role("button", name="Zoe").click()
    await write(phone, "soy nueva")
    await expect(phone.get_by_role("log")).to_contain_text("soy nueva")
    assert sandbox.world.state.messages[0].chat == "5491155500044@c.us"


async def test_rejected_input_is_reported_and_not_lost(sandbox: Sandbox, phone: Page) -> None:
    await phone.get_by_role("button", name="Vecinos").click()
    sandbox.world.directory.chats[GROUP].participants.remove(ANA)
    await write(phone, "nadie")
    await expect(phone.get_by_role("alert")).to_contain_text("the author must be one of")
    await expect(phone.get_by_label("Message", exact=True)).to_have_value("nadie")


async def test_it_is_usable_on_a_narrow_screen(phone: Page) -> None:
    await phone.set_viewport_size({"width": 360, "height": 640})
    await phone.get_by_role("button", name="Ana").click()
    await expect(phone.get_by_role("navigation", name="Chats")).to_be_hidden()
    await write(phone, "angosto")
    await expect(phone.get_by_role("log")).to_contain_text("angosto")
    await phone.get_by_role("button", name="Back to the chats").click()
    await expect(phone.get_by_role("navigation", name="Chats")).to_be_visible()
    assert await phone.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


async def test_the_file_of_a_message_is_shown(sandbox: Sandbox, phone: Page) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield JPEG

    path = (await sandbox.media.receive(parts())).direct_path
    sandbox.world.incoming(
        ANA,
        "",
        kind="image",
        fields={"directPath": path, "mimetype": "image/jpeg", "caption": "roja", "mediaKey": "k=="},
    )
    await phone.get_by_role("button", name="Ana").click()
    await phone.wait_for_function("() => document.querySelector('img.file')?.naturalWidth === 32")
    bubble = phone.get_by_role("log").locator(".bubble")
    await expect(bubble).to_contain_text("roja")
    await expect(bubble).not_to_contain_text("k==")


async def test_people_react_edit_vote_and_delete(sandbox: Sandbox, phone: Page) -> None:
    world = sandbox.world
    own = world.own(ANA, "¿Vamos?")
    text = world.incoming(ANA, "a las 8")
    options = [{"name": name, "localId": number} for number, name in enumerate(("Lunes", "Martes"))]
    poll = world.incoming(ANA, "", kind="poll_creation", fields={"pollName": "¿Qué día?", "pollOptions": options})
    await phone.get_by_role("button", name="Ana").click()
    log = phone.get_by_role("log")

    async def act(message_id: str, name: str) -> None:
        bubble = log.locator(f'[data-id="{message_id}"]')
        await bubble.get_by_label("Actions").click()
        await bubble.get_by_role("button", name=name).click()

    await act(own.id, "👍")
    await expect(log.locator(".reactions")).to_have_text("👍")
    assert {who: one.emoji for who, one in own.reactions.items()} == {ANA: "👍"}
    await act(own.id, "No reaction")
    await expect(log.locator(".reactions")).to_have_count(0)
    await expect(log.locator(f'[data-id="{own.id}"]').get_by_role("button", name="Edit")).to_have_count(0)
    phone.once("dialog", lambda dialog: dialog.accept("a las 9"))
    await act(text.id, "Edit")
    await expect(log.get_by_text("a las 9")).to_be_visible()
    await expect(log.get_by_text("edited")).to_be_visible()
    for name in ("Lunes", "Martes"):
        await log.get_by_role("button", name=name).click()
        await expect(log.get_by_role("button", name=f"{name} · Ana")).to_be_visible()
    assert poll.votes[ANA].options == [0, 1]
    await act(text.id, "Delete for everyone")
    await expect(log.get_by_text("This message was deleted.")).to_be_visible()
    await expect(log.get_by_text("a las 9")).to_have_count(0)
    await expect(log.locator(".bubble")).to_have_count(3)


async def test_a_contact_calls_and_is_blocked_and_a_chat_gets_marks(sandbox: Sandbox, phone: Page) -> None:
    world = sandbox.world
    await phone.get_by_role("button", name="Ana").click()
    await phone.get_by_label("Contact and chat").click()

    async def press(name: str) -> None:
        await phone.get_by_role("button", name=name, exact=True).click()

    await press("Video call")
    await expect(phone.get_by_role("button", name="Hang up")).to_be_visible()
    [call] = world.account.calls.values()
    assert (call.caller, call.video) == (ANA, True)
    await press("Hang up")
    await expect(phone.get_by_role("button", name="Video call")).to_be_visible()
    assert world.account.calls == {}
    for name, undo in (("Archive", "Unarchive"), ("Pin", "Unpin"), ("Mute", "Unmute"), ("Block", "Unblock")):
        await press(name)
        await expect(phone.get_by_role("button", name=undo, exact=True)).to_be_visible()
    await press("Mark as unread")
    await expect(phone.get_by_role("button", name="Mark as unread")).to_have_count(0)
    chat, ana = world.directory.chats[ANA], world.directory.contact(ANA)
    assert ana is not None
    assert (chat.archived, chat.pinned_ms > 0, chat.muted_until, chat.marked_unread, ana.blocked) == (
        *(True, True, -1, True),
        True,
    )
    await expect(phone.get_by_role("button", name="Ana").first).to_contain_text("archived, pinned, muted")
    await press("Unblock")
    await expect(phone.get_by_role("button", name="Block", exact=True)).to_be_visible()
    await press("Start typing")


async def test_members_are_added_promoted_and_removed_and_leave(sandbox: Sandbox, phone: Page) -> None:
    _, group = sandbox.world.groups.group(GROUP)
    await phone.get_by_role("button", name="Vecinos").click()
    await phone.get_by_label("Group", exact=True).click()
    members = phone.locator("#members")
    await members.get_by_role("button", name="Add Elena").click()
    await expect(members).to_contain_text("Elena")
    elena = members.locator(".line", has_text="Elena").first
    await elena.get_by_role("button", name="Make admin").click()
    await expect(elena).to_contain_text("admin")
    await members.locator(".line", has_text="Bruno").first.get_by_role("button", name="Remove").click()
    await expect(phone.locator("#subtitle")).to_have_text("Ana, Darío, Elena, Me")
    await expect(phone.get_by_role("log")).to_contain_text("removed Bruno")
    await phone.get_by_text("Me", exact=True).last.click()
    await members.get_by_role("button", name="Leave").click()
    await expect(phone.locator("#subtitle")).to_have_text("Ana, Darío, Elena")
    assert (group.member, group.admins) == (False, [ANA, "5491155500005@c.us"])
    phone.on("dialog", lambda dialog: dialog.accept("Obra"))
    await phone.get_by_label("New group").click()
    await expect(phone.get_by_role("button", name="Obra")).to_be_visible()
