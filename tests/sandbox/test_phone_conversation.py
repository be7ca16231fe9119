"""What people do in a conversation on the phone's page: replies, other kinds, search, keyboard, a long chat."""

from __future__ import annotations

import asyncio
import json

import pytest
from playwright.async_api import FilePayload, Page, Route, expect

from bridge.sandbox import Sandbox
from tests.http.panel.test_long_chat import MESSAGES, TO_THE_TOP, cost_of_new, measured
from tests.sample_files import JPEG, MP4, OGG, PNG, WEBP
from tests.sandbox.conftest import Tab, write
from tests.sandbox.test_double import ANA, CARLA, GROUP

#: Bubbles that are drawn at once.
DRAWN = 160
#: How much more CPU 10,000 messages may cost than 1,000: a page that goes through all takes 5 to 6 times as much.
MORE = 3
#: Steps of 4,000 pixels that the shorter chat has.
STEPS = 7
#: Milliseconds until a screen of the long chat is there on a machine that does other work, too.
LOADED = 30_000

#: Messages of a chat that is short enough to be read and drawn as a whole.
BUBBLES = 90
#: Counts the forms that are read and the lists that are searched from now on.
COUNTED = """() => {
    globalThis.lookups = 0;
    const { find } = Array.prototype;
    Array.prototype.find = function (...given) {
        globalThis.lookups += 1;
        return find.apply(this, given);
    };
    globalThis.FormData = class extends FormData {
        constructor(...given) {
            super(...given);
            globalThis.lookups += 1;
        }
    };
}"""


def picture(name: str) -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": PNG}


async def test_a_reply_quotes_the_message_and_leads_to_it(sandbox: Sandbox, phone: Page, paired: Tab) -> None:
    asked = sandbox.world.incoming(ANA, "¿a qué hora?")
    for number in range(60):
        sandbox.world.incoming(ANA, f"otra {number}")
    await phone.get_by_role("button", name="Ana").click()
    log, question = phone.get_by_role("log"), phone.locator(f'[data-id="{asked.id}"]')
    await question.get_by_label("Actions").click()
    await question.get_by_role("button", name="Reply").click()
    await expect(phone.locator("#reply")).to_have_text("Ana ¿a qué hora?×")
    await phone.get_by_text("Me", exact=True).click()
    await write(phone, "a las 8")
    await expect(phone.locator("#reply")).to_be_hidden()
    answer = log.locator(".bubble", has_text="a las 8")
    await expect(answer).to_be_in_viewport()
    assert sandbox.world.state.messages[-1].quoted is not None
    await paired.event("chat.new_message", body="a las 8", quoted=asked.key)
    await expect(question).not_to_be_in_viewport()
    await answer.get_by_title("Show the message that it answers").click()
    await expect(question).to_be_in_viewport()
    await expect(question).to_have_class("bubble theirs found")


async def test_what_is_written_while_something_is_sent_stays(sandbox: Sandbox, phone: Page) -> None:
    asked = sandbox.world.incoming(ANA, "¿una foto?")
    await phone.get_by_role("button", name="Ana").click()
    held, released = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def hold(route: Route) -> None:
        held.release()
        await released.acquire()
        await route.continue_()

    async def reply() -> None:
        question = phone.locator(f'[data-id="{asked.id}"]')
        await question.get_by_label("Actions").click()
        await question.get_by_role("button", name="Reply").click()
        await expect(quote).to_be_visible()

    await phone.route("**/api/incoming**", hold)
    text, quote, bubbles = phone.get_by_label("Message", exact=True), phone.locator("#reply"), phone.locator(".bubble")
    await reply()
    await text.fill("estas")
    await phone.locator("#file").set_input_files([picture("1.png"), picture("2.png")])
    await held.acquire()
    await expect(text).to_have_value("")
    await expect(quote).to_be_hidden()
    await text.fill("y otra cosa")
    await reply()
    released.release()
    await held.acquire()
    await expect(bubbles).to_have_count(2)
    released.release()
    await expect(bubbles).to_have_count(3)
    await expect(text).to_have_value("y otra cosa")
    await expect(quote).to_be_visible()
    await text.press("Enter")
    await held.acquire()
    await reply()
    released.release()
    await expect(bubbles).to_have_count(4)
    await expect(quote).to_be_visible()
    first, second, last = sandbox.world.state.messages[1:]
    assert [one.fields.get("caption") for one in (first, second)] == ["estas", None]
    assert [one.quoted and one.quoted.id for one in (first, second, last)] == [asked.id, None, asked.id]


