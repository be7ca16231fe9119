"""One of each payload that the bridge writes, at a fixed time; `golden/` holds them as bytes."""

from __future__ import annotations

from bridge.contract.bot import BotConfig, ResponderEvent, SpokenText
from bridge.contract.budget import Budget, FirstMessagesBudget, SendBudget
from bridge.contract.campaign_reports import CampaignEvent, CampaignProgress
from bridge.contract.campaigns import CampaignState
from bridge.contract.controls import ControlAction, ControlResult, ControlStatus
from bridge.contract.errors import ERRORS, InvalidRequest, NotConnected
from bridge.contract.events import ERASED_EVENT, LIMITS, MEDIA, OWN_MESSAGE, Event, EventBody
from bridge.contract.kinds.contacts import ReceivedContact
from bridge.contract.kinds.location import Place
from bridge.contract.kinds.media import Media, MediaState
from bridge.contract.leases import ClaimState, LeaseClaim
from bridge.contract.lifecycle import AckName
from bridge.contract.limits import AccountLimits, NewChats, NewChatStage
from bridge.contract.messages import (
    ERASED,
    Ack,
    ErrorInfo,
    Inbound,
    MessageBody,
    Qr,
    Quoted,
    ReplayEnd,
    Result,
    ResultStatus,
    Stream,
    in_stream,
)
from bridge.contract.passkey import Passkey, console_line
from bridge.contract.payload import Payload, instant
from bridge.contract.responses import Response, ResponseStatus
from bridge.contract.session import REASON_TEXT, Reason, SessionState
from bridge.contract.session_changes import BridgeAction, BridgeControlResult
from bridge.contract.status import BridgeStatus, Queues, SessionStatus

AT = instant(1_790_000_000.123)
EPOCH = "3f0c7a52-6c1e-4d0b-9a55-0f1e2d3c4b5a"
PASSKEY_OPTIONS = {
    "challenge": "Y2hhbGxlbmdl",
    "timeout": 600000,
    "rpId": "whatsapp.com",
    "allowCredentials": [],
    "userVerification": "required",
}
ANA, GROUP, LID = "5491155500001@c.us", "120363000000000001@g.us", "123456789012345@lid"


def error(code: str) -> ErrorInfo:
    return ErrorInfo(code=code, text=ERRORS[code].sentence, transient=ERRORS[code].transient)


def text(**changes: object) -> MessageBody:
    fields = {
        "id": f"false_{ANA}_3EB0C0FFEE",
        "from": ANA,
        "chat": ANA,
        "author": ANA,
        "from_pn": ANA,
        "body": "Hola ñ 😀 שלום\n\u202bمرحبا",
        "type": "chat",
        "kind": "text",
        "timestamp": 1_790_000_000,
        "cliente_id": 51,
        "notify_name": "Ana",
        "late": False,
    }
    return MessageBody.model_validate({**fields, **changes})


def in_journal(stream: Stream, seq: int, body: MessageBody | EventBody) -> str:
    return in_stream(stream, "haby", EPOCH, seq, body.to_json())


def rich() -> MessageBody:
    return text(
        **{"id": f"false_{GROUP}_3EB0C0FFEE_{LID}", "from": GROUP, "chat": GROUP, "author": LID},
        from_lid=LID,
        type="image",
        kind="image",
        late=True,
        quoted=Quoted(id=f"true_{GROUP}_3EB0BEEF_{LID}", author=LID, body="¿Viene?"),
        mentions=[LID],
        forwarded=True,
        media=Media(mimetype="image/jpeg", size=34567, sha256="q83v", filename="foto.jpg"),
        location=Place(latitude=-34.6, longitude=-58.4, name="Obelisco"),
        contacts=[
            ReceivedContact(
                name="Ana",
                phone="5491155500001",
                vcard="BEGIN:VCARD\nFN:Ana\nTEL;waid=5491155500001:+54 9 11 5550-0001\nEND:VCARD",
            )
        ],
    )


