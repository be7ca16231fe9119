"""Rules that answer with a file: checked when they are loaded, sent once, recorded by name."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest

from bridge.cli.file_upload import upload
from bridge.contract.kinds import MAX_INLINE, load_field
from bridge.settings import load as load_bridge
from responder.errors import WrongRules
from responder.faults import FaultLog
from responder.rules_file import RulesFile
from responder.store.rows import commands_from_json
from responder.timing import DeliveryTiming, Timing
from tests.client.conftest import ANA, BETO, ScriptedBridge
from tests.mosquitto_server import MosquittoServer
from tests.responder.conftest import ResponderHarness
from tests.responder.test_crashes import halted, process, until_sent
from tests.responder.test_webhook import FacadeBridge

PICTURE = (Path(__file__).parents[1] / "samples/red.jpg").read_bytes()
RULES = """\
version: 1
rules:
- name: carta
  when: {contains: carta}
  answer:
  - image: {file: carta.jpg, caption: "La carta de hoy"}
"""


def written(tmp_path: Path, answer: str = "") -> Path:
    (tmp_path / "carta.jpg").write_bytes(PICTURE)
    path = tmp_path / "rules.yaml"
    path.write_text(RULES if not answer else RULES.rpartition("  - ")[0] + f"  - {answer}\n")
    return path


async def test_a_file_beside_the_rules_is_sent_with_its_caption(harness: ResponderHarness, tmp_path: Path) -> None:
    path = written(tmp_path)
    responder = await harness.start(rules_file=path)
    phone = harness.bridge.phone
    phone.incoming(ANA, "¿me pasás la carta?")
    await harness.answers(1)
    [sent] = phone.sent
    assert (sent.content.kind, sent.content.value["caption"], sent.times) == ("image", "La carta de hoy", 1)
    assert sent.sha256 == hashlib.sha256(PICTURE).hexdigest()
    await harness.until_rows("SELECT state FROM wa_turn", [("sent",)])
    answer = (await responder.surface().chats.lines(1))[-1]
    assert (answer.text, answer.kind, answer.title) == ("La carta de hoy", "image", "carta.jpg")
    (tmp_path / "carta.jpg").write_bytes(PICTURE + b"\n")  # today's is another one
    phone.incoming(BETO, "la carta")
    await harness.answers(2)
    assert phone.sent[1].sha256 == hashlib.sha256(PICTURE + b"\n").hexdigest()


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("image: {file: otra.jpg}", "No such file"),
        ("image: {file: rules.yaml}", "cannot be sent as image"),
        ("image: {file: carta.jpg, url: 'https://x.test/a.jpg'}", "exactly one of file, url and sha256"),
        ("image: {url: 'ftp://x.test/a.jpg'}", "must begin with http"),
        ("image: {file: carta.jpg, captoin: x}", "image.captoin"),
        ("imagen: {file: carta.jpg}", "must be a text, or one of image"),
        ("document: carta.jpg", "must be keys with values"),
        ("{}", "must be a text, or one of image"),
    ],
)
def test_a_wrong_file_is_a_broken_rule_with_its_line(tmp_path: Path, answer: str, sentence: str) -> None:
    file = RulesFile(written(tmp_path, answer), FaultLog(lambda: 0.0, lambda _: None))
    with pytest.raises(WrongRules) as wrong:
        file.load()
    assert "line 6: rules.0.answer.any.0: " in wrong.value.text
    assert sentence in wrong.value.text


def test_a_file_that_vanishes_is_reported_and_mended(tmp_path: Path) -> None:
    faults = FaultLog(lambda: 0.0, lambda _: None)
    file = RulesFile(written(tmp_path), faults)
    file.load()
    (tmp_path / "carta.jpg").unlink()
    assert "No such file" in (file.fault or "")
    assert file.rules.answer("carta") is not None  # the previous rules stay in force
    assert faults.counts["rules_broken"] == 1
    written(tmp_path)
    assert file.fault is None


def test_other_sources_and_the_legacy_sender(tmp_path: Path) -> None:
    answer = "document: {url: 'https://shop.test/precios.pdf', filename: precios.pdf}"
    file = RulesFile(written(tmp_path, answer), FaultLog(lambda: 0.0, lambda _: None))
    file.load()
    found = file.rules.answer("carta")
    assert found is not None
    assert found.file is not None
    assert (found.text, found.file.content.field) == ("[document] precios.pdf", "document")
    legacy = RulesFile(tmp_path / "rules.yaml", FaultLog(lambda: 0.0, lambda _: None), texts_only=True)
    with pytest.raises(WrongRules, match="the legacy sender sends texts only"):
        legacy.load()


def test_commands_with_and_without_a_file_are_read() -> None:
    content = load_field("image", {"sha256": "0" * 64}).as_field()
    text, file = commands_from_json(f'[["a", "hola"], ["b", "carta", {str(content).replace(chr(39), chr(34))}]]')
    assert (text.content, file.content) == (None, content)


async def test_killed_before_its_delivery_a_file_is_sent_once(
    scripted_bridge: ScriptedBridge,
    broker: MosquittoServer,
    database_settings: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RESPONDER_RULES", str(written(tmp_path)))
    async with process(broker, database_settings, "after delivery") as (child, out):
        scripted_bridge.phone.incoming(ANA, "la carta")
        await halted(out, "after delivery")
        child.kill()
        await child.ended()
    async with process(broker, database_settings):
        scripted_bridge.phone.incoming(BETO, "la carta")
        await until_sent(scripted_bridge, 2)
        await asyncio.sleep(0)
    assert [(str(one.key.remote), one.times) for one in scripted_bridge.phone.sent] == [(ANA, 1), (BETO, 1)]


async def test_a_large_file_is_uploaded_before_it_is_sent(
    broker: MosquittoServer, sqlite_settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, folder = written(tmp_path), tmp_path / "bridge"
    large = PICTURE + bytes(2 * MAX_INLINE)
    (tmp_path / "carta.jpg").write_bytes(large)
    bridge = FacadeBridge(load_bridge(addresses=broker.url("bridge"), data_dir=folder, pace="off", instance="test"))
    await bridge.start_with_facade()
    harness = ResponderHarness(bridge, broker, sqlite_settings, {"rules_file": path}, upload=upload)
    monkeypatch.setenv("WA_DATA_DIR", str(folder))
    monkeypatch.setenv("WA_HTTP_PORT", bridge.url.rpartition(":")[2])
    try:
        await harness.start(timing=Timing(delivery=DeliveryTiming(retry=0.1)))
        bridge.phone.incoming(ANA, "la carta")
        await harness.answers(1)
        assert bridge.phone.sent[0].sha256 == hashlib.sha256(large).hexdigest()
        await harness.until_rows("SELECT state FROM wa_turn", [("sent",)])
        monkeypatch.setenv("WA_HTTP_PORT", "9")
        bridge.phone.incoming(BETO, "la carta")
        await harness.until_rows("SELECT state FROM wa_turn ORDER BY id", [("sent",), ("ready",)])
        monkeypatch.setenv("WA_HTTP_PORT", bridge.url.rpartition(":")[2])
        await harness.answers(2)
        assert [one.times for one in bridge.phone.sent] == [1, 1]
    finally:
        await harness.stop()
        await bridge.stop()
