"""The calls of the driver's port, made to the page: their arguments, and what its answers and errors mean."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bridge.contract.details import InvalidDetail
from bridge.contract.errors import (
    InternalError,
    InvalidRequest,
    LimitReached,
    MediaUnsupported,
    MessageNotFound,
    NotAllowed,
    NotOnWhatsApp,
    Refused,
    TooLarge,
    Unsupported,
)
from bridge.contract.jid import Jid, MessageKey, mask
from bridge.contract.kinds import Act, Content
from bridge.contract.modifiers import Modifiers
from bridge.contract.phone_numbers import candidates
from bridge.contract.requests import CheckContacts, Request
from bridge.drivers.web.limits import Limits
from bridge.drivers.web.number_cache import NumberCache
from bridge.drivers.web.payloads import to_jid, to_key, to_message, to_person
from bridge.drivers.web.refusals import STALE_ADDRESSING, blocked_contact, refusal
from bridge.drivers.web.web_page import PageFailure, WebPage
from bridge.ports import ACTS, CallInDoubt, DriverUnavailable, IncomingMessage, LookUp

_log = logging.getLogger(__name__)


async def resolve(page: WebPage, to: Jid, numbers: NumberCache, now: float) -> Jid:
    """The chat of an address; a number is tried in every spelling that its country has."""
    return Jid.parse((await _found(page, "resolve", to, numbers, now))["chat"])


async def reserve(page: WebPage, to: Jid, numbers: NumberCache, now: float) -> MessageKey:
    """A message key in the chat of an address. WhatsApp Web makes it, so that it has the usual form."""
    answer = await _found(page, "reserve", to, numbers, now)
    try:
        return to_key(answer["key"])
    except ValueError as error:
        raise InternalError(f"WhatsApp Web made a message key that cannot be read: {error}.") from error


async def _found(page: WebPage, call: str, to: Jid, numbers: NumberCache, now: float) -> dict[str, Any]:
    forms = spellings(to, numbers, now)
    if not forms:
        raise NotOnWhatsApp
    try:
        answer = await page.call(call, forms)
    except PageFailure as failure:
        if failure.name == "lookup_failed":
            raise DriverUnavailable(
                f"WhatsApp did not answer whether {to.masked} exists: {failure.text.rstrip('.')}."
            ) from failure
        raise nothing_done(failure) from failure
    if to.is_user:
        form = to_jid(answer.get("form"))
        numbers.store(to.user, form.user if form else None, now)
    if answer.get("missing"):
        if to.is_user:
            raise NotOnWhatsApp
        kind = "group" if to.is_group else "hidden address (LID)"
        raise InvalidRequest(
            f"This account has no chat with the {kind} {to}: it can only be answered.",
            detail=InvalidDetail.NO_SUCH_CHAT,
        )
    return dict(answer)


def spellings(to: Jid, numbers: NumberCache, now: float) -> list[str]:
    """The addresses that the page tries for a recipient, the likeliest first."""
    if not to.is_user:
        return [str(to)]
    return [str(Jid(number, to.server)) for number in numbers.spellings(to.user, candidates(to.user), now)]


async def writing_refused(page: WebPage, group: Jid, limit: float) -> str | None:
    """Why this account may not write in a group; None where the page knows nothing against it."""
    try:
        refused = await page.call("mayWrite", str(group), limit=limit)
    except PageFailure:
        return None
    return refused if isinstance(refused, str) else None


#: Seconds for each person of a request, which may take a question to the service.
_PERSON = 0.5


async def answer(
    page: WebPage, request: Request, numbers: NumberCache, now: float, limits: Limits, file: Path | None = None
) -> Any:
    """Carry out a request. Each recipient is passed in the spellings that its country has, the likeliest first."""
    forms = {name: spellings(to, numbers, now) for name, to in request.addresses.items()}
    lists = {name: [spellings(to, numbers, now) for to in everyone] for name, everyone in request.address_lists.items()}
    given, limit = request.arguments, limits.call + _PERSON * sum(map(len, lists.values()))
    if file is not None:
        given["picture"]["input"] = name = f"picture {uuid.uuid4().hex}"
        limit += (await asyncio.to_thread(file.stat)).st_size / limits.file_rate
        await page.put_file(name, file, limit=limit)
    try:
        return _read(await page.call("answer", request.action, {**given, **forms, **lists}, given, limit=limit))
    except PageFailure as failure:
        if request.changes and (failure.stored or failure.name is None):  # no refusal, but a fault on the way
            doubt = CallInDoubt(f"WhatsApp Web does not confirm it: {failure.text.rstrip('.')}.")
            doubt.known = _read(failure.known)
            raise doubt from failure
        raise nothing_done(failure) from failure


async def check(page: WebPage, request: CheckContacts, numbers: NumberCache, now: float) -> list[Any]:
    """Look numbers up, in every spelling; each is `{exists, chat}`, or `{exists: null, code}` after an error."""
    everyone = [Jid.parse(to) for to in request.contacts]
    forms = [spellings(to, numbers, now) for to in everyone]
    try:
        answers = await page.call("answer", request.action, {"contacts": forms})
    except PageFailure as failure:
        raise nothing_done(failure) from failure
    for to, answer in zip(everyone, answers, strict=True):
        if answer["exists"] is not None:
            form = to_jid(answer.get("form"))
            numbers.store(to.user, form.user if form else None, now)
    return list(answers)


def _read(data: Any) -> Any:
    """The page's answer, with a value of the port in place of each message and each person."""
    if isinstance(data, list):
        return [_read(item) for item in data]
    if not isinstance(data, dict):
        return data
    if data.get("kind") == "message" and "key" in data:
        return to_message(data)
    if data.get("kind") == "person":
        return to_person(data)
    return {name: _read(value) for name, value in data.items()}


