"""The driver of a `ScriptedPhone`: behaves towards the session as the web driver does, without a page."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from typing_extensions import override

from bridge.contract.details import InvalidDetail, PasskeyDetail, RefusalDetail
from bridge.contract.errors import (
    CodedError,
    InvalidRequest,
    MessageNotFound,
    NotAllowed,
    NotOnWhatsApp,
    ReachOutLocked,
    Refused,
    TooLarge,
)
from bridge.contract.jid import Jid, MessageKey, Server
from bridge.contract.kinds import KINDS, Act, Content
from bridge.contract.kinds.forward import Forward
from bridge.contract.modifiers import NO_MODIFIERS, Modifiers
from bridge.contract.passkey import check_answer, normal_code
from bridge.contract.requests import BY_ACTION, Request
from bridge.contract.session import Reason, SessionState, Situation
from bridge.contract.status import MemoryUse
from bridge.drivers.scripted.downloaded_file import downloaded
from bridge.drivers.scripted.phone import ACCOUNT, ACCOUNT_LID, ScriptedPhone, SendMode, SentMessage, Signal
from bridge.ports import (
    ACTS,
    Account,
    CallInDoubt,
    DriverSink,
    DriverUnavailable,
    IncomingMessage,
    LookUp,
    MediaGone,
    PairingCode,
    ProfilePicture,
    WhatsAppDriver,
)

_log = logging.getLogger(__name__)
_S, _R, _CODE_LIFE = SessionState, Reason, 20.0


class ScriptedDriver(WhatsAppDriver):
    """One driver per phone at a time. `retry` is the delay in seconds before a batch that was not taken is repeated."""

    def __init__(self, phone: ScriptedPhone, *, batch: int = 200, retry: float = 0.0) -> None:
        self._phone = phone
        self._batch = batch
        self._retry = retry
        self._signals: asyncio.Queue[Signal] = asyncio.Queue()
        self._state: SessionState | None = None
        self._holding = True
        self._code_shown = False
        self._paired_here = False
        self._unread: dict[str, int] = {}
        self._connected_at = 0

    @override
    async def run(self, sink: DriverSink) -> None:
        self._signals = asyncio.Queue()
        self._phone.listener = self._signals.put_nowait
        self._phone.live.clear()  # a page's live items are lost with it; the history keeps the messages
        try:
            await self._change_to(sink, _S.STARTING, _R.BROWSER_STARTING)
            await self._load(sink)
            while True:
                await self._handle(await self._signals.get(), sink)
        finally:
            self._phone.listener = None
            self._state, self._holding = None, True

    async def _load(self, sink: DriverSink) -> None:
        self._holding = True
        if not self._phone.reachable:
            await self._change_to(sink, _S.UNREACHABLE, _R.SITE_UNREACHABLE, "net::ERR_CONNECTION_REFUSED")
            return
        await self._change_to(sink, _S.CONNECTING, _R.PAGE_LOADING)
        if self._phone.paired:
            await self._log_in(sink)
        else:
            await self._show_code(sink)

    async def _log_in(self, sink: DriverSink) -> None:
        if self._code_shown:
            self._code_shown = False
            await sink.code_changed(None)
        paired_at, self._paired_here = (self._phone.paired_at if self._paired_here else None), False
        await sink.logged_in(Account(ACCOUNT, ACCOUNT_LID, self._phone.now(), paired_at))
        await self._change_to(sink, _S.AUTHENTICATED, _R.SYNCING)
        if self._phone.link_up:
            await self._change_to(sink, _S.CONNECTED, _R.READY)
        else:
            await self._change_to(sink, _S.RECONNECTING, _R.LINK_DOWN)

    async def _show_code(self, sink: DriverSink) -> None:
        phone = self._phone
        await self._change_to(sink, _S.PAIRING, _R.SCAN_QR if phone.link_code is None else _R.TYPE_LINK_CODE)
        self._code_shown = True
        code = phone.link_code or phone.next_code()
        await sink.code_changed(PairingCode(code, phone.clock.now() + _CODE_LIFE, phone.link_code))

    async def _handle(self, signal: Signal, sink: DriverSink) -> None:
        match signal:
            case Signal.CODE if self._state is _S.PAIRING:
                await self._show_code(sink)
            case Signal.PASSKEY if self._state is _S.PAIRING:
                if self._phone.passkey is None:
                    await sink.passkey_changed(None)
                    await self._show_code(sink)
                    return
                await self._clear_code(sink)
                await self._change_to(sink, _S.PAIRING, _R.PASSKEY_REQUIRED)
                await sink.passkey_changed(self._phone.passkey)
            case Signal.PAIRED if self._state is _S.PAIRING:
                self._paired_here = True
                await sink.passkey_changed(None)
                await self._log_in(sink)
            case Signal.LINK_DOWN if self._state is _S.CONNECTED:
                self._holding = True
                await self._change_to(sink, _S.RECONNECTING, _R.LINK_DOWN)
            case Signal.LINK_UP if self._state is _S.RECONNECTING:
                await self._change_to(sink, _S.CONNECTED, _R.READY)
            case Signal.PAGE_LOST | Signal.UNREACHABLE:
                self._phone.live.clear()
                self._holding = True
                await self._clear_code(sink)
                await self._change_to(sink, _S.RECONNECTING, _R.PAGE_LOST)
                await self._load(sink)
            case Signal.REACHABLE if self._state is _S.UNREACHABLE:
                await self._load(sink)
            case Signal.LOGGED_OUT | Signal.LOGGED_OUT_ON_REQUEST if self._state is not _S.PAIRING:
                self._holding = True
                self._phone.live.clear()
                by_phone = signal is Signal.LOGGED_OUT
                reason = _R.LOGGED_OUT_BY_PHONE if by_phone else _R.LOGGED_OUT_ON_REQUEST
                await self._change_to(sink, _S.LOGGED_OUT, reason)
                await self._show_code(sink)
            case Signal.LIMITS if self._phone.limits is not None:
                await sink.limits_changed(self._phone.limits)
            case Signal.ITEMS:
                await self._hand_out(sink)

    async def _hand_out(self, sink: DriverSink) -> None:
        while self._phone.live and not self._holding and self._phone.link_up:
            batch = self._phone.live[: self._batch]
            try:
                await sink.received(batch)
            except Exception:  # noqa: BLE001 - after any failure in the sink the batch is repeated
                _log.exception("a batch of %d was not taken; it is repeated", len(batch))
                await asyncio.sleep(self._retry)
            else:
                del self._phone.live[: len(batch)]

    async def _clear_code(self, sink: DriverSink) -> None:
        if self._code_shown:
            self._code_shown = False
            await sink.code_changed(None)

    async def _change_to(
        self, sink: DriverSink, state: SessionState, reason: Reason, detail: str | None = None
    ) -> None:
        self._state = state
        if state is _S.CONNECTED:
            self._connected_at = self._phone.now()
        await sink.situation_changed(Situation(state, reason, detail))

    def _require_connected(self) -> None:
        if self._state is not _S.CONNECTED or not self._phone.link_up or not self._phone.paired:
            raise DriverUnavailable(f"The session is {self._state or 'not running'}.")

    @override
    async def collect(
        self, since: Mapping[str, int], baseline: int, acts_since: int = 0
    ) -> AsyncGenerator[Sequence[IncomingMessage], None]:
        self._require_connected()
        self._unread = {ACTS: acts_since} if self._phone.damaged_acts else {}
        for chat in dict.fromkeys(message.chat for message in self._phone.on_device):
            mark = since.get(str(chat), baseline)
            missed = (m for m in self._phone.on_device if m.chat == chat and m.timestamp >= mark)
            found = sorted(missed, key=lambda message: message.timestamp)
            if chat in self._phone.damaged:
                self._unread[str(chat)] = mark
                found = found[-1:]
            for offset in range(0, len(found), self._batch):
                self._require_connected()
                yield found[offset : offset + self._batch]

    @property
    @override
    def unread(self) -> Mapping[str, int]:
        return self._unread

    @property
    @override
    def connected_at(self) -> int:
        return self._connected_at

    @override
    async def resume(self) -> None:
        self._require_connected()
        self._holding = False
        self._signals.put_nowait(Signal.ITEMS)

    @override
    async def resolve(self, to: Jid) -> Jid:
        self._require_connected()
        phone = self._phone
        if to in phone.failing:
            raise DriverUnavailable(f"WhatsApp did not answer whether {to.masked} exists.")
        if to in phone.missing:
            raise NotOnWhatsApp
        chat = phone.lids.get(to, to)
        if not to.is_user and chat not in phone.chats:
            raise InvalidRequest(
                f"This account has no chat with {to}: it can only be answered.", detail=InvalidDetail.NO_SUCH_CHAT
            )
        return chat

    @property
    @override
    def sends(self) -> frozenset[str]:
        return frozenset(kind.kind for kind in KINDS)

    @override
    async def may_write(self, group: Jid) -> None:
        if group in self._phone.closed_groups:
            raise NotAllowed("This account is not a member of the group.")

    @override
    async def reserve(self, to: Jid) -> MessageKey:
        chat = await self.resolve(to)
        return MessageKey(True, chat, self._phone.new_id(), ACCOUNT_LID if chat.is_group else None)

    @override
    async def send(
        self, key: MessageKey, content: Content, modifiers: Modifiers = NO_MODIFIERS, file: Path | None = None
    ) -> int:
        self._require_connected()
        phone = self._phone
        if phone.delay:
            await asyncio.sleep(phone.delay)
        if modifiers.reply_to is not None and not phone.has(modifiers.reply_to):
            raise MessageNotFound
        if isinstance(content, Forward):
            if not phone.has(content.message_id):
                raise MessageNotFound
            key = await phone.give_id(key)
        sha256 = None if file is None else hashlib.sha256(await asyncio.to_thread(file.read_bytes)).hexdigest()
        message = SentMessage(key, content, modifiers=modifiers, sha256=sha256)
        match phone.send_mode:
            case SendMode.UNAVAILABLE:
                raise DriverUnavailable("The page is loading.")
            case SendMode.CALL_LOST | SendMode.ANSWER_LOST as mode:
                if mode is SendMode.ANSWER_LOST:
                    phone.deliver(message)
                await asyncio.sleep(phone.call_limit)
                raise CallInDoubt(f"The page gave no answer to send within {phone.call_limit:g} s.")
            case SendMode.REFUSED:
                raise Refused
            case SendMode.REACH_OUT_LOCKED:
                raise ReachOutLocked
            case SendMode.PENDING:
                phone.pending.append(message)
                return 0
        if not phone.link_up:  # lost during the delay
            phone.pending.append(message)
            return 0
        phone.deliver(message)
        return phone.ack_of.get(key.id, 0)

    @override
    async def act(self, chat: Jid, act: Act) -> str:
        self._require_connected()
        return self._phone.act(chat, act)

    @override
    async def find_message(self, key: MessageKey) -> IncomingMessage | None:
        self._require_connected()
        return self._phone.message(key.remote, key.id)

    @override
    @asynccontextmanager
    async def download(self, key: MessageKey, limit: int, seconds: float) -> AsyncIterator[Path]:
        self._require_connected()
        self._phone.downloaded.append(key.id)
        try:
            async with asyncio.timeout(seconds):
                if self._phone.downloading is not None:
                    await self._phone.downloading()
        except TimeoutError as error:
            raise CallInDoubt(f"The file did not come within {seconds:g} s.") from error
        content = self._phone.files.get(key.id) or MediaGone("There is no such file.", final=True)
        if isinstance(content, CodedError):
            raise content
        if len(content) > limit:
            raise TooLarge(f"The file has more than {limit:,} bytes.")
        with downloaded(content) as path:
            yield path

    @override
    @asynccontextmanager
    async def picture(
        self, contact: Jid, known: str | None, limit: int, seconds: float
    ) -> AsyncIterator[ProfilePicture]:
        self._require_connected()
        content = self._phone.pictures.get(contact)
        if content is None:
            yield ProfilePicture(contact)
            return
        tag = hashlib.sha256(content).hexdigest()[:16]
        if len(content) > limit:
            raise TooLarge(f"The picture has more than {limit:,} bytes.")
        with downloaded(content) as path:
            yield ProfilePicture(contact, tag, None if tag == known else path)

    @property
    @override
    def answers(self) -> frozenset[str]:
        return frozenset(BY_ACTION)

    @override
    async def answer(self, request: Request, file: Path | None = None) -> Any:
        """Typing is simulated; for other actions the script sets the data. One that changes something meets the same
        fates as a send."""
        self._require_connected()
        return await self._phone.answer(request)

    @override
    async def look_up(self, key: MessageKey) -> LookUp:
        """Absence is proven here, unless the script sets `look_up_complete` to False."""
        self._require_connected()
        phone = self._phone
        for message in (*phone.sent, *phone.pending):
            if message.key.id == key.id:
                return LookUp(phone.ack_of.get(key.id, 0), phone.look_up_complete, key.id in phone.stopped)
        return LookUp(None, phone.look_up_complete)

    @override
    async def resend(self, key: MessageKey) -> int:
        self._require_connected()
        match self._phone.send_mode:
            case SendMode.REFUSED:
                raise Refused
            case SendMode.CALL_LOST:
                raise CallInDoubt("The page gave no answer to resend.")
        return self._phone.resend(key)

    @override
    async def log_out(self) -> None:
        self._require_connected()
        self._phone.log_out(on_request=True)

    @override
    async def delete_login(self) -> None:
        self._phone.paired = False

    @override
    async def link_by_phone(self, number: str) -> None:
        if Jid(number, Server.USER) in self._phone.missing:
            raise Refused(
                f"WhatsApp gives no pairing code for {number}. Check the number.", detail=RefusalDetail.PAIRING_NUMBER
            )
        self._phone.link_code = f"L{number[-7:]}"
        self._phone.rotate_code()

    @override
    async def answer_passkey(self, answer: Mapping[str, Any]) -> None:
        request = self._phone.passkey
        if request is None or request.options is None:
            raise InvalidRequest("WhatsApp is not waiting for a passkey.", detail=PasskeyDetail.NOT_ASKED)
        check_answer(answer, request.options, request.origin)
        self._phone.take_passkey()

    @override
    async def confirm_passkey(self, code: str) -> None:
        request = self._phone.passkey
        if request is None or request.code is None or request.code != normal_code(code):
            raise InvalidRequest("WhatsApp is not waiting for this code.", detail=PasskeyDetail.CODE)
        self._phone.take_passkey()

    @property
    @override
    def memory(self) -> MemoryUse | None:
        return None

    @override
    async def reload(self) -> None:
        self._state = None
        self._phone.crash()
