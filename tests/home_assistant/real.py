"""A real Home Assistant with the recipe of the docs, mosquitto with the shipped ACL, a bridge with a scripted phone.

It discovers, receives, answers, notifies, sees a bridge that is killed, and lives through restarts of either side.

`WA_HASS=…/bin/hass python -m tests.home_assistant.real`, or `make home-assistant`. Not a part of the tests: Home
Assistant needs a Python of its own, 600 MB, and minutes to install. Ends with 1 at the first thing that is wrong.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bridge.contract.session import SessionState
from bridge.settings import load
from tests.app.conftest import BridgeUnderTest
from tests.mosquitto_server import MosquittoServer, free_port

BRIDGE = Path(__file__).parents[1] / "mqtt/bridge_program.py"
PAGE = Path(__file__).parents[2] / "docs/integrations/home-assistant.md"
ANA = "5491155500001@c.us"
PINGS = 50
NOTICE = 'She said "hi"\nit\'s \\ ñ 😀'
START, ANSWERS = 180.0, 60.0
#: Beside the recipe: what is shown and the notify entity, each on a message.
MORE = """
- id: wa_states
  mode: queued
  triggers: [{trigger: state, entity_id: event.wa_haby_message}]
  conditions: "{{ trigger.to_state.attributes.body == 'states' }}"
  actions:
    - action: mqtt.publish
      data:
        topic: wa/haby/out
        qos: 1
        payload: >-
          {{ {"to": trigger.to_state.attributes.chat, "message": "states " ~ [states("binary_sensor.wa_haby_connected"),
              states("sensor.wa_haby_state"), states("sensor.wa_haby_queue_out"), states("image.wa_haby_qr"),
              states("button.wa_haby_restart"), states("notify.wa_haby_ana")] | join(" ")} | tojson }}
- id: wa_notice
  mode: queued
  triggers: [{trigger: state, entity_id: event.wa_haby_message}]
  conditions: "{{ trigger.to_state.attributes.body == 'notice' }}"
  actions:
    - action: notify.send_message
      target: {entity_id: notify.wa_haby_ana}
      data: {message: NOTICE}
- id: wa_gone
  mode: queued
  max: 100
  triggers:
    - trigger: state
      entity_id: [binary_sensor.wa_haby_connected, sensor.wa_haby_state, button.wa_haby_restart, notify.wa_haby_ana]
      to: ["off", "on", unavailable, connected]
  actions:
    - action: system_log.write
      data: {level: info, logger: trial, message: "{{ trigger.entity_id }} is {{ trigger.to_state.state }}"}
