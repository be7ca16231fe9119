"""The migration guide's first way: the bridge takes over a copy of the old browser profile without a new pairing."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

from playwright.async_api import async_playwright

from bridge.broker import BrokerOptions, connect, parse_addresses
from tests.deploy.bridge_process import bridge_process, call_sandbox, sandbox
from tests.mosquitto_server import MosquittoServer
from tests.parts import require_binary


async def log_in_with_another_program(url: str, profile: Path) -> None:
    """Pair as the old service did: its library starts Chromium on its own profile and opens the page."""
    chromium = require_binary("chromium-headless-shell", "chromium-headless-shell")
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(profile, executable_path=chromium)
        page = await context.new_page()
        await page.goto(url)
        while True:  # the page's policy forbids wait_for_function
            if await page.evaluate("localStorage.length"):
                break
            await asyncio.sleep(0.05)
        await context.close()


async def test_the_profile_of_the_old_service_is_a_login_for_the_bridge(tmp_path: Path) -> None:
    old = tmp_path / "old/.wwebjs_auth/session"
    with MosquittoServer(tmp_path / "broker") as broker:
        async with sandbox() as double, asyncio.timeout(90):
            await log_in_with_another_program(double.url, old)
            devices = (await call_sandbox(double, "GET", "/state"))["devices"]
            assert len(devices) == 1
            (old / "SingletonLock").symlink_to("another-host-4711")  # left by a killed browser

            profile = tmp_path / "data/sessions/haby/profile"
            profile.parent.mkdir(parents=True)
            shutil.copytree(old, profile, symlinks=True)
            seen = []
            watcher = BrokerOptions(parse_addresses(broker.url()), client_id="watcher", clean=True)
            async with (
                connect(watcher) as connection,
                bridge_process(tmp_path, WA_WEB_URL=double.url, WA_MQTT_URL=broker.url(), WA_HTTP_PORT="off"),
            ):
                await connection.subscribe("wa/haby/status")
                async for delivery in connection.deliveries():
                    connection.acknowledge(delivery)
                    seen.append(json.loads(delivery.payload)["state"])
                    if seen[-1] == "connected":
                        break
            assert "pairing" not in seen
            after = (await call_sandbox(double, "GET", "/state"))["devices"]
            assert [device["id"] for device in after] == [device["id"] for device in devices]
            assert (old / "SingletonLock").is_symlink()  # the original was not touched