async def send(
    page: WebPage, key: MessageKey, content: Content, modifiers: Modifiers, file: Path | None, limits: Limits
) -> tuple[int, MessageKey | None]:
    """Send under a reserved key; returns the ack level, and a key for the chat's next message if the page made one.

    Repeats it under its id if the service asks for it.
    """
    arguments, limit = (content.kind, content.value, _with_spellings(modifiers)), limits.send
    if file is not None:
        limit += (await asyncio.to_thread(file.stat)).st_size / limits.file_rate
        await page.put_file(key.id, file, limit=limit)
    try:
        answer = await page.call("send", str(key.remote), str(key), key.id, *arguments, limit=limit)
    except PageFailure as failure:
        if failure.stored:
            raise CallInDoubt(f"WhatsApp Web took the message, then failed: {failure.text}.") from failure
        raise nothing_done(failure) from failure
    if answer["ack"] < 0 and (answer.get("refusal") or {}).get("code") == STALE_ADDRESSING:
        return await resend(page, key, limits), None
    level = _level(answer)
    try:
        return level, to_key(answer.get("next"))
    except (ValueError, InvalidRequest):
        return level, None


def _with_spellings(modifiers: Modifiers) -> dict[str, Any]:
    """Modifiers with each mentioned number in every spelling that its country has."""
    given = modifiers.given()
    if modifiers.mentions:
        given["mentions"] = [
            [str(Jid(number, who.server)) for number in candidates(who.user)] if who.is_user else [str(who)]
            for who in map(Jid.parse, modifiers.addresses)
        ]
        given["everybody"] = modifiers.mentions_all
    return given


async def act(page: WebPage, chat: Jid, act: Act, limits: Limits) -> str:
    """Carry out an act; returns the whole id of its message."""
    try:
        key = await page.call("act", str(chat), act.kind, act.value, limit=limits.send)
    except PageFailure as failure:
        if failure.stored:
            raise CallInDoubt(f"WhatsApp Web does not confirm it: {failure.text}.") from failure
        raise nothing_done(failure) from failure
    return str(to_key(key))


async def resend(page: WebPage, key: MessageKey, limits: Limits) -> int:
    """Let the page send a stopped message once more; returns the ack level."""
    try:
        return _level(await page.call("resend", str(key), key.id, limit=limits.send))
    except PageFailure as failure:
        raise CallInDoubt(f"WhatsApp Web did not send the message again: {failure.text}.") from failure


