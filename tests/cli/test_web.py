"""`wa web` as a program, with the real npm: a wa-js that works is kept, one that does not is refused."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.drivers.web.library import BUNDLE, PACKAGE, shipped
from bridge.drivers.web.pinned_page import PACKAGE as PAGES
from bridge.sandbox import Sandbox
from tests.cli.conftest import StartCommand, Wa
from tests.forked import CompletedCommand
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.probe import mqtt_probe
from tests.npm_registry import NpmRegistry, npm_registry
from tests.parts import require_binary

ENGINES = {"engines": {"whatsapp-web": ">=2.3000.1042000000"}}
SEND = "e=>e.addAndSendMsgToChat)"


@pytest.fixture
def registry() -> Iterator[NpmRegistry]:
    require_binary("npm", "npm")
    require_binary("chromium-headless-shell", "chromium-headless-shell")
    with npm_registry() as running:
        yield running


@pytest.fixture
def environment(environment: dict[str, str], registry: NpmRegistry) -> dict[str, str]:
    return {**environment, "npm_config_registry": registry.url, "WA_HTTP_PORT": "off"}


def bundle() -> str:
    return shipped().text


def lines(result: CompletedCommand) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.out.splitlines()]


async def test_a_newer_wa_js_is_tried_kept_and_used_until_its_file_changes(
    wa: Wa, registry: NpmRegistry, tmp_path: Path
) -> None:
    registry.publish(PACKAGE, "4.6.1", {BUNDLE: bundle() + "\n// newer"}, ENGINES)
    result = await wa("web", "update", limit=90)
    assert result.code == 0, result.err
    for step in ("fetched with npm: @wppconnect/wa-js 4.6.1", "QR code", "pairing", "a send", "a received message"):
        assert step in result.out
    [own, newer] = lines(await wa("web", "list", "--json"))
    assert (own["version"], own["used"]) == (shipped().version, False)
    assert (newer["version"], newer["origin"], newer["used"]) == ("4.6.1", "installed", True)
    assert newer["supports"] == ">=2.3000.1042000000"

    async with Sandbox() as sandbox:
        found = await wa("doctor", "--json", limit=60, WA_WEB_URL=sandbox.url)
    [wa_js] = [finding for finding in lines(found) if finding["check"] == "wa-js"]
    assert wa_js["level"] == "ok"
    assert wa_js["what"].startswith(f"4.6.1 (installed, SHA-256 {newer['sha256'][:12]})")

    kept = tmp_path / "data" / "web" / "wa-js" / "4.6.1" / "wppconnect-wa.js"
    kept.write_text(kept.read_text() + "// changed")
    listed = await wa("web", "list", "--json")
    assert listed.code == 1
    assert "changed after its check" in lines(listed)[1]["fault"]
    refused = await wa("bridge")
    assert refused.code == 2
    assert "changed after its check" in refused.err
    assert "wa web use shipped" in refused.err
    assert (await wa("web", "use", "4.6.1")).code == 2

    back = await wa("web", "use", "shipped")
    assert (back.code, "selected: wa-js" in back.out) == (0, True)
    assert lines(await wa("web", "list", "--json"))[0]["used"] is True


async def test_a_wa_js_that_lacks_a_function_is_refused_and_not_kept(
    wa: Wa, registry: NpmRegistry, tmp_path: Path
) -> None:
    assert SEND in bundle()
    registry.publish(PACKAGE, "4.7.0", {BUNDLE: bundle().replace(SEND, "e=>e.renamed)")})
    result = await wa("web", "update", "4.7.0", limit=90)
    assert result.code == 1
    assert result.err.startswith("error: @wppconnect/wa-js 4.7.0 is refused. The page does not start:")
    assert "functions.addAndSendMsgToChat" in result.err
    assert not (tmp_path / "data" / "web").exists()
    assert [copy["version"] for copy in lines(await wa("web", "list", "--json"))] == [shipped().version]


async def test_what_npm_does_not_deliver_is_named(wa: Wa, registry: NpmRegistry) -> None:
    registry.publish(PACKAGE, "4.6.1", {BUNDLE: bundle()})
    registry.publish(PACKAGE, "4.6.2", {"README.md": "no bundle"})
    registry.publish(PACKAGE, "4.6.3", {BUNDLE: bundle()})
    registry.corrupt(PACKAGE, "4.6.3")
    for version, code, reason in [
        ("9.9.9", 1, "No matching version found"),
        ("4.6.2", 2, f"has no file {BUNDLE}"),
        ("4.6.3", 1, "integrity"),
        ("../../etc", 2, "is not a version"),
    ]:
        result = await wa("web", "update", version, limit=60)
        assert (result.code, result.out) == (code, ""), (version, result)
        assert result.err.startswith("error: ")
        assert reason in result.err
    no_npm = await wa("web", "update", PATH="/nonexistent")
    assert no_npm.code == 1
    assert "apt install npm" in no_npm.err


async def test_the_shipped_version_is_not_installed_again(wa: Wa, registry: NpmRegistry, tmp_path: Path) -> None:
    registry.publish(PACKAGE, shipped().version, {BUNDLE: bundle()})
    result = await wa("web", "update")
    assert (result.code, "it is the shipped one" in result.out) == (0, True)
    assert not (tmp_path / "data" / "web").exists()


async def test_a_page_is_saved_for_the_setting_that_pins_it(wa: Wa, registry: NpmRegistry) -> None:
    versions = [
        {"version": "2.3000.1000000001-alpha", "released": "2026-09-20T10:00:00.000Z"},
        {"version": "2.3000.1000000002-alpha", "released": "2026-09-21T10:00:00.000Z"},
    ]
    async with Sandbox() as sandbox:
        registry.publish(
            PAGES,
            "1.5.1",
            {
                "versions.json": json.dumps({"versions": versions}),
                "html/2.3000.1000000001-alpha.html": "<title>saved</title>",
                "html/2.3000.1000000002-alpha.html": "<title>newer</title>",
            },
        )
        offered = lines(await wa("web", "page", "--json"))
        assert [page["version"] for page in offered] == ["2.3000.1000000002-alpha", "2.3000.1000000001-alpha"]
        unknown = await wa("bridge", WA_WEB_VERSION="2.3000.1000000001-alpha", WA_WEB_URL=sandbox.url)
        assert unknown.code == 2
        assert "wa web page 2.3000.1000000001-alpha" in unknown.err
        absent = await wa("web", "page", "2.3000.5")
        assert (absent.code, "the newest are 2.3000.1000000002-alpha" in absent.err) == (2, True)
        saved = await wa("web", "page", "2.3000.1000000001")  # the ending may be left out
        assert "WA_WEB_VERSION=2.3000.1000000001-alpha" in saved.out
        findings = lines(
            await wa("doctor", "--json", limit=60, WA_WEB_VERSION="2.3000.1000000001-alpha", WA_WEB_URL=sandbox.url)
        )
        [pin] = [finding for finding in findings if finding["check"] == "pinned page"]
        assert pin["level"] == "warning"
        assert "page pinned to 2.3000.1000000001-alpha" in pin["what"]
        assert "days old" in pin["what"]
    [_, page] = lines(await wa("web", "list", "--json", WA_WEB_VERSION="2.3000.1000000001-alpha"))
    assert (page["what"], page["released"], page["used"]) == ("page", "2026-09-20T10:00:00+00:00", True)


async def test_a_driver_without_a_page_has_nothing_to_replace(wa: Wa) -> None:
    for command in (["list"], ["update"], ["use", "shipped"], ["page"]):
        result = await wa("web", *command, WA_DRIVER="scripted")
        assert (result.code, result.err) == (2, "error: WA_DRIVER=scripted runs neither wa-js nor a page.\n")


async def test_the_start_and_the_status_of_the_bridge_name_what_runs(
    start: StartCommand, mosquitto: MosquittoServer, tmp_path: Path
) -> None:
    library, page = tmp_path / "own.js", tmp_path / "saved.html"
    library.write_text(bundle() + "\n// own")
    page.write_text("<title>saved</title>")
    os.utime(page, (time.time() - 9.5 * 86_400,) * 2)
    async with Sandbox() as sandbox:
        process = await start(
            "bridge",
            WA_MQTT_URL=mosquitto.url("bridge"),
            WA_INSTANCE="test",
            WA_WEB_URL=sandbox.url,
            WA_JS_FILE=str(library),
            WA_WEB_VERSION=str(page),
        )
        try:
            async with mqtt_probe(mosquitto.url("admin")) as probe:
                status = await probe.wait("wa/bridge/test/status", within=30)
        finally:
            process.terminate()
            _, log = await process.communicate()
    assert status["driver"].startswith("web: wa-js of an unknown version (file, SHA-256 ")
    assert status["driver"].endswith("page pinned to saved, 9 days old")
    assert "WhatsApp Web runs with wa-js of an unknown version (file, SHA-256 " in log.decode()
    assert "WA_WEB_VERSION: page pinned to saved, 9 days old." in log.decode()
