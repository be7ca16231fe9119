"""`/v1/sessions/{session}/listeners`: callback URLs, what they get, and how they are."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from bridge.contract.jid import parse_recipient
from bridge.contract.messages import EventKind, Stream
from bridge.contract.payload import CleanText, Instant, instant
from bridge.http.context import AppContext
from bridge.http.dependencies import AuditOf, PartsOf, needs
from bridge.http.errors import NotFound
from bridge.http.v1.documents import problems
from bridge.ports import MESSAGE, Failure, Position, Scope, Webhook, WebhookFilter
from bridge.webhooks import Circuit, Start

router = APIRouter(tags=["listeners"])
Kind = Literal["message"] | Annotated[EventKind, Field(strict=False)]


class From(BaseModel):
    """A place to begin behind."""

    model_config = ConfigDict(strict=True, extra="forbid")
    epoch: Annotated[str, Field(max_length=64)]
    seq: Annotated[int, Field(ge=0, le=2**53)] = 0
    event_seq: Annotated[int, Field(ge=0, le=2**53)] = 0


class NewListener(BaseModel):
    """A listener to register. What is not given stays as it was when the URL is registered already."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        json_schema_extra={"examples": [{"url": "http://localhost:3013/hook", "chats": ["5491155500001"]}]},
    )
    url: CleanText
    events: Annotated[
        list[Kind] | None,
        Field(min_length=1, max_length=20, description="kinds of item; `message` by default"),
    ] = None
    chats: Annotated[
        list[CleanText] | None, Field(max_length=1000, description="numbers or addresses; all by default")
    ] = None
    groups: Annotated[bool | None, Field(description="whether groups are included; yes by default")] = None
    secret: Annotated[
        CleanText | None, Field(min_length=16, max_length=256, description="signs deliveries; made if not given")
    ] = None
    start: Annotated[
        Literal["now", "oldest"] | From, Field(description="where a new listener begins; a known one keeps its place")
    ] = "now"


class ListenerView(BaseModel):
    """A listener, and how it is. What the bridge learns only while the session's store is open is null without it."""

    id: str
    session: str
    url: str
    created_at: Instant
    events: list[str]
    chats: list[str] | None
    groups: bool
    paused: bool = Field(default=False, description="keeps its place, gets nothing until it is resumed")
    legacy: bool = Field(description="registered on the legacy path: groups are included only with WA_LEGACY_GROUPS")
    signed: bool
    secret: str | None = Field(default=None, description="only in the answer to the registration that made it")
    circuit: Circuit | None = None
    lag: int | None = Field(default=None, description="items journalled and not yet delivered")
    delivered: int | None = Field(default=None, description="since the session was started")
    failures: int | None = Field(default=None, description="in a row")
    last_status: int | None = None
    last_error: str | None = Field(default=None, description="what went wrong last, as a sentence")
    last_failure: Failure | None = Field(default=None, description="why the last post got no answer")
    last_delivery_at: Instant | None = None
    next_attempt_at: Instant | None = None
    seq: int | None = Field(default=None, description="the last message that is done with")
    event_seq: int | None = None


class ListenerList(BaseModel):
    """Listeners, oldest first."""

    listeners: list[ListenerView]


@router.get(
    "/sessions/{session}/listeners",
    response_model=ListenerList,
    dependencies=[needs(Scope.LISTEN)],
    responses=problems(),
)
async def list_listeners(session: str, parts: PartsOf) -> Any:
    """Who listens, and how each is."""
    parts.place(session)
    return ListenerList(listeners=[_view(parts, one) for one in parts.listeners.active(session)])


@router.post(
    "/sessions/{session}/listeners",
    status_code=201,
    response_model=ListenerView,
    dependencies=[needs(Scope.LISTEN)],
    responses=problems(),
)
async def register(session: str, body: NewListener, parts: PartsOf, audit: AuditOf) -> Any:
    """Register a callback URL, or change what a registered one gets."""
    parts.place(session)
    url = await parts.webhooks.check(body.url)
    known = next((one for one in parts.listeners.active(session) if one.url == url), None)
    made = secrets.token_urlsafe(32) if body.secret is None and (known is None or known.secret is None) else None
    listener = await parts.listeners.register(
        session,
        url,
        chosen=_filter(body, known.filter if known else WebhookFilter()),
        secret=body.secret or made,
        start=_start(body),
    )
    await audit("register listener", session, listener.id)
    view = _view(parts, listener)
    return view.model_copy(update={"secret": made}) if made else view