async def test_what_could_not_be_sent_is_put_back_with_its_reply(sandbox: Sandbox, phone: Page) -> None:
    asked = sandbox.world.incoming(ANA, "¿una foto?")
    await phone.get_by_role("button", name="Ana").click()
    question = phone.locator(f'[data-id="{asked.id}"]')
    await question.get_by_label("Actions").click()
    await question.get_by_role("button", name="Reply").click()
    text, quote = phone.get_by_label("Message", exact=True), phone.locator("#reply")
    await phone.route("**/api/incoming**", lambda route: route.abort())
    await write(phone, "esta")
    await expect(phone.get_by_role("alert")).to_be_visible()
    await expect(text).to_have_value("esta")
    await expect(quote).to_be_visible()
    await phone.locator("#file").set_input_files([picture("1.png")])
    await expect(text).to_have_value("esta")
    await expect(quote).to_be_visible()
    await phone.unroute("**/api/incoming**")
    await phone.locator("#file").set_input_files([picture("1.png")])
    await expect(quote).to_be_hidden()
    await expect(phone.locator(".bubble .quote")).to_have_count(1)
    [_, sent] = sandbox.world.state.messages
    assert (sent.fields["caption"], sent.quoted and sent.quoted.id) == ("esta", asked.id)


async def test_every_kind_is_sent_as_the_contact_and_as_the_owner(sandbox: Sandbox, phone: Page, paired: Tab) -> None:
    await phone.get_by_role("button", name="Ana").click()
    forms = {
        "Location": {"Latitude": "-34.6037", "Longitude": "-58.3816", "Name of the place (optional)": "Obelisco"},
        "Contact": {"Name": "Zoe, la de Luján", "Number, digits only": "5491155500044"},
        "Poll": {"Question": "¿Qué día?", "Answers, one in each line (2 to 12)": "Lunes\nMartes"},
        "Event": {"Name": "Asado", "Description (optional)": "Traer bebida"},
    }
    files = {"f.jpg": ("image/jpeg", JPEG), "s.webp": ("image/webp", WEBP), "v.mp4": ("video/mp4", MP4)}
    files |= {"n.ogg": ("audio/ogg", OGG), "d.pdf": ("application/pdf", b"%PDF")}
    log = phone.get_by_role("log")
    for writer in ("Ana", "Me"):
        await phone.get_by_role("group", name="Write as").get_by_text(writer, exact=True).click()
        for kind, fields in forms.items():
            await phone.get_by_label("Send something else").click()
            await phone.locator("#kinds-list").get_by_role("button", name=kind).click()
            form = phone.get_by_role("dialog", name=kind)
            for label, value in fields.items():
                await form.get_by_label(label).fill(value)
            await form.get_by_role("button", name="Send").click()
            await expect(form).to_be_hidden()
        given: list[FilePayload] = [
            {"name": name, "mimeType": mime, "buffer": content} for name, (mime, content) in files.items()
        ]
        await phone.locator("#file").set_input_files(given)
        await expect(log.locator(".mine" if writer == "Me" else ".theirs")).to_have_count(9)
        for count, kind in enumerate(("GIF", "Video note"), start=10):
            await phone.get_by_label("Send something else").click()
            async with phone.expect_file_chooser() as choosing:
                await phone.locator("#kinds-list").get_by_role("button", name=kind).click()
            await (await choosing.value).set_files([given[2]])
            await expect(log.locator(".mine" if writer == "Me" else ".theirs")).to_have_count(count)
    kinds = ["location", "vcard", "poll_creation", "event_creation", "image", "sticker", "video", "ptt", "document"]
    kinds += ["video", "ptv"]
    messages = sandbox.world.state.messages
    assert [(m.type, m.from_me) for m in messages] == [(kind, own) for own in (False, True) for kind in kinds]
    for message in messages:
        await paired.event("chat.new_message", id=message.key, type=message.type)
    map_link = log.get_by_role("link", name="Show on the map").first
    at = "?mlat=-34.6037&mlon=-58.3816#map=16/-34.6037/-58.3816"
    await expect(map_link).to_have_attribute("href", f"https://www.openstreetmap.org/{at}")
    assert [number for number, message in enumerate(messages) if message.fields.get("isGif")] == [9, 20]
    await expect(log.locator("audio, video")).to_have_count(8)
    await expect(log.get_by_role("link", name="d.pdf")).to_have_count(2)
    assert "FN:Zoe\\, la de Luján" in messages[1].body


