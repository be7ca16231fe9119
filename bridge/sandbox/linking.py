"""How a browser becomes a linked device: rotating codes, the scan, the login, the log-out.

Pure. A *slot* is a page that shows a code; it is forgotten when the page goes away. A device outlives its pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .changes import LoggedOut, Paired, RefChanged, Tell
from .records import Device, State


class NobodyWaits(LookupError):
    """No page shows the code that was to be scanned."""


class NotLinked(LookupError):
    """No linked device has that id."""


@dataclass(slots=True)
class Slot:
    """A page that waits to be scanned."""

    id: str
    ref: str
    rotates_at: float


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
        """By id."""
        return self._state.devices

    def open_slot(self) -> Slot:
        """A page came that is not logged in."""
        slot = Slot(self._new_id(), "", 0.0)
        self.slots[slot.id] = slot
        self.rotate(slot)
        return slot

    def close_slot(self, slot: str) -> None:
        """The page went away."""
        self.slots.pop(slot, None)

    def rotate(self, slot: Slot) -> None:
        """Show another code."""
        slot.ref = f"2@{self._new_id()}{self._new_id()}"
        slot.rotates_at = self._now() + self._state.settings.ref_ttl_ms / 1000
        self._tell(RefChanged(slot.id, slot.ref))

    def scan(self, ref: str | None = None) -> Device:
        """The phone scans a code: this one, or the newest on show. Raises `NobodyWaits`."""
        shown = [s for s in self.slots.values() if ref in (None, s.ref)]
        if not shown:
            raise NobodyWaits("No page shows that code." if ref else "No page shows a code.")
        slot = shown[-1]
        del self.slots[slot.id]
        messages = self._state.messages
        device = Device(
            id=self._new_id(),
            secret=self._new_id(),
            name="Chrome (Linux)",
            paired_at=int(self._now()),
            history_to=len(messages),
            delivered=len(messages),
            acks={m.key: m.ack for m in messages if m.from_me},
        )
        self._state.devices[device.id] = device
        self._tell(Paired(slot.id, device))
        return device

    def log_in(self, device: str, secret: str) -> Device | None:
        """The device behind a login that a page kept, or null if it is not linked any more."""
        found = self._state.devices.get(device)
        return found if found and found.secret == secret else None

    def log_out(self, device: str, *, by_device: bool) -> None:
        """Unlink a device: from the phone, or by itself. Raises `NotLinked`."""
        gone = self._state.devices.pop(device, None)
        if gone is None:
            raise NotLinked(f"There is no linked device {device}.")
        self._tell(LoggedOut(gone, by_device))
