"""Linked devices: rotating QR codes, pairing, login, logout.

Pure. A *slot* is a page in pairing; it is removed when the page closes. A device outlives its pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge.contract.jid import Jid
from bridge.sandbox.changes import Listener, LoggedOut, Paired, RefChanged, Touched
from bridge.sandbox.records import ACCOUNT, Device, LogoutReason, State


class CodeNotShown(LookupError):
    """No page shows this code."""


class NotLinked(LookupError):
    """No linked device has that id."""


@dataclass(slots=True)
class Slot:
    """A page in pairing."""

    id: str
    ref: str
    rotates_at: float | None
    """None: it shows no QR code until it requests one."""
    shown: int = 0
    """QR codes shown since the page opened or requested new ones."""
    link_code: str | None = None
    """The pairing code to type on the phone, if the page requested one."""


class Linking:
    def __init__(self, state: State, now: Callable[[], float], new_id: Callable[[], str], notify: Listener) -> None:
        self._state = state
        self._now = now
        self._new_id = new_id
        self._notify = notify
        self.slots: dict[str, Slot] = {}

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

    def refresh(self, slot: Slot) -> None:
        """Show the page a new QR code and restart its count."""
        slot.shown = 0
        self.rotate(slot)

    def advance(self) -> None:
        """Rotate the QR codes that are due. After some unscanned codes a page shows none, as the real one does."""
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
        """When the next QR code is due; unix seconds."""
        return min((slot.rotates_at for slot in self.slots.values() if slot.rotates_at is not None), default=None)

    def rotate(self, slot: Slot) -> None:
        slot.shown += 1
        slot.ref = f"2@{self._new_id()}{self._new_id()}"
        slot.rotates_at = self._now() + self._state.settings.ref_ttl_ms / 1000
        self._notify(RefChanged(slot.id, slot.ref))

    def link_code(self, slot: Slot, phone: str) -> str:
        """A pairing code for the phone of this number. Raises `ValueError` for another number."""
        if phone != Jid.parse(ACCOUNT).user:
            raise ValueError(f"WhatsApp refuses {phone}: it is not this phone's number.")
        slot.link_code = self._new_id()[:8].upper()
        self._notify(Touched())
        return slot.link_code

    def type_code(self, code: str) -> Device:
        """Type a pairing code on the phone. Raises `CodeNotShown`."""
        normalized = code.replace("-", "").upper()
        slot = next((s for s in self.slots.values() if s.link_code == normalized), None)
        if slot is None:
            raise CodeNotShown("No page shows that pairing code.")
        return self._pair(slot)

    def scan(self, ref: str | None = None) -> Device:
        """Scan a QR code with the phone: this one, or the newest one shown. Raises `CodeNotShown`."""
        shown = [s for s in self.slots.values() if s.ref and ref in (None, s.ref)]
        if not shown:
            raise CodeNotShown("No page shows that QR code." if ref else "No page shows a QR code.")
        return self._pair(shown[-1])

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
