"""`/v1/sessions/{session}/listeners`: webhooks, the items they receive, and their health."""

from __future__ import annotations

import secrets
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from bridge.contract.errors import InvalidRequest
from bridge.contract.events import ERASED_EVENT, EVENT_KINDS
from bridge.contract.jid import Jid, parse_recipient
from bridge.contract.kinds import RECEIVED
from bridge.contract.messages import Stream
from bridge.contract.payload import CleanText, Instant, instant, valid_text
from bridge.http.context import AppContext
from bridge.http.dependencies import AuditOf, ContextOf, needs
from bridge.http.errors import NotFound
from bridge.ports import MESSAGE, Failure, Position, Scope, Webhook, WebhookFilter
from bridge.webhooks.delivery_log import PostRecord, PostResult
from bridge.webhooks.registry import Start
from bridge.webhooks.retry_policy import Circuit, describe

router = APIRouter(tags=["webhooks"])


#: What a webhook may receive: all messages, those of one kind, and each kind of event.
CHOICES = (MESSAGE, *sorted(f"{MESSAGE}.{kind.kind}" for kind in RECEIVED), *sorted(EVENT_KINDS - {ERASED_EVENT}))


def _is_known(kind: str) -> str:
    if kind not in CHOICES:
        raise ValueError(f"{kind[:40]!r} is none of {', '.join(CHOICES)}")
    return kind


Kind = Annotated[str, AfterValidator(_is_known), WithJsonSchema({"type": "string", "enum": list(CHOICES)})]


class WebhookStart(BaseModel):
    """A cursor in each stream: the webhook receives the items after it."""

    model_config = ConfigDict(strict=True, extra="forbid")
    epoch: Annotated[str, Field(max_length=64)]
    seq: Annotated[int, Field(ge=0, le=2**53)] = 0
    event_seq: Annotated[int, Field(ge=0, le=2**53)] = 0


class NewWebhook(BaseModel):
    """A webhook to register. For a URL that is registered already, omitted fields keep their values."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        json_schema_extra={"examples": [{"url": "http://localhost:3013/hook", "chats": ["5491155500001"]}]},
    )
    url: CleanText
    events: Annotated[
        list[Kind] | None,
        Field(min_length=1, max_length=len(CHOICES), description="kinds of item; default `message`: all messages"),
    ] = None
    chats: Annotated[
        list[CleanText] | None, Field(max_length=1000, description="numbers or addresses; null: all, the default")
    ] = None
    groups: Annotated[bool | None, Field(description="whether groups are included; default true")] = None
    secret: Annotated[
        CleanText | None, Field(min_length=16, max_length=256, description="signs deliveries; generated if omitted")
    ] = None
    start: Annotated[
        Literal["now", "oldest"] | WebhookStart,
        Field(description="where a new webhook starts; a known one keeps its cursor"),
    ] = "now"


class WebhookView(BaseModel):
    """A webhook and its health. Fields from the session's store are null while that is closed."""

    id: str
    session: str
    url: str
    created_at: Instant
    events: list[str]
    chats: list[str] | None
    groups: bool
    paused: bool = Field(default=False, description="keeps its cursor, receives nothing until it is resumed")
    legacy: bool = Field(description="registered on the legacy path: groups are included only with WA_LEGACY_GROUPS")
    signed: bool
    secret: str | None = Field(default=None, description="only in the answer to the registration that generated it")
    circuit: Circuit | None = None
    lag: int | None = Field(default=None, description="items in the journal that are not yet delivered")
    delivered: int | None = Field(default=None, description="since the session was started")
    failures: int | None = Field(default=None, description="consecutive")
    last_status: int | None = None
    last_error: str | None = Field(default=None, description="the last error as a sentence")
    last_failure: Failure | None = Field(default=None, description="why the last post got no answer")
    last_delivery_at: Instant | None = None
    next_attempt_at: Instant | None = None
    seq: int | None = Field(default=None, description="the last message that is delivered, skipped or a dead letter")
    event_seq: int | None = None