async def test_a_poll_of_one_answer_is_not_sent(sandbox: Sandbox, phone: Page) -> None:
    await phone.get_by_role("button", name="Ana").click()
    await phone.get_by_label("Send something else").click()
    await phone.locator("#kinds-list").get_by_role("button", name="Poll").click()
    form = phone.get_by_role("dialog", name="Poll")
    await form.get_by_label("Question").fill("¿Vamos?")
    await form.get_by_label("Answers").first.fill("Sí\nSí")
    await form.get_by_role("button", name="Send").click()
    await expect(form).to_be_visible()
    assert await form.locator("textarea").evaluate("(one) => one.validationMessage") == (
        "A poll has 2 to 12 different answers."
    )
    assert sandbox.world.state.messages == []


async def test_chats_and_messages_are_found(sandbox: Sandbox, phone: Page) -> None:
    sandbox.world.incoming(GROUP, "se cortó la luz", author=ANA)
    sandbox.world.incoming(ANA, "", kind="image", fields={"caption": "la LÚZ del pasillo"})
    search, found = phone.get_by_role("searchbox", name="Search chats and messages"), phone.locator("#chats button")
    await search.fill("dario")
    await expect(found).to_have_count(1)
    await expect(found).to_contain_text("Darío")
    await search.fill("luz")
    await expect(found).to_have_count(2)
    await expect(found.nth(0)).to_contain_text("la LÚZ del pasillo")
    await found.nth(1).click()
    await expect(phone.locator("#title")).to_have_text("Vecinos")
    await expect(phone.locator(".found")).to_contain_text("se cortó la luz")
    await expect(phone.get_by_role("button", name="To the newest message")).to_be_hidden()
    await search.fill("no existe")
    await expect(phone.get_by_role("navigation")).to_have_text("Nothing found")
    await search.press("Escape")
    await expect(found).to_have_count(5)


async def test_everything_is_done_with_the_keyboard(sandbox: Sandbox, phone: Page) -> None:
    keyboard = phone.keyboard
    await phone.get_by_role("searchbox").focus()
    await keyboard.press("Tab")
    await keyboard.press("ArrowDown")
    await keyboard.press("ArrowUp")
    await keyboard.press("Enter")
    text = phone.get_by_label("Message", exact=True)
    await expect(text).to_be_focused()
    await keyboard.type("uno")
    await keyboard.press("Shift+Enter")
    await keyboard.type("dos")
    await keyboard.press("Enter")
    await expect(phone.locator(".bubble .body")).to_have_text("uno\ndos")
    assert sandbox.world.state.messages[0].body == "uno\ndos"
    focused = []
    for _ in range(4):
        await keyboard.press("Shift+Tab")
        focused.append(await phone.evaluate("() => document.activeElement.ariaLabel ?? document.activeElement.value"))
    assert focused == ["Send something else", "Send a file", ANA, "Actions"]
    await keyboard.press("Enter")
    menu = phone.locator(".bubble details")
    await expect(menu).to_have_attribute("open", "")
    await keyboard.press("Escape")
    await expect(menu).not_to_have_attribute("open", "")
    await expect(menu.get_by_label("Actions")).to_be_focused()
    await keyboard.press("Enter")
    await menu.get_by_role("button", name="Reply").press("Enter")
    await expect(phone.locator("#reply")).to_be_visible()
    await expect(text).to_be_focused()
    await keyboard.press("Escape")
    await expect(phone.locator("#reply")).to_be_hidden()
    await phone.get_by_label("Send something else").press("Enter")
    await phone.locator("#kinds-list").get_by_role("button", name="Poll").press("Enter")
    await expect(phone.get_by_label("Question")).to_be_focused()
    await keyboard.press("Escape")
    await expect(phone.get_by_role("dialog")).to_be_hidden()
    await text.press("Escape")
    await expect(phone.get_by_role("navigation").get_by_role("button", name="Ana")).to_be_focused()


async def test_a_player_plays_on_when_its_message_changes(sandbox: Sandbox, phone: Page) -> None:
    fields = {**sandbox.received.keep(OGG, "ptt"), "mimetype": "audio/ogg"}
    voice = sandbox.world.incoming(ANA, "", kind="ptt", fields=fields)
    await phone.get_by_role("button", name="Ana").click()
    player = await phone.locator("audio").element_handle()
    sandbox.world.acts.react(voice.id, "👍")
    await expect(phone.locator(".reactions")).to_have_text("👍")
    assert await player.evaluate("(player) => player.isConnected")


async def test_text_beside_a_pasted_file_is_pasted_as_text(sandbox: Sandbox, phone: Page) -> None:
    await phone.get_by_role("button", name="Ana").click()
    refused = await phone.get_by_label("Message", exact=True).evaluate(
        """(field, content) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(JSON.parse(content))], 'table.png', { type: 'image/png' }));
            data.setData('text/plain', 'a table');
            const pasted = new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true });
            return !field.dispatchEvent(pasted);
        }""",
        json.dumps([*PNG]),
    )
    assert not refused  # the browser pastes it
    assert sandbox.world.state.messages == []


