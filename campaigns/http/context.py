"""What the routes work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge.asgi.settings_report import SettingsReport
from bridge.sql.database import SqlDatabase
from campaigns.actions import CampaignActions
from campaigns.http.limits import CampaignHttpLimits
from campaigns.imports import ListImport
from campaigns.publisher import CampaignPublisher
from campaigns.store.campaigns import CampaignStore
from campaigns.store.contact_lists import RecipientListStore
from campaigns.store.people import HeardPeople
from campaigns.store.recipients import RecipientStore
from campaigns.views import CampaignViews


@dataclass(frozen=True, slots=True)
class CampaignContext:
    """`problems` lists what is wrong now; `is_standby`: another service works on the database; `uploads` is the folder
    of files while they are read; `opted_out` is called after an opt-out; `outcomes` counts those of all messages since
    the start, by session and state."""

    report: SettingsReport
    database: SqlDatabase
    actions: CampaignActions
    campaigns: CampaignStore
    recipients: RecipientStore
    lists: RecipientListStore
    people: HeardPeople
    imports: ListImport
    views: CampaignViews
    own: Callable[[], Awaitable[str | None]]
    now: Callable[[], float]
    problems: Callable[[], list[str]]
    is_standby: Callable[[], bool]
    uploads: Path
    limits: CampaignHttpLimits
    publisher: CampaignPublisher
    opted_out: Callable[[], None]
    outcomes: Mapping[tuple[str, str], int]