""".replace("NOTICE", json.dumps(NOTICE))


class HomeAssistant:
    """The program in a folder of its own; its log is `log`."""

    def __init__(self, program: str, folder: Path, broker: MosquittoServer) -> None:
        self._command = [program, "-c", str(folder), "--skip-pip"]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        (folder / ".storage").mkdir(parents=True)
        recipe = re.search(r"<!-- home-assistant: automations.yaml -->\n```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
        assert recipe is not None
        (folder / "automations.yaml").write_text(recipe[1] + MORE)
        (folder / "configuration.yaml").write_text(
            "homeassistant: {name: Trial, unit_system: metric, time_zone: UTC}\n"
            f"http: {{server_host: 127.0.0.1, server_port: {free_port()}}}\n"
            "automation: !include automations.yaml\n"
            "logger: {default: warning, logs: {homeassistant.components.mqtt: info, trial: info}}\n"
            "system_log:\n"
        )
        (folder / ".storage/core.config_entries").write_text(json.dumps(_entry(broker)))

    def start(self) -> None:
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    @property
    def complaints(self) -> list[str]:
        """Warnings and errors of its MQTT integration and its automations."""
        return [line for line in self._log() if re.search(r"(WARNING|ERROR).*(mqtt|automation|template)", line)]

    @property
    def shown(self) -> list[str]:
        """`entity_id is state`, for each change that `wa_gone` sees."""
        return [line.partition("[trial] ")[2] for line in self._log() if "[trial] " in line]

    def _log(self) -> list[str]:
        return (self._folder / "home-assistant.log").read_text(encoding="utf-8").splitlines()


def _entry(broker: MosquittoServer) -> dict[str, Any]:
    """The MQTT integration as its dialogue leaves it."""
    moment, user = "2025-01-01T00:00:00+00:00", "homeassistant"
    access = {"broker": "127.0.0.1", "port": broker.port, "username": user, "password": broker.passwords[user]}
    entry = {
        "created_at": moment,
        "modified_at": moment,
        "entry_id": "01mqttentry000000000000000",
        "domain": "mqtt",
        "version": 1,
        "minor_version": 2,
        "title": "trial",
        "source": "user",
        "unique_id": None,
        "data": access,
        "options": {"discovery": True},
        "discovery_keys": {},
        "subentries": [],
        "disabled_by": None,
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
    }
    return {"version": 1, "minor_version": 5, "key": "core.config_entries", "data": {"entries": [entry]}}


async def until_said(world: BridgeUnderTest, words: list[str], wanted: str, count: int = 1) -> None:
    """Let Ana write each of `words`; wait until `count` messages to her begin with `wanted`."""
    phone = world.phones["haby"]
    before = sum(message.text.startswith(wanted) for message in phone.sent)
    for word in words:
        phone.incoming(ANA, word, notify_name="Ana")
    async with asyncio.timeout(ANSWERS):
        while sum(message.text.startswith(wanted) for message in phone.sent) - before < count:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    found = [message.text for message in phone.sent if message.text.startswith(wanted)][before:]
    assert len(found) == count, found
    print(f"{len(found)} x {found[-1]!r}", flush=True)


async def until_ready(world: BridgeUnderTest) -> None:
    """Ask for the states until Home Assistant answers."""
    phone, end = world.phones["haby"], time.monotonic() + START
    seen = len(phone.sent)
    while len(phone.sent) == seen:
        assert time.monotonic() < end, "Home Assistant did not answer"
        phone.incoming(ANA, "states", notify_name="Ana")
        await asyncio.sleep(3)
    await asyncio.sleep(3)


async def until_killed(home: HomeAssistant, url: str, folder: Path, given: dict[str, str]) -> None:
    """A bridge of its own process, killed: Home Assistant shows what is left of it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WA_")}
    before, entities = len(home.shown), ["sensor.wa_haby_state", "button.wa_haby_restart", "notify.wa_haby_ana"]
    bridge = await asyncio.create_subprocess_exec(
        *(sys.executable, str(BRIDGE), url, str(folder)), env={**kept, **given, "WA_SESSIONS": "haby=51"}
    )
    try:
        await until_shown(home, before, {"binary_sensor.wa_haby_connected is on"})
        before = len(home.shown)
    finally:
        bridge.kill()
        await bridge.wait()
    await until_shown(
        home, before, {"binary_sensor.wa_haby_connected is off", *(f"{entity} is unavailable" for entity in entities)}
    )
    print("after SIGKILL of the bridge: the connection is off, the rest is unavailable", flush=True)


async def until_shown(home: HomeAssistant, before: int, wanted: set[str]) -> None:
    """Wait until all of `wanted` has been shown since line `before`."""
    end = time.monotonic() + ANSWERS
    while not wanted <= set(home.shown[before:]):
        assert time.monotonic() < end, home.shown[before:]
        await asyncio.sleep(0.1)


async def main(program: str) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="wa-home-assistant-") as name,
        MosquittoServer(Path(name) / "broker") as broker,
    ):
        given = {"WA_HA": "on", "WA_HA_NOTIFY": "Ana=5491155500001", "WA_PACE": "off", "WA_HTTP_PORT": "off"}
        settings = load(WA_DATA_DIR=Path(name) / "data", WA_INSTANCE="trial", WA_SESSIONS="haby=51", **given)
        world = BridgeUnderTest(settings, broker.url("bridge"))
        home = HomeAssistant(program, Path(name) / "home", broker)
        shown = "states on connected 0 "
        try:
            home.start()
            await world.start(haby=SessionState.CONNECTED)
            began = time.monotonic()
            await until_ready(world)
            print(f"answers after {time.monotonic() - began:.0f} s", flush=True)
            await until_said(world, ["states"], shown)
            await until_said(world, ["ping"] * PINGS, "pong, Ana", PINGS)
            await until_said(world, ["notice"], NOTICE)
            await world.stop()
            await until_killed(home, broker.url("bridge"), settings.data_dir, given)
            await world.start(haby=SessionState.CONNECTED)
            await asyncio.sleep(2)
            await until_said(world, ["states"], shown)
            print("after a restart of the bridge: as before", flush=True)
            home.stop()
            home.start()
            await until_ready(world)
            await until_said(world, ["states"], shown)
            await until_said(world, ["notice"], NOTICE)
            print("after a restart of Home Assistant: as before", flush=True)
            assert not home.complaints, "\n".join(home.complaints)
        finally:
            await world.stop()
            home.stop()


if __name__ == "__main__":
    if not (hass := os.environ.get("WA_HASS")):
        sys.exit("WA_HASS names no hass: run make home-assistant.")
    asyncio.run(main(hass))