@router.get(
    "/sessions/{session}/listeners/{listener}",
    response_model=ListenerView,
    dependencies=[needs(Scope.LISTEN)],
    responses=problems(),
)
async def show(session: str, listener: str, parts: PartsOf) -> Any:
    """How a listener is."""
    return _view(parts, _find(parts, session, listener))


@router.delete(
    "/sessions/{session}/listeners/{listener}",
    status_code=204,
    response_class=Response,
    dependencies=[needs(Scope.LISTEN)],
    responses=problems(),
)
async def unregister(session: str, listener: str, parts: PartsOf, audit: AuditOf) -> Response:
    """Stop delivering. The place is kept ten minutes, dead letters stay."""
    found = _find(parts, session, listener)
    await parts.listeners.unregister(session, found.url)
    await audit("unregister listener", session, found.id)
    return Response(status_code=204)


@router.post(
    "/sessions/{session}/listeners/{listener}/pause",
    response_model=ListenerView,
    dependencies=[needs(Scope.LISTEN)],
    responses=problems(),
)
async def pause(session: str, listener: str, parts: PartsOf, audit: AuditOf) -> Any:
    """Hold back what it would get; its place is kept as long as the journal keeps the items."""
    found = _find(parts, session, listener)
    await audit("pause listener", session, found.id)
    return _view(parts, await parts.listeners.pause(found, paused=True))


@router.post(
    "/sessions/{session}/listeners/{listener}/resume",
    response_model=ListenerView,
    dependencies=[needs(Scope.LISTEN)],
    responses=problems(),
)
async def resume(session: str, listener: str, parts: PartsOf, audit: AuditOf) -> Any:
    """Go on where it was paused."""
    found = _find(parts, session, listener)
    await audit("resume listener", session, found.id)
    return _view(parts, await parts.listeners.pause(found, paused=False))


def _find(parts: AppContext, session: str, listener_id: str) -> Webhook:
    parts.place(session)
    found = parts.listeners.find(session, listener_id)
    if found is None:
        raise NotFound("This session has no such listener.")
    return found


def _filter(body: NewListener, before: WebhookFilter) -> WebhookFilter:
    return WebhookFilter(
        kinds=before.kinds if body.events is None else frozenset(map(str, body.events)),
        chats=before.chats if body.chats is None else frozenset(str(parse_recipient(chat)) for chat in body.chats),
        groups=before.groups if body.groups is None else body.groups,
    )


def _start(body: NewListener) -> Start:
    if isinstance(body.start, From):
        return Position(body.start.epoch, body.start.seq, body.start.event_seq)
    return body.start


def _view(parts: AppContext, listener: Webhook) -> ListenerView:
    chosen = listener.filter
    view = ListenerView(
        id=listener.id,
        session=listener.session,
        url=listener.url,
        created_at=instant(listener.created_at),
        events=sorted(chosen.kinds, key=lambda kind: (kind != MESSAGE, kind)),
        chats=None if chosen.chats is None else sorted(chosen.chats),
        groups=chosen.groups,
        paused=listener.paused_at is not None,
        legacy=listener.legacy,
        signed=listener.secret is not None,
    )
    health = parts.listeners.health(listener)
    if health is None:
        return view
    last, due = health.last_delivery_at, health.next_attempt_at
    return view.model_copy(
        update={
            "circuit": health.circuit,
            "lag": parts.listeners.lag(listener),
            "delivered": health.delivered,
            "failures": health.failures,
            "last_status": health.last_status,
            "last_error": health.last_error,
            "last_failure": health.last_failure,
            "last_delivery_at": None if last is None else instant(last),
            "next_attempt_at": None if due is None else instant(due),
            "seq": health.positions.get(Stream.IN),
            "event_seq": health.positions.get(Stream.EVENT),
        }
    )
