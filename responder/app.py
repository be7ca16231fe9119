"""Composition: puts the responder together and takes it apart again. The one place that knows all its parts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bridge.client import BrokerAddress, Client, connect
from responder.answers import Answers, Prompt
from responder.errors import DatabaseDown
from responder.faults import Faults
from responder.leases import Leases, all_leases, is_gone, owner_name
from responder.model import Model, ModelOptions
from responder.outlet import MqttOutlet
from responder.reading import Reading
from responder.recording import House
from responder.replies import Replies
from responder.rules_file import RulesFile
from responder.settings import Settings
from responder.store.circumstances import Moment
from responder.store.database import PAUSE, Database, until_it_answers
from responder.store.leases import LeaseTable
from responder.store.migrate import migrate
from responder.store.recording import Recording
from responder.store.rows import Lease
from responder.store.switches import Switches
from responder.store.turns import Turns
from responder.store.waiting import Waiting
from responder.work import SharedWork

#: Seconds that the end may take before it is cut short; what is under way then is found again at the next start.
FAREWELL = 5.0


@dataclass(frozen=True, slots=True)
class BrokerOptions:
    """How to reach the broker: what `bridge.client.connect` takes."""

    broker: str | Sequence[BrokerAddress]
    prefix: str = "wa"
    protocol: Literal["3.1.1", "5"] = "3.1.1"
    ca_file: str | None = None
    level: str | None = None


async def run(settings: Settings, broker: BrokerOptions, *, stop: asyncio.Event) -> None:
    """Run until `stop`. A broker or a database that is away is waited for.

    Raises WrongSettings, WrongRules, DatabaseUnusable, BadAddress, BrokerRefused, OSError (port or data directory).
    """
    responder = Responder(settings)
    responder.load()
    async with responder.database:
        await responder.run(broker, stop)


class Responder:
    """The parts of one process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.faults = Faults(time.time)
        self.database = Database(settings.database_url)
        self.house = House(settings.policy, settings.opening_hours, settings.timezone, settings.pause)
        self.rules = RulesFile(settings.rules_file)
        self.switches = Switches(self.database, settings.active, time.monotonic)
        self.waiting = Waiting(self.database)
        self.turns = Turns(self.database, Moment(self.house, self.switches))
        self.recording = Recording(self.database, self.house, self.switches)
        self.model = _model(settings)
        self.client: Client | None = None
        self.held: dict[str, Lease] = {}
        self._template = ""

    @property
    def is_working(self) -> bool:
        """Whether messages are read and answered: a database and a broker that answer, and leases that are ours."""
        return self.client is not None and self.database.trouble is None and bool(self.held)

    def load(self) -> None:
        """Read the files that settings name. Raises WrongSettings, WrongRules, OSError."""
        self.rules.load()
        self._template = self.settings.system_template()
        if self.database.is_sqlite:
            self.settings.data_dir.mkdir(parents=True, exist_ok=True)

    async def run(self, broker: BrokerOptions, stop: asyncio.Event) -> None:
        """Run until `stop`, inside the database's context."""
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(self._work(broker, stop), name="responder")
            stopping = tasks.create_task(stop.wait(), name="responder stop")
            await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            await asyncio.wait([working], timeout=FAREWELL)
            working.cancel()
        if self.model is not None:
            await self.model.close()

    async def _work(self, broker: BrokerOptions, stop: asyncio.Event) -> None:
        if not await self._migrated(stop):
            return
        async with connect(
            broker.broker,
            prefix=broker.prefix,
            name="responder",
            protocol=broker.protocol,
            ca_file=broker.ca_file,
            level=broker.level,
            patience=None,
        ) as self.client:
            await self._answer(self.client, stop)

    async def _answer(self, client: Client, stop: asyncio.Event) -> None:
        settings = self.settings
        names = all_leases(settings.sessions)
        replies = Replies(
            Answers(
                self.rules,
                self.model,
                Prompt(self._template, settings.prompt_vars),
                house=self.house,
                waiting=self.waiting,
                switches=self.switches,
                now=time.time,
            ),
            self.turns,
            MqttOutlet(client, time.time),
            held=self.held,
            faults=self.faults,
            now=time.time,
            gather=settings.gather,
            max_age=settings.max_age,
        )

        def reading(session: str, lease: Lease) -> Reading:
            return Reading(
                client,
                self.recording,
                session,
                lease,
                recorded=replies.offer,
                faults=self.faults,
                now=time.time,
            )

        work = SharedWork(settings.sessions, replies, self.waiting, reading)
        leases = Leases(LeaseTable(self.database, names, is_gone), names, owner_name(), work, self.held)
        work.alive = lambda: leases.alive
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(work.run(), name="work")
            holding = tasks.create_task(leases.run(), name="leases")
            await stop.wait()
            # first nothing new is begun, then what is ours is given back, then what is under way is left to the store
            holding.cancel()
            await asyncio.wait([holding])
            await leases.leave()
            working.cancel()

    async def _migrated(self, stop: asyncio.Event) -> bool:
        pause = PAUSE
        while not stop.is_set():
            try:
                await migrate(self.database)
            except DatabaseDown:
                pause = await until_it_answers(pause)
            else:
                return True
        return False


def _model(settings: Settings) -> Model | None:
    if settings.openai_api_key is None:
        return None
    options = ModelOptions(
        api_key=settings.openai_api_key,
        base_url=settings.openai_base_url,
        model=settings.openai_model,
        temperature=settings.temperature,
        max_tokens=settings.max_tokens,
        timeout=settings.model_timeout,
        retries=settings.model_retries,
        concurrency=settings.model_concurrency,
        price_in=settings.price_in,
        price_out=settings.price_out,
    )
    return Model(options, time.monotonic)