def _level(answer: Mapping[str, Any]) -> int:
    """The ack level of an answer to `send` or `resend`; raises what it means if the message did not go out."""
    ack, result = int(answer["ack"]), answer.get("result")
    if ack < 0:
        raise refusal(answer.get("refusal"))
    if answer.get("stopped") and result == "ERROR_NETWORK":
        raise InternalError("WhatsApp Web could not prepare the message; nothing was sent. Try again.")
    if answer.get("stopped") or result not in (None, "OK"):
        raise CallInDoubt(f"WhatsApp Web failed while it sent the message ({result or 'no result'}).")
    return ack


async def look_up(page: WebPage, key: MessageKey) -> LookUp:
    """Look up under every known address of the chat. Absence is never proven: the page's stores are a cache."""
    try:
        answer = await page.call("lookUp", str(key), key.id)
    except PageFailure as failure:
        raise nothing_done(failure) from failure
    stopped, not_uploaded = (answer.get(name) is True for name in ("stopped", "notUploaded"))
    return LookUp(answer["ack"], complete=False, stopped=stopped, not_uploaded=not_uploaded)


async def collect(
    page: WebPage, since: Mapping[str, int], baseline: int, acts_since: int, unread: dict[str, int], limits: Limits
) -> AsyncGenerator[Sequence[IncomingMessage], None]:
    """Chat by chat, oldest first, in bounded batches; an empty batch is a keep-alive.

    Fills `unread` with the chats that could not be read completely, and `ACTS`, each with the unix time from which it
    is unread.
    """
    unread.clear()
    try:
        await page.call("beginCollecting", dict(since), baseline, acts_since)
        done = False
        while not done:
            part = await page.call("collectSome", limits.batch, limits.collecting * 1000)
            if part.get("overdue"):
                _log.warning("WhatsApp still delivers after %g s: catch-up begins without the rest", limits.delivery)
            for failed in part["failed"]:
                _log.warning("not all messages of chat %s can be read", mask(failed["chat"]))
                _log.debug("%s", failed["text"])
                unread[failed["chat"]] = failed["mark"]
            if text := part.get("actsFailed"):
                _log.warning("not all reactions, votes, edits and deletions can be read; the next catch-up tries again")
                _log.debug("%s", text)
                unread[ACTS] = acts_since
            yield [to_message(raw) for raw in part["items"]]
            done = part["done"]
    except PageFailure as failure:
        raise DriverUnavailable(f"The page could not read its messages: {failure.text}.") from failure


def nothing_done(failure: PageFailure) -> Exception:
    """The error for the caller when the page failed before anything was done."""
    match failure.name:
        case "not_connected":
            return DriverUnavailable(failure.text)
        case "no_person":
            return NotOnWhatsApp(failure.text)
        case "not_allowed":
            return NotAllowed(failure.text)
        case "invalid":
            return InvalidRequest(failure.text)
        case "msg_not_found" | "not_found" | "no_group":
            return MessageNotFound(failure.text)
        case "not_on_whatsapp":
            return NotOnWhatsApp()
        case "limit_reached":
            return LimitReached(failure.text)
        case "unsupported":
            return Unsupported(failure.text)
        case "lookup_failed":
            return DriverUnavailable(f"WhatsApp did not answer: {failure.text.rstrip('.')}.")
        case "refused":
            return Refused(failure.text)
        case "quoted_msg_can_not_reply":
            return Refused("WhatsApp Web does not let this message be answered: it is deleted, or not sent yet.")
        case "mentioned_is_not_a_member":
            return InvalidRequest(f"Only members of the group can be mentioned: {failure.text}.")
        case "file_too_large" | "MediaFileTooLargeError":
            return TooLarge(f"The file is larger than WhatsApp takes of its kind: {failure.text.rstrip('.')}.")
        case "MediaFileFailedLoad":
            return MediaUnsupported("WhatsApp Web cannot read the file: it is damaged, or of another type.")
        case "MediaFileEmpty":
            return InvalidRequest("The file is empty.")
        case "chat_not_found":
            return InvalidRequest(f"This account has no such chat: {failure.text}.", detail=InvalidDetail.NO_SUCH_CHAT)
        case "ContactBlockedError":
            return blocked_contact()
        case str() as name:
            return InternalError(f"WhatsApp Web refused the call ({name}): {failure.text}.")
        case _:
            return InternalError(f"WhatsApp Web failed: {failure.text}.")
