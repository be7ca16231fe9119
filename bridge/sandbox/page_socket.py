"""The web socket between one page of the double and the world: the page's calls, and what is pushed to it.

One object per connection. It stands for two things that the real page has: the device's own database (always
available) and the service (available while the link is up).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from bridge.contract.errors import InvalidRequest
from bridge.sandbox.account import ServiceRefused
from bridge.sandbox.account_calls import account_call
from bridge.sandbox.changes import (
    AckRaised,
    BlockChanged,
    CallChanged,
    Change,
    ChatChanged,
    CodeAnswered,
    ContactChanged,
    Decrypted,
    Edited,
    GroupChanged,
    LinkChanged,
    LoggedOut,
    MessageArrived,
    Outdated,
    Paired,
    PasskeyAnswered,
    PasskeyRequested,
    PresenceChanged,
    ProfileChanged,
    Reacted,
    RefChanged,
    Reloaded,
    Replaced,
    Revoked,
    SendRefused,
    Voted,
)
from bridge.sandbox.contacts import EntryNotFound, LookupFailed
from bridge.sandbox.database import DeviceDatabase, Record, contact_record, reaction_record, vote_record
from bridge.sandbox.linked_devices import PageKeys, Slot
from bridge.sandbox.passkey import RP_ID
from bridge.sandbox.records import ACCOUNT, ACCOUNT_LID, Contact, Device, LogoutReason
from bridge.sandbox.world import World

#: Calls of a page that is not logged in.
_PAIRING = frozenset({"keys", "refresh_ref", "link_code", "passkey_options", "passkey_prologue", "passkey_confirm"})


class PageSocket:
    def __init__(self, world: World, socket: WebSocket) -> None:
        self._world = world
        self._socket = socket
        self._queue: asyncio.Queue[Record] = asyncio.Queue()
        self._database: DeviceDatabase | None = None
        self._slot: str | None = None
        self._shown = 0
        self._replaced = False
        self._followed: set[str | None] = set()
        #: Whether the page has loaded its chats: before, nothing that arrives is delivered to it.
        self._live = False

    @property
    def device(self) -> str | None:
        """Id of the linked device whose page this is; None while it is not logged in."""
        return None if self._database is None else self._database.device.id

    async def run(self) -> None:
        """Serve the page until it closes."""
        await self._socket.accept()
        self._world.listeners.append(self.on_change)
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(self._write(), name="sandbox page writer")
                try:
                    await self._read()
                finally:
                    writer.cancel()
        except* WebSocketDisconnect:
            pass
        finally:
            self._world.listeners.remove(self.on_change)
            self._set_available(False)
            if self._slot:
                self._world.linking.close_slot(self._slot)

    def on_change(self, change: Change) -> None:
        """Push the change to the page if it concerns it."""
        if self._replaced and not isinstance(change, (Outdated, Reloaded)):
            return
        match change:
            case Replaced() if self._database:
                self._replaced = True
                self._set_available(False)
                self._push("replaced")
            case RefChanged(slot, ref, ttl_ms) if slot == self._slot:
                self._push("ref", ref=ref, ttl=ttl_ms)
            case CodeAnswered(slot, ended) if slot == self._slot:
                self._push("code_answered", ended=ended)
            case PasskeyRequested(slot, options) if slot == self._slot:
                settings = self._world.state.settings
                lives = {"stage_ms": settings.passkey_stage_ms, "proof_ms": settings.passkey_proof_ms}
                self._push("passkey_requested", options=options, **lives)
            case PasskeyAnswered(slot, code) if slot == self._slot:
                self._push("passkey_answered", code=code)
            case Paired(slot, device) if slot == self._slot:
                self._slot = None
                self._attach(device)
                self._push("paired", secret=device.secret, **self._contents())
            case LinkChanged() | BlockChanged():
                self._push("link", up=self._world.state.link_up, trouble=self._world.state.trouble)
                if self._world.online and self._database:
                    self._reconnected(self._database)
                else:
                    self._set_available(False)
            case Outdated():
                self._push("outdated")
            case Reloaded():
                self._push("reload")
            case _ if self._database:
                self._push_to_device(self._database, change)

    def _push_to_device(self, database: DeviceDatabase, change: Change) -> None:
        device = database.device
        if not self._world.online:
            return
        match change:
            case MessageArrived() | AckRaised() | Reacted() | Voted() | Edited() | Revoked() if not self._live:
                return
            case GroupChanged() if not self._live:
                return
            case GroupChanged(chat, action, author, people, external_id, t, reason):
                meta = {"chatId": chat.id, "author": author, "externalId": external_id, "ts": t}
                self._push("group_changed", meta=meta, action=action, people=people, reason=reason)
            case Reacted() | Voted() | Edited() | Revoked():
                self._push_acts(database)
            case LoggedOut(gone, _, reason) if gone.id == device.id:
                self._log_out(reason)
            case MessageArrived():
                self._push_messages(database, fresh=True)
            case Decrypted(message):
                self._push("decrypted", record=database.record(message))
            case AckRaised(message, ack, participant):
                if ack < 0 or ack > 1 or message.answered or message.device != device.id:
                    self._push_ack(database, message.key, ack, participant)
            case SendRefused(refused, key, result, code) if refused.id == device.id:
                self._push("refused", key=key, result=result, failure=database.fail(key, code))
            case ChatChanged(chat):
                self._push("chat", chat=database.chat(chat))
            case ContactChanged(contact) if contact.saved:
                self._push("contact", contact=contact_record(contact))
            case CallChanged(call, outcome) if self._live:
                self._push("call", outcome=outcome, native=self._world.state.settings.native_calls, **asdict(call))
            case PresenceChanged(contact, kind, seen) if self._is_shown(contact):
                self._push("presence", pn=contact.pn, lid=contact.lid, type=kind, t=seen)
            case ProfileChanged():
                self._push("profile", **database.profile())

    def _is_shown(self, contact: Contact) -> bool:
        """Whether the service sends the presence of a contact: to a page that asked for it and is online itself."""
        available = self._database is not None and self._database.device.id in self._world.available
        return available and not self._followed.isdisjoint((contact.pn, contact.lid))

    def _reconnected(self, database: DeviceDatabase) -> None:
        if database.device.id not in self._world.linking.devices:
            self._log_out()
        elif self._live and self._has_missed_many(database.device):
            self._push("reload")
        elif self._live:
            self._resume(database)

    def _log_out(self, reason: LogoutReason | None = LogoutReason.USER_INITIATED) -> None:
        self._set_available(False)
        self._database = None
        self._push("logged_out", reason=reason)

    def _set_available(self, available: bool) -> None:
        if self._database:
            self._world.set_available(self._database.device.id, available=available)

    def _attach(self, device: Device, *, acts_wait: bool = False) -> None:
        self._database = DeviceDatabase(self._world, device)
        if self._world.online and self._has_missed_many(device):
            self._database.catch_up()
            for message, ack, _ in self._database.missed_acks():
                self._database.take_ack(message, ack)
        self._shown = device.delivered
        self._database.take_acts(later=acts_wait)

    def _has_missed_many(self, device: Device) -> bool:
        return len(self._world.state.messages) - device.delivered >= self._world.state.settings.blocking_resume

    def _resume(self, database: DeviceDatabase) -> None:
        """Push what the page missed while it was closed, loading or disconnected, or while the link was down."""
        self._push_messages(database, fresh=self._world.state.settings.announce_resumed)
        if database.acts_wait:
            seconds = self._world.state.settings.offline_acts_ms / 1000
            asyncio.get_running_loop().call_later(seconds, self._deliver_acts, database)
        else:
            self._push_acts(database)
        for message, ack, participant in database.missed_acks():
            self._push_ack(database, message.key, ack, participant)
        for chat in self._world.directory.chats.values():
            self._push("chat", chat=database.chat(chat))

    def _push_messages(self, database: DeviceDatabase, *, fresh: bool) -> None:
        database.catch_up()
        missed = self._world.state.messages[self._shown :]
        self._shown = len(self._world.state.messages)
        for message in missed:
            if message.device != database.device.id:
                record = database.record(message, fresh=fresh)
                self._push("message", record={**record, "notifyName": message.notify_name})

    def _push_acts(self, database: DeviceDatabase) -> None:
        """Push what was done to messages since the page was loaded. What was done before is in the database only."""
        for act in database.take_acts():
            message = act.message
            match act:
                case Reacted(_, author):
                    self._push("reacted", reaction=reaction_record(message, author))
                case Voted(_, voter):
                    self._push("voted", vote=vote_record(message, voter))
                case Edited():
                    self._push("edited", record=database.record(message))
                case Revoked(_, before, device):
                    own = device == database.device.id
                    self._push("revoked", before=before, own=own, record=database.record(message))

    def _deliver_acts(self, database: DeviceDatabase) -> None:
        self._push_acts(database)
        self._push("delivered")

    def _push_ack(self, database: DeviceDatabase, key: str, ack: int, participant: str | None) -> None:
        message = self._world.message(key)
        if message is not None:
            database.take_ack(message, ack)
            self._push(
                "ack",
                key=key,
                chat=message.chat,
                ack=ack,
                total=message.ack,
                participant=participant,
                t=message.t,
            )

    def _contents(self) -> Record:
        """The page's memory after a load."""
        if self._database is None:
            return {}
        return self._database.contents(self._world.state.settings.preview)

    async def _write(self) -> None:
        while True:
            await self._socket.send_text(json.dumps(await self._queue.get()))

    async def _read(self) -> None:
        while True:
            self._take(json.loads(await self._socket.receive_text(), object_hook=_valid_text))

    def _push(self, op: str, **fields: Any) -> None:
        self._queue.put_nowait({"op": op, **fields})

    def _take(self, frame: Record) -> None:
        if frame["op"] == "hello":
            self._hello(frame)
            return
        try:
            value = self._call(str(frame["op"]), frame)
        except (ServiceRefused, LookupFailed) as error:
            self._push("answer", call=frame["call"], error=str(error), status=error.status)
        except (EntryNotFound, InvalidRequest, ValueError) as error:
            self._push("answer", call=frame["call"], error=str(error))
        else:
            self._push("answer", call=frame["call"], value=value)

    def _hello(self, frame: Record) -> None:
        state = self._world.state
        common = {
            "now": self._world.now(),
            "account": {"pn": ACCOUNT, "lid": ACCOUNT_LID},
            "link": state.link_up,
            "trouble": state.trouble,
            "lid_migrated": state.settings.lid_migrated,
            "sync_ms": state.settings.sync_ms,
            "watched_ms": state.settings.watched_ms,
            "file_retry_ms": state.settings.file_retry_ms,
            "outdated": state.settings.always_outdated,
        }
        if not frame.get("device"):
            slot = self._world.linking.open_slot()
            self._slot = slot.id
            slot.keys = PageKeys(**frame["keys"])
            self._push("welcome", ref=slot.ref, ttl=slot.ttl_ms, qr_prefix=state.settings.qr_prefix, **common)
            return
        device = self._world.linking.log_in(str(frame["device"]), str(frame.get("secret")))
        if device is None:
            self._log_out()
        elif frame.get("resume"):
            self._database = DeviceDatabase(self._world, device)
            self._shown, self._live = device.delivered, True
            self._push("welcome", **common)
            if self._world.online:
                self._reconnected(self._database)
        else:
            acts_wait = state.settings.offline_acts_ms > 0
            self._attach(device, acts_wait=acts_wait)
            self._push("welcome", **common, delivered=not acts_wait, **self._contents())

    def _pair(self, slot: Slot, op: str, frame: Record) -> Any:
        linking = self._world.linking
        match op:
            case "keys":
                slot.keys = PageKeys(**frame["keys"])
            case "refresh_ref":
                linking.refresh(slot)
            case "link_code":
                return linking.link_code(slot, str(frame["phone"]))
            case "passkey_options":
                return linking.passkeys.options(slot.id)
            case "passkey_prologue":
                # what a browser writes into an answer that was made on this server's page
                linking.passkeys.take(slot.id, frame["assertion"], f"http://{RP_ID}:{self._socket.url.port}")
            case "passkey_confirm":
                linking.confirm_passkey(slot)
        return None

    def _call(self, op: str, frame: Record) -> Any:
        if self._slot and op in _PAIRING:
            return self._pair(self._world.linking.slots[self._slot], op, frame)
        database = self._database
        if database is None:
            raise EntryNotFound("This page is not logged in.")
        match op:
            case "find":
                return database.find(frame["anchor"], frame["count"], before=frame["before"])
            case "reactions" | "votes":
                return getattr(database, op)(frame.get("key"))
            case "indexed":
                return database.indexed(frame["field"], frame["above"])
            case "act":
                return self._world.acts.from_device(database.device, frame["kind"], frame)
            case "group":
                return self._world.groups.from_device(frame["kind"], frame["fields"])
            case "around":
                return database.around(frame["key"])
            case "ready":
                self._live = True
                if self._world.online:
                    self._resume(database)
            case "request_history":
                self._world.history.request(database.device, frame["chat"])
            case "open_chat":
                return database.chat(self._world.directory.open_chat(frame["address"]))
            case "write":
                database.write(frame["record"])
            case "transmit":
                self._world.transmit(database.device, frame["record"])
            case "exists":
                contact = self._world.directory.look_up(frame["address"])
                return contact_record(contact) if contact else None
            case "compose":
                self._world.compose(database.device.id, frame["chat"], typing=frame["typing"])
            case "presence":
                self._set_available(frame["available"] is True)
            case "mark_seen":
                self._world.mark_seen(frame["chat"])
            case "reach_out_lock":
                seconds = self._world.state.settings.reach_out_lock_s
                return None if seconds is None else (self._world.now() + seconds) * 1000
            case "new_chats_used":
                return self._world.state.settings.new_chats_used
            case "media_retry":
                return self._world.retry_media(frame["key"])
            case "logout":
                self._world.linking.log_out(database.device.id, by_device=True)
            case "follow":
                self._followed.add(frame["address"])
            case _:
                return account_call(self._world, op, frame)
        return None


def _valid_text(record: Record) -> Record:
    """Lone surrogates, which a page may send, become U+FFFD, as they do on WhatsApp's wire (UTF-8)."""
    return {
        name: value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if isinstance(value, str)
        else value
        for name, value in record.items()
    }