def forgotten() -> MessageBody:
    return text(
        **dict.fromkeys(("id", "from", "chat", "author"), ""),
        **dict.fromkeys(("kind", "notify_name", "from_pn")),
        body="",
        type=ERASED,
    )


def _result(status: ResultStatus, **more: object) -> Result:
    return Result.model_validate(
        {"session": "haby", "id": "order-1", "status": status, "to": ANA, "at": AT, **more}, strict=False
    )


def limited() -> EventBody:
    chats = NewChats(used=31, total=40, stage=NewChatStage.FIRST_WARNING)
    return EventBody(kind=LIMITS, at=AT, limits=AccountLimits(reach_out_locked_until=AT, new_chats=chats))


def file_ready() -> EventBody:
    return EventBody(
        kind=MEDIA,
        at=AT,
        chat=ANA,
        person="5f2c8a91d3e04b76",
        message_id=f"false_{ANA}_3EB0C0FFEE",
        state=MediaState.READY,
        url=f"https://wa.example/v1/media/{'0123456789abcdef' * 4}?session=haby&expires=1767787200&signature=9f…",
        sha256="0123456789abcdef" * 4,
        size=34567,
        mimetype="image/jpeg",
    )


def _status(state: SessionState, reason: Reason, **more: object) -> SessionStatus:
    fields = {
        "session": "haby",
        "state": state,
        "reason": reason,
        "text": REASON_TEXT[reason],
        "since": AT,
        "at": AT,
        "owner": "shop:0a1b2c3d",
    }
    return SessionStatus.model_validate({**fields, **more})


def every_written() -> dict[str, tuple[type[Payload], str]]:
    """Golden file name -> the model of a reader, and the payload of the bridge."""
    unreadable = text(type="unknown", kind="unknown", body="", raw={"kind": "novel", "n": [1, None]})
    own = EventBody(kind=OWN_MESSAGE, at=AT, chat=ANA, message=text())
    return {
        "in-text": (Inbound, in_journal(Stream.IN, 1, text())),
        "in-rich": (Inbound, in_journal(Stream.IN, 2, rich())),
        "in-unknown": (Inbound, in_journal(Stream.IN, 3, unreadable)),
        "in-erased": (Inbound, in_journal(Stream.IN, 4, forgotten())),
        "event-erased": (Event, in_journal(Stream.EVENT, 2, EventBody(kind=ERASED_EVENT, at=AT))),
        "event-limits": (Event, in_journal(Stream.EVENT, 4, limited())),
        "event-media": (Event, in_journal(Stream.EVENT, 3, file_ready())),
        "event-own-message": (Event, in_journal(Stream.EVENT, 1, own)),
        **{name: (type(payload), payload.to_json()) for name, payload in _others().items()},
    }


