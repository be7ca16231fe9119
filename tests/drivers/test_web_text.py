"""Texts pass the real page and the real wa-js unchanged, in both directions."""

from __future__ import annotations

from bridge.contract.jid import Jid
from bridge.contract.kinds import MAX_TEXT, Text
from bridge.contract.session import SessionState
from tests.drivers.recording import running
from tests.drivers.worlds import ANA, WebWorld
from tests.loopback import http_client

TEXTS = {
    "spanish": "¡Ñandú, pingüino! ¿Sí?",
    "arabic": "مرحبا، كيف الحال؟ 123",
    "hebrew": "שלום עולם, (סוגריים) 42%",
    "chinese": "你好，世界！𠮷野家",
    "japanese": "こんにちは、世界。ｶﾀｶﾅ",
    "korean": "안녕하세요 세계",
    "hindi": "नमस्ते दुनिया",
    "thai": "สวัสดีชาวโลก",
    "russian": "Привет, мир! Ёж",
    "greek": "Γειά σου Κόσμε",
    "georgian": "გამარჯობა მსოფლიო",
    "amharic": "ሰላም ልዑል",
    "emoji": "👨‍👩‍👧‍👦 🏳️‍🌈 👍🏿 🇦🇷",
    "controls": "tab\t, line\nbreak, \u200f\u202eright to left\u202c, \u00a0, \x01",
    "markup": "</script><b>*bold*</b> `${code}` \\u0041 %s {} \"'",
    "combining": "e\u0301 ≠ é; Z̷̢a̴l̶g̵o̷",
    "very long": "abcdefghijklmnñ😀" * (MAX_TEXT // 16),
}


async def test_texts_are_received_and_sent_unchanged(web: WebWorld) -> None:
    driver = web.web_driver()
    async with running(driver) as sink:
        await sink.until(lambda: sink.codes)
        web.pair()
        await sink.until_state(SessionState.CONNECTED)
        await driver.resume()
        for text in TEXTS.values():
            web.incoming(ANA, text)
        await sink.until(lambda: len(sink.messages) == len(TEXTS))
        assert {name: m.body for name, m in zip(TEXTS, sink.messages, strict=True)} == TEXTS
        sent = {}
        for name, text in TEXTS.items():
            key = await driver.reserve(Jid.parse(ANA))
            await driver.send(key, Text(text))
            sent[name] = web.sent()[key.id][0]
        assert sent == TEXTS


async def test_lone_surrogates_and_nul_are_replaced_and_block_nothing(web: WebWorld) -> None:
    driver = web.web_driver()
    async with running(driver) as sink:
        await sink.until(lambda: sink.codes)
        web.pair()
        await sink.until_state(SessionState.CONNECTED)
        await driver.resume()
        async with http_client() as http:
            answer = await http.post(
                f"{web.sandbox.api_url}/incoming",
                json={"chat": ANA, "units": [0x61, 0xD83D, 0x62, 0, 0xDE00, 0x63]},
            )
        assert answer.is_success, answer.text
        web.incoming(ANA, "lo siguiente")
        await sink.until(lambda: len(sink.messages) == 2)
        found = [m.body async for batch in driver.collect({}, 0) for m in batch]
    assert [m.body for m in sink.messages] == ["a\ufffdb\ufffd\ufffdc", "lo siguiente"]
    assert found == ["a\ufffdb\ufffd\ufffdc", "lo siguiente"]


async def test_a_burst_keeps_its_order_and_loses_nothing(web: WebWorld) -> None:
    driver = web.web_driver()
    async with running(driver) as sink:
        await sink.until(lambda: sink.codes)
        web.pair()
        await sink.until_state(SessionState.CONNECTED)
        await driver.resume()
        for number in range(2000):
            web.incoming(ANA, f"{number}")
        await sink.until(lambda: len(sink.messages) >= 2000)
    assert [m.body for m in sink.messages] == [f"{number}" for number in range(2000)]
    assert max(map(len, sink.batches)) <= 200
