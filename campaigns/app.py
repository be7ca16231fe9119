"""The composition root: constructs the parts of the campaigns service, starts them and stops them in order."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from bridge.asgi.settings_report import SettingsReport
from bridge.client import Client
from bridge.client.broker_access import BrokerAccess
from bridge.client.served_sessions import ServedSessions
from bridge.contract.errors import first_error
from bridge.sql.database import SqlDatabase, make_private, while_down
from campaigns.actions import CampaignActions
from campaigns.addresses import people_of
from campaigns.answers_reader import AnswersReader
from campaigns.http.app import build_app, listen, serve
from campaigns.http.context import CampaignContext
from campaigns.http.limits import CampaignHttpLimits
from campaigns.imports import ListImport
from campaigns.numbers import LidNumbers, OwnNumbers
from campaigns.planning import Planner
from campaigns.publisher import CampaignPublisher
from campaigns.responder_http import ResponderHttp
from campaigns.runner import CampaignRunner
from campaigns.session_states import SessionStates
from campaigns.settings import CampaignSettings, load
from campaigns.store.campaigns import CampaignStore
from campaigns.store.contact_lists import RecipientListStore
from campaigns.store.people import Answered, HeardPeople
from campaigns.store.recipients import RecipientStore
from campaigns.store.schema import SCHEMA
from campaigns.store.work_lock import WorkLock
from campaigns.ticks import TickReader
from campaigns.views import CampaignViews

_log = logging.getLogger(__name__)
#: Seconds between two readings of the responder's opt-outs.
OPT_OUTS_EVERY = 300.0
#: Seconds for which it is known when a person wrote last: no rule looks back further. And between two deletions.
HEARD_KEPT, FORGET_EVERY = 366 * 86_400.0, 86_400.0


async def run(settings: CampaignSettings, broker: BrokerAccess, *, stop: asyncio.Event) -> None:
    """Run until `stop`; waits for a broker or a database that is down.

    Raises WrongCampaignSettings, StartError, DatabaseUnusable, BadAddress, BrokerRefused, OSError (data directory).
    """
    service = CampaignsApp.load(settings, broker)
    try:
        async with service.database:
            await service.run(stop)
    except ExceptionGroup as group:
        raise first_error(group) from group
    finally:
        service.close()


class CampaignsApp:
    """The parts of one process. Made by `load`; `run` inside the context of `database`; `close` at the end."""

    def __init__(
        self,
        settings: CampaignSettings,
        broker: BrokerAccess,
        listener: socket.socket,
        now: Callable[[], float],
        limits: CampaignHttpLimits,
    ) -> None:
        self.settings = settings
        self._broker = broker
        self._listener = listener
        self._limits = limits
        self._client: Client | None = None
        self.database = SqlDatabase(settings.database_url, _LoggedTrouble())
        self.lock = WorkLock(self.database)
        self.campaigns = CampaignStore(self.database)
        self.recipients = RecipientStore(self.database)
        self.lists = RecipientListStore(self.database)
        self.people = HeardPeople(self.database)
        self._responder = ResponderHttp(settings.responder_url, settings.responder_secret or settings.api_key)
        self.publisher = CampaignPublisher(self.campaigns, now)
        self.states = SessionStates()
        self.runner = CampaignRunner(
            *(self._connected, self.campaigns, self.recipients, self.people, self.states, self.publisher, now),
            ahead=settings.ahead,
        )
        self.views = CampaignViews(self.campaigns, self.recipients, now, self.runner.waits, self.states.of)
        self.served = ServedSessions(settings.sessions)
        planner = Planner(
            *(self.campaigns, self.recipients, self.lists, self.people, lambda: self.served.names, now),
            numbers=LidNumbers(lambda: self._client).of,
        )
        self.actions = CampaignActions(
            *(self.campaigns, planner, self.views, self.runner, self.publisher),
            now=now,
            status=self.states.of,
            before_plan=self._take_opt_outs,
            own=self._own_number,
        )
        self._now = now
        self._own_numbers = OwnNumbers(lambda: self._client)
        self._migrated = False
        self._closing = asyncio.Event()

    @classmethod
    def load(
        cls,
        settings: CampaignSettings,
        broker: BrokerAccess,
        *,
        now: Callable[[], float] = time.time,
        limits: CampaignHttpLimits | None = None,
    ) -> Self:
        """Make the data directory private and take the port. Raises WrongCampaignSettings, StartError, OSError."""
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        url = settings.database_url
        if url.get_backend_name() == "sqlite" and url.database:
            make_private(Path(url.database))
        secret = settings.secret or settings.api_key
        listener = listen(settings.host, settings.port, protected=secret is not None)
        return cls(settings, broker, listener, now, limits or CampaignHttpLimits())

    @property
    def url(self) -> str:
        """The address of the HTTP server."""
        host, port = self._listener.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def problems(self) -> list[str]:
        """What keeps campaigns from being carried out: `standby` (another service works), `database`, `broker`,
        `bridge`."""
        if self.lock.is_standby:
            return ["standby"]
        found = []
        if not (self.lock.is_held and self._migrated) or self.database.trouble is not None:
            found.append("database")
        if self._client is None or not self._client.is_connected:
            found.append("broker")
        elif all(self.states.of(session) is None for session in self.served.names):
            found.append("bridge")
        return found

    def close(self) -> None:
        self._listener.close()

    async def run(self, stop: asyncio.Event) -> None:
        _log.info("Campaigns: %s", self.url)
        async with asyncio.TaskGroup() as tasks:
            app = build_app(self._context(), self.settings.secret or self.settings.api_key)
            serving = tasks.create_task(
                serve(app, self._listener, self._closing, self._limits.server), name="campaigns http"
            )
            working = tasks.create_task(self.lock.run(self._work), name="campaigns")
            stopping = tasks.create_task(stop.wait(), name="campaigns stop")
            await asyncio.wait([working, stopping, serving], return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            # what is published and has no result yet is in the store: the next start asks for it
            working.cancel()
            self._closing.set()

    def _context(self) -> CampaignContext:
        return CampaignContext(
            report=SettingsReport(self.settings, load),
            database=self.database,
            actions=self.actions,
            campaigns=self.campaigns,
            recipients=self.recipients,
            lists=self.lists,
            people=self.people,
            imports=ListImport(self.lists, self._now),
            views=self.views,
            own=self._own_number,
            now=self._now,
            problems=self.problems,
            is_standby=lambda: self.lock.is_standby,
            uploads=self.settings.data_dir,
            limits=self._limits,
            publisher=self.publisher,
            opted_out=self.runner.wake_for_opt_outs,
            outcomes=self.runner.deliveries.outcomes,
        )

    async def _work(self) -> None:
        self._migrated = False
        await while_down(lambda: SCHEMA.migrate(self.database))
        await while_down(self.campaigns.delete_unfinished)
        await while_down(self.lists.delete_unfinished)
        self._migrated = True
        async with self._broker.connect("campaigns") as client:
            self._client = client
            self.states.forget()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.states.run(client, self.runner.wake_session), name="session states")
                tasks.create_task(self.publisher.run(client, self.views), name="campaign publisher")
                tasks.create_task(self._follow_opt_outs(), name="opt-outs of the responder")
                tasks.create_task(self._forget_heard(), name="forget who wrote long ago")
                tasks.create_task(self._read_sessions(client), name="served sessions")
                tasks.create_task(self.runner.run(), name="campaign runner")

    async def _read_sessions(self, client: Client) -> None:
        """Read the answers and ticks of the sessions that are served."""
        reading: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tasks:
            async for names in self.served.follow(client):
                _log.info("Sessions: %s.", ", ".join(names))
                for session in reading.keys() - set(names):
                    reading.pop(session).cancel()
                for session in set(names) - reading.keys():
                    reading[session] = tasks.create_task(self._read(session, client), name=f"read {session}")

    async def _read(self, session: str, client: Client) -> None:
        answers = AnswersReader(session, self.people, self._answered, self.runner.wake_for_opt_outs)
        ticks = TickReader(session, self.recipients, self.publisher.changed, self._now)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(answers.run(client), name=f"answers {session}")
            tasks.create_task(ticks.run(client), name=f"ticks {session}")

    def _answered(self, answer: Answered) -> None:
        kind = "opted_out" if answer.opted_out else "answered"
        self.publisher.happened(answer.session, answer.campaign, kind, n=answer.n)
        self.publisher.changed(answer.campaign)
        self.runner.wake(answer.campaign)

    async def _follow_opt_outs(self) -> None:
        while self._responder.is_configured:
            await while_down(self._take_opt_outs)
            await asyncio.sleep(OPT_OUTS_EVERY)

    async def _forget_heard(self) -> None:
        while True:
            await while_down(lambda: self.people.forget_heard(self._now() - HEARD_KEPT))
            await asyncio.sleep(FORGET_EVERY)

    async def _take_opt_outs(self) -> None:
        """Take over who opted out with the responder. Raises DatabaseDown."""
        found = await self._responder.opted_out()
        if found is not None and await self.people.opt_out_with_responder(people_of(found), self._now()):
            self.runner.wake_for_opt_outs()

    async def _own_number(self, session: str | None = None) -> str | None:
        return await self._own_numbers.of(session or self.served.names[0])

    def _connected(self) -> Client:
        if self._client is None:
            raise RuntimeError("The service is not connected yet.")
        return self._client


class _LoggedTrouble:
    """Logs what is wrong with the database."""

    def note(self, code: str, where: str, text: str) -> None:
        _log.error("%s: %s: %s", where, code, text)

    def recovered(self, code: str, where: str, text: str) -> None:
        _log.warning("%s: %s: %s", where, code, text)
