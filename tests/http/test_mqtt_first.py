"""MQTT goes ahead of webhooks: what they have to do waits while a message is on its way to the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from bridge.broker import Publication
from bridge.core.session import Session
from bridge.mqtt.publisher import SessionPublisher
from bridge.webhooks.limits import WebhookLimits
from bridge.webhooks.loop_turns import LoopTurns
from bridge.webhooks.registry import WebhookRegistry
from tests.http.conftest import ANA, HERE, HttpBridge

MESSAGES = 5
#: Seconds of the broker, and between two messages: a pause is followed by as long without one.
SLOW, APART = 0.1, 0.4


class StepCounter:
    """Steps of a webhook that always has more to do, and their number at each message's arrival and PUBACK."""

    def __init__(self) -> None:
        self.steps = 0
        self.arrived: list[int] = []
        self.published: list[int] = []
        self.all_published = asyncio.Event()

    async def run(self, turns: LoopTurns) -> None:
        while True:
            await turns.take()
            self.steps += 1

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        received, publish_all = Session.received, SessionPublisher.publish_all

        async def count_arrival(session: Session, batch: Any) -> None:
            self.arrived += [self.steps] * len(batch)
            await received(session, batch)

        async def count_publication(
            publisher: SessionPublisher, messages: Iterable[Publication], *rest: Any, **options: Any
        ) -> None:
            listed = list(messages)
            await asyncio.sleep(SLOW)  # a broker that takes its time: the message was journalled before
            await publish_all(publisher, listed, *rest, **options)
            self.published += [self.steps for message in listed if message.topic.endswith("/in")]
            if len(self.published) == MESSAGES:
                self.all_published.set()

        monkeypatch.setattr(Session, "received", count_arrival)
        monkeypatch.setattr(SessionPublisher, "publish_all", count_publication)


async def test_a_message_waits_for_no_step_of_a_webhook_on_its_way_to_the_broker(
    on_mqtt: HttpBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[WebhookRegistry] = []
    load, counter = WebhookRegistry.load, StepCounter()

    async def keep(registry: WebhookRegistry) -> None:
        made.append(registry)
        await load(registry)

    monkeypatch.setattr(WebhookRegistry, "load", keep)
    on_mqtt.limits = replace(on_mqtt.limits, webhooks=WebhookLimits(pause=HERE))  # however slow this machine is
    await on_mqtt.start()
    counter.watch(monkeypatch)
    busy = asyncio.create_task(counter.run(made[0].turns), name="a busy webhook")
    for number in range(MESSAGES):
        on_mqtt.phone.incoming(ANA, f"mensaje {number}")
        await asyncio.sleep(APART)
    await asyncio.wait_for(counter.all_published.wait(), HERE)
    busy.cancel()
    meanwhile = [after - before for before, after in zip(counter.arrived, counter.published, strict=True)]
    # not of each: one that comes soon after a long pause has none of its own, as the steps have half of the time
    assert sorted(meanwhile)[MESSAGES // 2] <= 1, meanwhile