class WebhookList(BaseModel):
    """Webhooks of a session, oldest first. `choices`: what `events` may have."""

    listeners: list[WebhookView]
    choices: list[str] = list(CHOICES)


class WebhookTest(BaseModel):
    """The outcome of a test: one signed example that was posted."""

    accepted: bool = Field(description="whether the status is one of 2xx")
    status: int | None
    failure: Failure | None = Field(description="why there is no status")
    error: str | None = Field(description="the same as a sentence")
    ms: int = Field(description="milliseconds until the answer, or until it failed")
    beginning: str = Field(description="of the answer, 300 bytes at most")


class WebhookPostView(BaseModel):
    """One post. Neither what was posted nor what was answered is kept."""

    at: Instant = Field(description="when it began")
    stream: Stream
    seq: int = Field(description="0 for a test")
    attempt: int
    result: PostResult
    ms: int
    status: int | None
    failure: Failure | None
    error: str | None


class WebhookLog(BaseModel):
    """The last 100 posts of the last 7 days since the bridge started, newest first."""

    deliveries: list[WebhookPostView]


@router.get("/sessions/{session}/listeners", dependencies=[needs(Scope.LISTEN)])
async def list_webhooks(session: str, context: ContextOf) -> WebhookList:
    """Registered webhooks and their health."""
    context.entry(session)
    return WebhookList(listeners=[_view(context, one) for one in context.registry.active(session)])


@router.post("/sessions/{session}/listeners", status_code=201, dependencies=[needs(Scope.LISTEN)])
async def register(session: str, body: NewWebhook, context: ContextOf, audit: AuditOf) -> WebhookView:
    """Register a webhook, or change the items that a registered one receives."""
    running = context.entry(session).session
    own = running.outbound.own if running else None
    url = await context.poster.check(body.url)
    known = next((one for one in context.registry.active(session) if one.url == url), None)
    made = secrets.token_urlsafe(32) if body.secret is None and (known is None or known.secret is None) else None
    webhook = await context.registry.register(
        session,
        url,
        chosen=_filter(body, known.filter if known else WebhookFilter(), own),
        secret=body.secret or made,
        start=_start(body),
    )
    await audit("register listener", session, webhook.id)
    view = _view(context, webhook)
    return view.model_copy(update={"secret": made}) if made else view


@router.get("/sessions/{session}/listeners/{listener}", dependencies=[needs(Scope.LISTEN)])
async def show(session: str, listener: str, context: ContextOf) -> WebhookView:
    """One webhook and its health."""
    return _view(context, _find(context, session, listener))


@router.delete(
    "/sessions/{session}/listeners/{listener}",
    status_code=204,
    response_class=Response,
    dependencies=[needs(Scope.LISTEN)],
)
async def unregister(session: str, listener: str, context: ContextOf, audit: AuditOf) -> Response:
    """Stop delivering. The cursor is kept ten minutes; dead letters stay."""
    found = _find(context, session, listener)
    await context.registry.unregister(session, found.url)
    await audit("unregister listener", session, found.id)
    return Response(status_code=204)


@router.post("/sessions/{session}/listeners/{listener}/pause", dependencies=[needs(Scope.LISTEN)])
async def pause(session: str, listener: str, context: ContextOf, audit: AuditOf) -> WebhookView:
    """Pause deliveries; the cursor is kept as long as the journal keeps the items."""
    found = _find(context, session, listener)
    await audit("pause listener", session, found.id)
    return _view(context, await context.registry.pause(found, paused=True))


@router.post("/sessions/{session}/listeners/{listener}/resume", dependencies=[needs(Scope.LISTEN)])
async def resume(session: str, listener: str, context: ContextOf, audit: AuditOf) -> WebhookView:
    """Resume deliveries after the last delivered item."""
    found = _find(context, session, listener)
    await audit("resume listener", session, found.id)
    return _view(context, await context.registry.pause(found, paused=False))


