"""Makes the parts of one session on its open store: who answers what, and what each of them is given."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from bridge.app.limits import BridgeLimits
from bridge.app.ownership import Ownership
from bridge.app.watchdog import Watchdog
from bridge.contract.requests import CheckContacts, ListSends, MediaGet, PictureGet, SearchMessages
from bridge.core.inbound import InboundPipeline
from bridge.core.leased_sends import LeasedSends
from bridge.core.media_downloads import MediaDownloads
from bridge.core.message_search import MessageSearch
from bridge.core.number_checks import NumberChecks
from bridge.core.outbound import OutboundPipeline
from bridge.core.outgoing_files import PreparesFiles
from bridge.core.people import People
from bridge.core.pictures import Pictures
from bridge.core.send_list import SendLister
from bridge.core.session import Session
from bridge.core.shared_media import SharedMedia
from bridge.mqtt import MqttAdapter, MqttOptions, MqttProgress
from bridge.ports import Clock, Event, LoginFiles, Observer, WhatsAppDriver
from bridge.setting_types import SessionSetting
from bridge.settings import BridgeSettings
from bridge.store import SessionStore
from bridge.webhooks.registry import WebhookRegistry


@dataclass(frozen=True, slots=True)
class SessionServices:
    """What every session of a running bridge uses. `registry` None = no webhooks, `files` None = no files are sent.

    `login`: what the driver keeps of one on disk, with the watchdog of its browsers.
    """

    mqtt: MqttOptions
    media: SharedMedia
    registry: WebhookRegistry | None = None
    observers: tuple[Observer, ...] = ()
    files: PreparesFiles | None = None
    login: LoginFiles | None = None
    watchdog: Watchdog | None = None


@dataclass(frozen=True, slots=True)
class SessionParts:
    """What runs while a session's store is open."""

    session: Session
    adapter: MqttAdapter
    downloads: MediaDownloads


async def compose(
    setting: SessionSetting,
    store: SessionStore,
    services: SessionServices,
    *,
    driver: WhatsAppDriver,
    ownership: Ownership,
    settings: BridgeSettings,
    clock: Clock,
    limits: BridgeLimits,
    observe: Callable[[Event], None],
) -> SessionParts:
    """The parts of a session; none of them runs yet. Raises `StoreUnusable`."""
    mqtt, media = services.mqtt, services.media
    name, journal, outbox, memory = setting.name, store.journal, store.outbox, store.memory
    progress, ahead = MqttProgress(), services.registry.turns.ahead if services.registry else nullcontext
    people = People(name, store.people, memory, clock.now)
    await people.load()
    session = Session(
        name,
        owner=mqtt.owner,
        journal=journal,
        outbox=outbox,
        ledger=store.requests,
        memory=memory,
        driver=driver,
        inbound=InboundPipeline(
            name, setting.cliente_id, journal, outbox, memory, people, now=clock.now, media=media.policy
        ),
        outbound=OutboundPipeline(
            name,
            outbox,
            LeasedSends(driver, ownership.holds),
            clock,
            settings.pacing,
            people,
            files=services.files,
        ),
        clock=clock,
        progress=progress,
        calls=settings.reject_calls,
        files=services.files,
        ahead=ahead,
    )
    adapter = MqttAdapter(
        session,
        options=mqtt,
        journal=journal,
        outbox=outbox,
        memory=memory,
        clock=clock,
        progress=progress,
        observe=observe,
        ahead=ahead,
    )
    downloads = MediaDownloads(
        name, store.media, driver, media, session.view, people, clock, random.random, limits.downloads
    )
    checks = NumberChecks(
        name, driver, session.view, store.numbers, clock, settings.pacing.checks, own=lambda: people.own
    )
    session.requests.answer_long(CheckContacts.model_fields["action"].default, checks.answer)
    session.requests.answer(MediaGet.model_fields["action"].default, downloads.answer)
    session.requests.answer(ListSends.model_fields["action"].default, SendLister(store.outbox).answer)
    pictures = Pictures(name, driver, store.media, media, people, clock)
    session.requests.answer(PictureGet.model_fields["action"].default, pictures.answer)
    search = MessageSearch(store.search, store.people, own=lambda: people.own)
    session.requests.answer(SearchMessages.model_fields["action"].default, search.answer)
    return SessionParts(session, adapter, downloads)