def _others() -> dict[str, Payload]:
    return {
        "result-accepted": _result(ResultStatus.ACCEPTED, transaction="t-7", meta={"invoice": ["A", 1, None]}),
        "result-sent": _result(ResultStatus.SENT, chat=LID, message_id=f"true_{LID}_3EB0BEEF"),
        "result-unknown": _result(ResultStatus.UNKNOWN, chat=ANA, message_id=f"true_{ANA}_3EB0BEEF"),
        "result-unparsed": Result(
            session="haby",
            id="made-by-the-bridge",
            status=ResultStatus.FAILED,
            error=error(InvalidRequest.code),
            at=AT,
            topic="wa/haby/out",
            sha256="0" * 64,
        ),
        **{f"result-failed-{code}": _result(ResultStatus.FAILED, error=error(code)) for code in ERRORS},
        "control-done": ControlResult(
            session="haby", id="c-1", action=ControlAction.RESTART, status=ControlStatus.DONE, at=AT
        ),
        "bridge-control-done": BridgeControlResult(
            instance="shop",
            id="b1",
            action=BridgeAction.ADD_SESSION,
            session="otra",
            status=ControlStatus.DONE,
            at=AT,
        ),
        "control-failed": ControlResult(
            session="haby",
            id="c-2",
            action=ControlAction.LOGOUT,
            status=ControlStatus.FAILED,
            error=error(NotConnected.code),
            at=AT,
        ),
        "ack": Ack(session="haby", id="order-1", message_id=f"true_{ANA}_3EB0BEEF", ack=AckName.READ, at=AT),
        "qr": Qr(session="haby", code="2@code,static,identity,secret", expires_at=AT),
        "passkey-asked": Passkey(
            session="haby",
            origin="https://web.whatsapp.com",
            expires_at=AT,
            options=PASSKEY_OPTIONS,
            line=console_line(PASSKEY_OPTIONS),
        ),
        "passkey-code": Passkey(session="haby", origin="https://web.whatsapp.com", expires_at=AT, code="ABCD1234"),
        "lease-owned": LeaseClaim(
            session="haby", owner="north:1f2e3d4c", term=3, renewal=17, state=ClaimState.OWNED, until=AT, at=AT
        ),
        "lease-released": LeaseClaim(
            session="haby",
            owner="north:1f2e3d4c",
            term=3,
            renewal=18,
            state=ClaimState.RELEASED,
            to="south",
            until=AT,
            at=AT,
        ),
        "replay-page": ReplayEnd(
            session="haby", request="r-1", stream=Stream.IN, epoch=EPOCH, first_seq=3, last_seq=9, next=5, gap=True
        ),
        "replay-end": ReplayEnd(
            session="haby",
            request="r-2",
            stream=Stream.EVENT,
            epoch=EPOCH,
            first_seq=None,
            last_seq=0,
            next=None,
            gap=False,
        ),
        "status-connected": _status(
            SessionState.CONNECTED,
            Reason.READY,
            epoch=EPOCH,
            first_seq=1,
            last_seq=9,
            last_event_seq=2,
            last_inbound=AT,
            queue=Queues.model_validate({"out": 1, "in": 0}),
            budget=SendBudget(
                answers=Budget(left=5, every=3.0),
                first_messages=FirstMessagesBudget(left=0, next_at=AT, every=30.0, today=17, per_day=50),
                quiet_hours="21:00-09:00",
                timezone="America/Argentina/Buenos_Aires",
            ),
        ),
        "status-offline": _status(SessionState.OFFLINE, Reason.BRIDGE_GONE),
        "bridge-online": BridgeStatus(
            instance="shop",
            state="online",
            version="0.1.0",
            driver="web: wa-js 4.6.0 (shipped)",
            started_at=AT,
            configured=["haby"],
            sessions={"haby": SessionState.CONNECTED},
            at=AT,
        ),
        "response-done": Response(
            session="haby", id="r1", action="typing", status=ResponseStatus.DONE, at=AT, transaction="t-7"
        ),
        "response-failed": Response(
            session="haby",
            id="r2",
            action=None,
            status=ResponseStatus.FAILED,
            error=error(InvalidRequest.code),
            at=AT,
        ),
        "bot-config": BotConfig(cliente_id=51, bot_activo=1, updated_at=AT),
        "responder-event": ResponderEvent(
            instance="shop",
            kind="model_failed",
            where="54911***01",
            text="HTTP 503; asked again in 15 s",
            count=3,
            at=AT,
        ),
        "campaign-progress": CampaignProgress(
            session="haby",
            id="agosto",
            name="Cupones de agosto",
            state=CampaignState.RUNNING,
            planned=120,
            waiting=80,
            sending=2,
            sent=36,
            delivered=30,
            read=12,
            answered=4,
            failed=1,
            unknown=1,
            skipped=3,
            eta=AT,
            at=AT,
        ),
        "campaign-event": CampaignEvent(
            session="haby", id="agosto", kind="paused", text="Paused: 36 of 120 were sent.", at=AT
        ),
        "spoken-text": SpokenText(
            session="haby",
            message_id="false_5491155500001@c.us_3EB0C0FFEE",
            text="¿A qué hora abren mañana?",
            language="es",
            at=AT,
        ),
    }