@router.post("/sessions/{session}/listeners/{listener}/test", dependencies=[needs(Scope.LISTEN)])
async def test(session: str, listener: str, context: ContextOf, audit: AuditOf) -> WebhookTest:
    """Post one signed example, with the header `X-WA-Test`, and answer what came of it. It is in no journal."""
    found = _find(context, session, listener)
    await audit("test listener", session, found.id)
    answer, seconds = await context.registry.test(found, context.entry(session).cliente_id)
    accepted = answer.status is not None and 200 <= answer.status < 300
    return WebhookTest(
        accepted=accepted,
        status=answer.status,
        failure=answer.failure,
        error=None if accepted else describe(answer),
        ms=round(seconds * 1000),
        beginning=valid_text(answer.beginning.decode("utf-8", "replace")),
    )


@router.get("/sessions/{session}/listeners/{listener}/deliveries", dependencies=[needs(Scope.LISTEN)])
async def read_log(session: str, listener: str, context: ContextOf) -> WebhookLog:
    """The last posts to a webhook."""
    records = context.registry.log(_find(context, session, listener))
    return WebhookLog(deliveries=list(map(_post_view, records)))


def _post_view(record: PostRecord) -> WebhookPostView:
    return WebhookPostView(
        at=instant(record.at),
        stream=record.stream,
        seq=record.seq,
        attempt=record.attempt,
        result=record.result,
        ms=round(record.seconds * 1000),
        status=record.status,
        failure=record.failure,
        error=record.error,
    )


def _find(context: AppContext, session: str, webhook_id: str) -> Webhook:
    context.entry(session)
    found = context.registry.find(session, webhook_id)
    if found is None:
        raise NotFound("This session has no such webhook.")
    return found


def _filter(body: NewWebhook, before: WebhookFilter, own: str | None) -> WebhookFilter:
    """`own`: the digits of this account's number. Raises `InvalidRequest` for a filter that nothing can pass."""
    chosen = WebhookFilter(
        kinds=before.kinds if body.events is None else frozenset(map(str, body.events)),
        chats=_chats(body, before, own),
        groups=before.groups if body.groups is None else body.groups,
    )
    if chosen.chats is not None and not chosen.groups and all(Jid.parse(chat).is_group for chat in chosen.chats):
        chats = ", ".join(sorted(chosen.chats)[:3]) or "none"
        raise InvalidRequest(f"Nothing can match: groups is false, and chats lists no person ({chats}).")
    if chosen.chats is not None and not chosen.chats:
        raise InvalidRequest("Nothing can match: chats is empty. Leave it out for all chats.")
    return chosen


def _chats(body: NewWebhook, before: WebhookFilter, own: str | None) -> frozenset[str] | None:
    if "chats" not in body.model_fields_set:
        return before.chats
    return None if body.chats is None else frozenset(str(parse_recipient(one, own)) for one in body.chats)


def _start(body: NewWebhook) -> Start:
    if isinstance(body.start, WebhookStart):
        return Position(body.start.epoch, body.start.seq, body.start.event_seq)
    return body.start


def _view(context: AppContext, webhook: Webhook) -> WebhookView:
    chosen = webhook.filter
    view = WebhookView(
        id=webhook.id,
        session=webhook.session,
        url=webhook.url,
        created_at=instant(webhook.created_at),
        events=sorted(chosen.kinds, key=lambda kind: (kind != MESSAGE, kind)),
        chats=None if chosen.chats is None else sorted(chosen.chats),
        groups=chosen.groups,
        paused=webhook.paused_at is not None,
        legacy=webhook.legacy,
        signed=webhook.secret is not None,
    )
    health = context.registry.health(webhook)
    if health is None:
        return view
    last, due = health.last_delivery_at, health.next_attempt_at
    return view.model_copy(
        update={
            "circuit": health.circuit,
            "lag": context.registry.lag(webhook),
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
