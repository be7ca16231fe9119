"""How a browser becomes a linked device: rotating codes, the scan, the login, the log-out.

Pure. A *slot* is a page that shows a code; it is forgotten when the page goes away. A device outlives its pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge.contract.jid import Jid
from bridge.sandbox.changes import ChatChanged, LoggedOut, Paired, RefChanged, Tell, Touched
from bridge.sandbox.records import ACCOUNT, Device, State


class NobodyWaits(LookupError):
    """No page shows the code that was to be scanned."""


class NotLinked(LookupError):
    """No linked device has that id."""


@dataclass(slots=True)
class Slot:
    """A page that waits to be scanned."""

    id: str
    ref: str
    rotates_at: float | None
    """Null: it shows no code until it is asked to."""
    shown: int = 0
    """Codes shown since the page came or asked."""
    link_code: str | None = None
    """The code to type on the phone, if the page asked for one."""


class Linking:
    """The codes on show and the linked devices."""

    def __init__(self, state: State, now: Callable[[], float], new_id: Callable[[], str], tell: Tell) -> None:
        self._state = state
        self._now = now
        self._new_id = new_id
        self._tell = tell
        self.slots: dict[str, Slot] = {}

    @property
    def devices(self) -> dict[str, Device]:
        return self._state.devices

    def open_slot(self) -> Slot:
        """A page came that is not logged in."""
        slot = Slot(self._new_id(), "", None)
        self.slots[slot.id] = slot
        self.refresh(slot)
        return slot

    def close_slot(self, slot: str) -> None:
        """The page went away."""
        self.slots.pop(slot, None)

    def refresh(self, slot: Slot) -> None:
        """The page asks for codes, for the first time or again."""
        slot.shown = 0
        self.rotate(slot)

    def advance(self) -> None:
        """Rotate what is due; a page that nobody scans gives up after some codes, as the real one does."""
        now = self._now()
        for slot in list(self.slots.values()):
            if slot.rotates_at is None or slot.rotates_at > now:
                continue
            if slot.shown < self._state.settings.refs_before_idle:
                self.rotate(slot)
            else:
                slot.ref, slot.rotates_at = "", None
                self._tell(RefChanged(slot.id, None))

    def next_due(self) -> float | None:
        """When the next code is due; unix seconds."""
        return min((slot.rotates_at for slot in self.slots.values() if slot.rotates_at is not None), default=None)

    def rotate(self, slot: Slot) -> None:
        slot.shown += 1
        slot.ref = f"2@{self._new_id()}{self._new_id()}"
        slot.rotates_at = self._now() + self._state.settings.ref_ttl_ms / 1000
        self._tell(RefChanged(slot.id, slot.ref))

    def link_code(self, slot: Slot, phone: str) -> str:
        """The page asks for a code that is typed on the phone of this number. Raises `ValueError`."""
        if phone != Jid.parse(ACCOUNT).user:
            raise ValueError(f"WhatsApp refuses {phone}: that is not this phone's number.")
        slot.link_code = self._new_id()[:8].upper()
        self._tell(Touched())
        return slot.link_code

    def type_code(self, code: str) -> Device:
        """The owner types a link code on the phone. Raises `NobodyWaits`."""
        wanted = code.replace("-", "").upper()
        slot = next((s for s in self.slots.values() if s.link_code == wanted), None)
        if slot is None:
            raise NobodyWaits("No page shows that link code.")
        return self._pair(slot)

    def scan(self, ref: str | None = None) -> Device:
        """The phone scans a code: this one, or the newest on show. Raises `NobodyWaits`."""
        shown = [s for s in self.slots.values() if s.ref and ref in (None, s.ref)]
        if not shown:
            raise NobodyWaits("No page shows that code." if ref else "No page shows a code.")
        return self._pair(shown[-1])

    def _pair(self, slot: Slot) -> Device:
        del self.slots[slot.id]
        messages = self._state.messages
        device = Device(
            id=self._new_id(),
            secret=self._new_id(),
            name="Chrome (Linux)",
            paired_at=int(self._now()),
            history_to=len(messages),
            withheld=len(messages) if self._state.settings.history_waits else 0,
            delivered=len(messages),
            acks={m.key: m.ack for m in messages if m.from_me},
        )
        self._state.devices[device.id] = device
        self._tell(Paired(slot.id, device))
        return device

    def send_history(self) -> None:
        """The phone sends its devices what they lack of the time before their pairing. Nothing announces a message."""
        for device in self.devices.values():
            device.withheld = 0
        for chat in self._state.chats.values():
            self._tell(ChatChanged(chat))

    def log_in(self, device: str, secret: str) -> Device | None:
        """The device behind a login that a page kept, or null if it is not linked any more."""
        found = self._state.devices.get(device)
        return found if found and found.secret == secret else None

    def log_out(self, device: str, *, by_device: bool = False) -> None:
        """Unlink a device: from the phone, or by itself. Raises `NotLinked`."""
        gone = self._state.devices.pop(device, None)
        if gone is None:
            raise NotLinked(f"There is no linked device {device}.")
        self._tell(LoggedOut(gone, by_device))
