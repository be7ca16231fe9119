"""Linked devices: rotating QR codes, pairing codes, login, logout.

Pure. A *slot* is a page in pairing; it is removed when the page closes. A device outlives its pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge.contract.jid import Jid
from bridge.sandbox.changes import (
    CodeAnswered,
    Listener,
    LoggedOut,
    Paired,
    RefChanged,
    Touched,
)
from bridge.sandbox.passkey import PasskeyAsked, Passkeys
from bridge.sandbox.records import ACCOUNT, Device, LogoutReason, State

#: The fifth field of a QR code: the page says that it is Chrome.
PLATFORM = "1"
#: Before the fields, if the account's switches say so: a phone's own camera then opens WhatsApp.
PREFIX = "https://wa.me/settings/linked_devices#"
#: Answers of the phone that a page takes for one pairing code.
ANSWERS = 3


class CodeNotShown(LookupError):
    """No page shows this code, or it is no longer valid."""


@dataclass(frozen=True, slots=True)
class PageKeys:
    """The keys that a page puts into its QR code, in Base64. `secret` is None while the page has none."""

    noise: str
    identity: str
    secret: str | None


class NotLinked(LookupError):
    """No linked device has that id."""


@dataclass(slots=True)
class Slot:
    """A page in pairing."""

    id: str
    ref: str
    rotates_at: float | None
    """None: it shows no QR code until it requests one."""
    ttl_ms: int = 0
    shown: int = 0
    """QR codes shown since the page opened or requested new ones."""
    keys: PageKeys | None = None
    """None: the page has not named them (there is no page, in a test of the world alone)."""
    link_code: str | None = None
    """The pairing code to type on the phone, if the page requested one."""
    link_code_until: float = 0.0
    answers: int = 0

    @property
    def scannable(self) -> bool:
        """Whether it shows a QR code that a phone can use: a pairing code takes the secret out of it."""
        return bool(self.ref) and (self.keys is None or self.keys.secret is not None)

    @property
    def qr_text(self) -> str | None:
        """The five fields of the QR code that it shows."""
        if self.keys is None or self.keys.secret is None or not self.ref:
            return None
        return f"{self.ref},{self.keys.noise},{self.keys.identity},{self.keys.secret},{PLATFORM}"


class Linking:
    def __init__(self, state: State, now: Callable[[], float], new_id: Callable[[], str], notify: Listener) -> None:
        self._state = state
        self._now = now
        self._new_id = new_id
        self._notify = notify
        self.slots: dict[str, Slot] = {}
        self.passkeys = Passkeys(state, now, new_id, notify)

    @property
    def devices(self) -> dict[str, Device]:
        return self._state.devices

    def open_slot(self) -> Slot:
        """For a new page without a login."""
        slot = Slot(self._new_id(), "", None)
        self.slots[slot.id] = slot
        self.refresh(slot)
        return slot

    def close_slot(self, slot: str) -> None:
        self.slots.pop(slot, None)
        self.passkeys.cancel(slot)

    def refresh(self, slot: Slot) -> None:
        """The page starts its pairing again: a new QR code, a new count, no pairing code."""
        slot.shown, slot.link_code = 0, None
        self.passkeys.cancel(slot.id)
        self.rotate(slot)

    def advance(self) -> None:
        """Rotate the QR codes that are due. After some unscanned codes a page shows none, as the real one does."""
        self.passkeys.advance()
        now = self._now()
        for slot in list(self.slots.values()):
            if slot.rotates_at is None or slot.rotates_at > now:
                continue
            if slot.shown < self._state.settings.refs_before_idle:
                self.rotate(slot)
            else:
                slot.ref, slot.rotates_at = "", None
                self._notify(RefChanged(slot.id, None))

    def next_due(self) -> float | None:
        """When the next QR code, or the phone's answer to a passkey, is due; unix seconds."""
        times = [slot.rotates_at for slot in self.slots.values()] + [self.passkeys.next_due()]
        return min((at for at in times if at is not None), default=None)

    def rotate(self, slot: Slot) -> None:
        settings = self._state.settings
        slot.shown += 1
        slot.ref = f"2@{self._new_id()}{self._new_id()}"
        slot.ttl_ms = settings.first_ref_ttl_ms if slot.shown == 1 else settings.ref_ttl_ms
        slot.rotates_at = self._now() + slot.ttl_ms / 1000
        self._notify(RefChanged(slot.id, slot.ref, slot.ttl_ms))

    def link_code(self, slot: Slot, phone: str) -> str:
        """A pairing code for the phone of this number. Raises `ValueError` for another number."""
        if phone != Jid.parse(ACCOUNT).user:
            raise ValueError(f"WhatsApp refuses {phone}: it is not this phone's number.")
        slot.link_code, slot.answers = self._new_id()[:8].upper(), 0
        slot.link_code_until = self._now() + self._state.settings.link_code_ttl_ms / 1000
        self._notify(Touched())
        return slot.link_code

    def type_code(self, code: str) -> Device:
        """Type a pairing code on the phone. Raises `CodeNotShown`, or `PasskeyAsked`.

        The service does not know the code: the phone's answer goes to the page that waits for this number. A wrong one
        counts there, and an answer after the code's time ends it.
        """
        normalized = code.replace("-", "").upper()
        waiting = [slot for slot in self.slots.values() if slot.link_code is not None]
        for slot in waiting:
            slot.answers += 1
            if self._now() > slot.link_code_until or slot.answers > ANSWERS:
                slot.link_code = None
            self._notify(CodeAnswered(slot.id, ended=slot.link_code is None))
            if slot.link_code == normalized:
                return self._accept(slot)
        raise CodeNotShown("No page shows that pairing code.")

    def scan(self, code: str | None = None) -> Device:
        """Scan a QR code: this one (its whole text, or its first field), or the newest one shown.

        Raises `CodeNotShown`, too if the text is not that of its page: five fields, with the page's present secret;
        or `PasskeyAsked`.
        """
        ref, _, rest = (code or "").removeprefix(PREFIX).partition(",")
        shown = [slot for slot in self.slots.values() if slot.scannable and ref in ("", slot.ref)]
        if not shown:
            raise CodeNotShown("No page shows that QR code." if code else "No page shows a QR code.")
        slot = shown[-1]
        if rest and f"{ref},{rest}" != slot.qr_text:
            raise CodeNotShown("This is not a valid QR code.")
        return self._accept(slot)

    def confirm_passkey(self, slot: Slot) -> None:
        """The page has passed the passkey step. Raises `PasskeyRefused`."""
        self.passkeys.confirm(slot.id)
        self._pair(slot)

    def _accept(self, slot: Slot) -> Device:
        if self._state.settings.passkey:
            self.passkeys.request(slot.id)
            raise PasskeyAsked("Continue on your other device: this account asks for its passkey there.")
        return self._pair(slot)

    def _pair(self, slot: Slot) -> Device:
        del self.slots[slot.id]
        messages, settings = self._state.messages, self._state.settings
        device = Device(
            id=self._new_id(),
            secret=self._new_id(),
            name="Chrome (Linux)",
            paired_at=int(self._now()),
            history_to=len(messages),
            withheld=len(messages) if settings.history_waits or settings.history_page else 0,
            next_page_at=self._now() if settings.history_page and not settings.history_waits else None,
            delivered=len(messages),
            acks={m.key: m.ack for m in messages if m.from_me},
        )
        self._state.devices[device.id] = device
        self._notify(Paired(slot.id, device))
        return device

    def log_in(self, device: str, secret: str) -> Device | None:
        """The device of a stored login; None if it is no longer linked."""
        found = self._state.devices.get(device)
        return found if found and found.secret == secret else None

    def log_out(
        self,
        device: str,
        *,
        by_device: bool = False,
        reason: LogoutReason | None = LogoutReason.USER_INITIATED,
    ) -> None:
        """Unlink a device: from the phone, by the service, or by itself. Raises `NotLinked`."""
        unlinked = self._state.devices.pop(device, None)
        if unlinked is None:
            raise NotLinked(f"There is no linked device {device}.")
        self._notify(LoggedOut(unlinked, by_device, reason))