async def test_earlier_messages_are_asked_for_until_there_are_none(sandbox: Sandbox, phone: Page) -> None:
    for number in range(250):
        sandbox.world.incoming(ANA, f"mensaje {number}")
    await phone.reload()
    await phone.get_by_role("button", name="Ana").click()
    log, asked = phone.get_by_role("log"), []
    phone.on("request", lambda request: asked.append(request.url) if "before=" in request.url else None)
    await expect(log.get_by_text("mensaje 249", exact=True)).to_be_in_viewport()
    while not await log.get_by_text("mensaje 0", exact=True).count():
        await log.evaluate(TO_THE_TOP)
    for _ in range(3):
        await log.evaluate("(log) => { log.scrollTop = 50; }")
        await log.evaluate(TO_THE_TOP)
    await expect(log.get_by_text("mensaje 0", exact=True)).to_be_in_viewport()
    assert len(asked) == 2


async def test_what_all_bubbles_share_is_looked_up_once(sandbox: Sandbox, phone: Page) -> None:
    for number in range(BUBBLES):
        sandbox.world.incoming(GROUP, f"mensaje {number}", author=ANA)
    await phone.reload()
    await phone.get_by_role("button", name="Vecinos").click()
    bubbles = phone.locator(".bubble")
    await expect(bubbles).to_have_count(BUBBLES)
    await phone.evaluate(COUNTED)
    sandbox.world.incoming(GROUP, "uno más", author=ANA)
    await expect(bubbles).to_have_count(BUBBLES + 1)
    assert 0 < await phone.evaluate("() => globalThis.lookups") < BUBBLES


@pytest.mark.timeout(180)
async def test_ten_thousand_messages_scroll_without_lag(sandbox: Sandbox, phone: Page) -> None:
    """A step and a new message cost as much CPU as in a chat of a tenth, on any machine and under any load."""
    for number in range(MESSAGES):
        sandbox.world.incoming(ANA, f"mensaje {number}")
    for number in range(MESSAGES // 10):
        sandbox.world.incoming(CARLA, f"mensaje {number}")
    await phone.reload()
    log, bubbles = phone.get_by_role("log"), phone.locator(".bubble")
    first = log.get_by_text("mensaje 0", exact=True)

    async def costs(name: str, chat: str, count: int) -> tuple[float, float]:
        await phone.get_by_role("navigation").get_by_role("button", name=name).click()
        await expect(log.get_by_text(f"mensaje {count - 1}", exact=True)).to_be_in_viewport(timeout=LOADED)
        await log.press("Home")  # reads all of them
        await expect(first).to_be_in_viewport(timeout=LOADED)
        await log.press("End")
        await expect(log.get_by_text(f"mensaje {count - 1}", exact=True)).to_be_in_viewport(timeout=LOADED)
        steps, _ = await measured(log, STEPS)
        assert await bubbles.count() == DRAWN
        await log.press("End")
        new = await cost_of_new(log, lambda text: sandbox.world.incoming(chat, text), LOADED)
        assert await bubbles.count() == DRAWN
        return steps[STEPS // 2], new

    short = await costs("Carla", CARLA, MESSAGES // 10)
    long = await costs("Ana", ANA, MESSAGES)
    print(f"CPU ms of a step and of a new message: {short} in a short chat, {long} in a long one")
    await log.press("Home")
    await expect(first).to_be_in_viewport(timeout=LOADED)
    place = await first.bounding_box()
    sandbox.world.incoming(ANA, "de abajo")
    await expect(phone.get_by_role("navigation")).to_contain_text("de abajo", timeout=LOADED)
    assert await first.bounding_box() == place  # a new message moves nothing while older ones are read
    await phone.get_by_role("button", name="To the newest message").click()
    await expect(log.get_by_text("de abajo", exact=True)).to_be_in_viewport(timeout=LOADED)
    await phone.get_by_role("searchbox").fill("MENSAJE 5000")
    await phone.locator("#chats [data-hit]").click()
    await expect(log.locator(".found")).to_contain_text("mensaje 5000", timeout=LOADED)
    await expect(log.locator(".found")).to_be_in_viewport(timeout=LOADED)
    await expect(bubbles).to_have_count(DRAWN)
    assert all(in_long <= MORE * in_short for in_long, in_short in zip(long, short, strict=True))
