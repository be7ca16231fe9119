"""Every action through MQTT, HTTP and the command line, with the real wa-js."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

from typer.testing import CliRunner

from bridge.cli import program
from bridge.contract.requests import BY_ACTION
from bridge.contract.responses import Response
from tests.mqtt.probe import MqttProbe
from tests.requests.conftest import RunningBridge
from tests.requests.examples import EXAMPLES, Stage

APP = program()
REQUEST = "wa/haby/request"
Ask = Callable[[str, str, dict[str, Any]], Awaitable[Any]]


def test_every_action_has_an_example_and_every_change_an_effect() -> None:
    assert set(EXAMPLES) == set(BY_ACTION)
    without = [action for action, (_, effect) in EXAMPLES.items() if BY_ACTION[action].changes and effect is None]
    assert without == []


async def test_each_action_is_carried_out_at_each_door(running: RunningBridge, probe: MqttProbe) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WA_")} | {
        "WA_MQTT_URL": running.broker.url("admin"),
        "WA_DATA_DIR": str(running.settings.data_dir / "of the command"),
    }

    async def over_mqtt(request_id: str, action: str, arguments: dict[str, Any]) -> Any:
        reply = f"wa/haby/reply/{request_id.replace('.', '-')}"
        await probe.publish(REQUEST, {**arguments, "id": request_id, "action": action, "reply_topic": reply})
        return await probe.wait(reply, lambda one: one["status"] != "running", within=30)

    async def over_http(request_id: str, action: str, arguments: dict[str, Any]) -> Any:
        return await running.ask(action, id=request_id, **arguments)

    async def at_the_terminal(request_id: str, action: str, arguments: dict[str, Any]) -> Any:
        words = [
            f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in arguments.items()
        ]
        command = ["request", action, f"id={request_id}", *words, "--json"]
        ended = await asyncio.to_thread(CliRunner().invoke, APP, command, env=environment)
        assert ended.stdout, (command, ended.stderr, ended.exception)
        return json.loads(ended.stdout)

    doors: dict[str, Ask] = {"mqtt": over_mqtt, "http": over_http, "cli": at_the_terminal}
    async with asyncio.TaskGroup() as tasks:
        trials = [
            tasks.create_task(tried(Stage(running, number), door, ask))
            for number, (door, ask) in enumerate(doors.items())
        ]
    assert [problem for trial in trials for problem in trial.result()] == []


async def tried(stage: Stage, door: str, ask: Ask) -> list[str]:
    """What went wrong with the actions of one door."""
    problems = []
    await stage.prepare()
    for action, (arguments, effect) in EXAMPLES.items():
        response = Response.model_validate(await ask(f"{door}-{action}", action, arguments(stage)))
        if response.status != "done":
            problems.append(f"{action} by {door}: {response.status}, {response.error}")
            continue
        if (form := BY_ACTION[action].data) is not None:
            form.model_validate(response.data)
            people = (response.data or {}).get("people", [])
            problems += [f"{action} by {door}: {one}" for one in people if one["status"] != "done"]
        if effect is not None and not effect(stage):
            problems.append(f"{action} by {door} is done, but the sandbox does not show it")
    return problems
