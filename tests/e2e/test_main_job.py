"""The main job with real parts: the phone in a browser, wa-js, mosquitto and its command-line clients."""

from __future__ import annotations

import json
import shlex
from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.e2e.conftest import Product, command, first_lines, running, subscriber
from tests.sample_files import PNG

ANA = "5491155500001"
#: A file that people bring; the page takes it, so that the browser does not open it.
FILE = """(target, [name, content]) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(content), (one) => one.charCodeAt(0))], name, { type: 'image/png' }));
    const of = { bubbles: true, cancelable: true };
    return EVENTS.every((one) => !target.dispatchEvent(one));
}"""
DROP, PASTE = (
    FILE.replace("EVENTS", "['dragover', 'drop'].map((one) => new DragEvent(one, { dataTransfer: data, ...of }))"),
    FILE.replace("EVENTS", "[new ClipboardEvent('paste', { clipboardData: data, ...of })]"),
)
#: Each test that compares what was sent has its own chat.
STRANGER, ELENA = "5491155500007", "5491155500005"
TEXTS = {
    "spanish": "¿Cómo andás? Ñandú, pingüino, ¡qué lindo!",
    "cyrillic": "Привет, как дела?",
    "greek": "Καλημέρα κόσμε",
    "arabic": "مرحبا كيف حالك؟ ١٢٣",
    "hebrew": "שלום, מה שלומך?",
    "mixed direction": "total: ₪120 עבור abc (שלוש) 3×4",
    "hindi": "नमस्ते दुनिया",
    "thai": "สวัสดีชาวโลก",
    "chinese": "你好，世界。𠮷野家",
    "japanese": "こんにちは ｶﾀｶﾅ",
    "korean": "안녕하세요 세계",
    "armenian": "Բարեւ աշխարհ",
    "combining": "e\u0301 a\u0308 Z\u0351\u036b\u0343",
    "emoji": "👩🏽‍🚀👨‍👩‍👧‍👦🇦🇷🏴‍☠️❤️‍🔥 1️⃣",
    "lines": "first\nsecond\n\n\tindented ",
    "markup": "<b>*not*</b> \"quoted\" 'single' \\n {json: true} $HOME `x`",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def product(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    async with running(tmp_path_factory.mktemp("main")) as up:
        await up.printed("haby connected")
        yield up


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def phone(product: Product, browser: Browser) -> AsyncIterator[Page]:
    """The phone's page in a real browser."""
    page = await browser.new_page()
    await page.goto(await product.phone_url())
    yield page
    await page.close()


async def test_a_message_typed_on_the_phone_reaches_the_printed_mosquitto_sub(product: Product, phone: Page) -> None:
    async with subscriber(await product.hint("mosquitto_sub")) as next_payload:
        await product.api("POST", "/incoming", {"chat": f"{STRANGER}@c.us", "body": "before"})
        before = await next_payload()
        await phone.get_by_role("button", name="Ana").click()
        await phone.get_by_label("Message", exact=True).fill("¿Tienen stock? 😀")
        await phone.keyboard.press("Enter")
        message = await next_payload()
    assert message["body"] == "¿Tienen stock? 😀"
    assert message["from"] == f"{ANA}@c.us"
    assert message["seq"] == before["seq"] + 1
    assert (message["late"], message["type"], message["cliente_id"]) == (False, "chat", 51)


async def test_a_file_dropped_or_pasted_on_the_phone_reaches_the_printed_mosquitto_sub(
    product: Product, phone: Page
) -> None:
    await phone.get_by_role("button", name="Ana").click()
    async with subscriber(await product.hint("mosquitto_sub")) as next_payload:
        for name, act, target in (("dropped.png", DROP, "#messages"), ("pasted.png", PASTE, "#text")):
            await phone.get_by_label("Message", exact=True).fill("la fuga")
            assert await phone.locator(target).evaluate(act, [name, b64encode(PNG).decode()])
            message = await next_payload()
            assert (message["kind"], message["body"], message["from"]) == ("image", "la fuga", f"{ANA}@c.us")
            assert message["media"]["sha256"] == sha256(PNG).hexdigest()
            await expect(phone.get_by_label("Message", exact=True)).to_have_value("")
    await expect(phone.get_by_role("log").get_by_role("img")).to_have_count(2)


async def test_the_printed_mosquitto_pub_appears_on_the_phone_with_ticks(product: Product, phone: Page) -> None:
    code, _, errors = await command(product, *shlex.split(await product.hint("mosquitto_pub")))
    assert (code, errors) == (0, "")
    await phone.get_by_role("button", name="Ana").click()
    bubble = phone.get_by_role("log").locator(".bubble", has_text="Hola")
    await expect(bubble).to_be_visible()
    await expect(bubble.get_by_label("read")).to_be_visible()


async def test_the_printed_mosquitto_sub_shows_why_a_publish_is_refused(product: Product) -> None:
    pub = shlex.split(await product.hint("mosquitto_pub"))
    topic = pub.index("-t") + 1
    async with subscriber(await product.hint("mosquitto_sub"), topic=1) as next_result:
        assert (await command(product, *pub[:topic], pub[topic].rpartition("/")[0], "-m", "Hola"))[0] == 0
        while (refused := await next_result())["status"] != "failed":  # of another test
            pass
    assert "Plain text goes to wa/<session>/out/NUMBER" in refused["error"]["text"]


@pytest.mark.timeout(180)
async def test_every_writing_system_survives_in_both_directions(product: Product) -> None:
    async with subscriber(await product.hint("mosquitto_sub")) as next_payload:
        for text in [*TEXTS.values(), "ñ😀" * 32_768]:
            await product.api("POST", "/incoming", {"chat": f"{STRANGER}@c.us", "body": text})
            assert (await next_payload())["body"] == text
    pub = shlex.split(await product.hint("mosquitto_pub"))
    topic = pub[pub.index("-t") + 1].replace(ANA, STRANGER)
    for name, text in TEXTS.items():
        plain = [*pub[: pub.index("-t")], "-t", topic, "-m", text]
        code, _, errors = await command(product, *plain)
        assert (code, errors) == (0, ""), name
    code, _, _ = await command(product, "wa", "send", STRANGER, "-", "--json", "--id", "last")
    assert code == 2, "an empty text is refused"
    code, _, errors = await command(product, "wa", "send", STRANGER, "the end", "--json")
    assert code == 0, errors
    assert await product.sent_bodies(f"{STRANGER}@c.us") == [*TEXTS.values(), "the end"]


async def test_the_longest_text_is_sent_and_a_longer_one_is_refused(product: Product) -> None:
    longest = "a" * 65_535 + "ñ"
    (product.directory / "text").write_text(json.dumps({"id": "long", "to": ELENA, "message": longest}))
    pub = shlex.split(await product.hint("mosquitto_pub"))
    session_topic = pub[pub.index("-t") + 1].rsplit("/", 1)[0]
    base = [*pub[: pub.index("-t")], "-t", session_topic, "-f", "text"]
    result_line = shlex.join(["mosquitto_sub", *pub[1 : pub.index("-t")], "-v", "-t", session_topic[:-3] + "result"])
    async with subscriber(result_line) as next_result:
        assert (await command(product, *base))[0] == 0
        assert [(await next_result())["status"], (await next_result())["status"]] == ["accepted", "sent"]
        (product.directory / "text").write_text(json.dumps({"id": "longer", "to": ELENA, "message": longest + "a"}))
        assert (await command(product, *base))[0] == 0
        refused = await next_result()
    assert (refused["id"], refused["status"], refused["error"]["code"]) == ("longer", "failed", "too_large")
    assert await product.sent_bodies(f"{ELENA}@c.us") == [longest]


async def test_a_group_a_lid_chat_and_an_own_message(product: Product) -> None:
    state = await product.api("GET", "/state")
    group = next(chat for chat in state["chats"] if chat["id"].endswith("@g.us"))
    lid = next(chat["id"] for chat in state["chats"] if chat["id"].endswith("@lid"))
    author = group["participants"][0]
    sub = await product.hint("mosquitto_sub")
    async with subscriber(sub) as next_message, subscriber(sub.replace("/in", "/event")) as next_event:
        await product.api("POST", "/incoming", {"chat": group["id"], "author": author, "body": "soy del grupo"})
        from_group = await next_message()
        assert (from_group["from"], from_group["author"]) == (group["id"], author)
        await product.api("POST", "/incoming", {"chat": lid, "body": "oculto"})
        from_lid = await next_message()
        assert (from_lid["from"], from_lid["chat"], from_lid["from_lid"]) == (lid, lid, lid)
        await product.api("POST", "/own", {"chat": lid, "body": "contesto yo"})
        # number and LID of one person became known; what the test before sent
        while (own := await next_event())["kind"] in ("alias", "sent_message"):
            pass
        assert (own["kind"], own["message"]["body"]) == ("own_message", "contesto yo")
    for to in (group["id"], lid):
        code, out, errors = await command(product, "wa", "send", to, "respuesta", "--json")
        assert code == 0, errors
        assert json.loads(out.splitlines()[-1])["chat"] == to


async def wait_for_answer(product: Product) -> list[str]:
    """The account's own messages, once a result says that the bridge has sent one."""
    sub = (await product.hint("mosquitto_sub")).replace("/in", "/result")
    async with subscriber(sub) as next_result:
        if answers := await product.sent_bodies():
            return answers
        while (await next_result())["status"] != "sent":
            pass
    return await product.sent_bodies()


async def test_a_greeting_is_answered_on_the_phone(tmp_path: Path) -> None:
    async with running(tmp_path, RESPONDER_ACTIVO="on", RESPONDER_GATHER="0") as product:
        await product.printed("haby connected")
        await product.api("POST", "/incoming", {"chat": f"{ANA}@c.us", "body": "hola"})
        command_line = ["wa", "listen", "--from-start", "--json"]
        [greeting] = await first_lines(product, 1, *command_line)
        assert greeting["body"] == "hola"
        answers = await wait_for_answer(product)
    assert len(answers) == 1
    assert answers[0].startswith("¡Hola!")
