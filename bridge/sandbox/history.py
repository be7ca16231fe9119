"""The history that the phone sends to its linked devices: in pages after a pairing, and more of a chat on request.

Pure. A page appears in the device's database; no event announces its messages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bridge.sandbox.changes import ChatChanged, Listener, Touched
from bridge.sandbox.records import Device, HistoryRequest, State

#: Messages that one request brings.
REQUESTED = 50


class PhoneHistory:
    """`positions` gives those of a chat's messages, oldest first."""

    def __init__(
        self, state: State, now: Callable[[], float], positions: Callable[[str], Sequence[int]], notify: Listener
    ) -> None:
        self._state = state
        self._now = now
        self._positions = positions
        self._notify = notify

    def send_all(self) -> None:
        """Send the devices all messages from before their pairing."""
        for device in self._state.devices.values():
            device.withheld, device.next_page_at = 0, None
        self._show_chats()

    def request(self, device: Device, chat: str) -> None:
        """A device requests older messages of a chat. A phone that is off does not answer."""
        at = self._now() + self._state.settings.history_pause_ms / 1000
        device.requests.append(HistoryRequest(at=at, chat=chat))
        self._notify(Touched())

    def next_due(self) -> float | None:
        """When the phone sends something next; unix seconds."""
        if not self._state.settings.phone_on:
            return None
        return min((at for device in self._state.devices.values() for at in _due_times(device)), default=None)

    def advance(self) -> None:
        """Send what is due."""
        if not self._state.settings.phone_on:
            return
        now = self._now()
        for device in self._state.devices.values():
            if device.next_page_at is not None and device.next_page_at <= now:
                self._send_page(device)
            for request in [request for request in device.requests if request.at <= now]:
                device.requests.remove(request)
                held = [p for p in self._positions(request.chat) if not device.has(request.chat, p)]
                if older := [p for p in held if p < device.delivered][-REQUESTED:]:
                    device.requested[request.chat] = older[0]

    def _send_page(self, device: Device) -> None:
        settings = self._state.settings
        device.withheld = max(0, device.withheld - (settings.history_page or 0))
        device.pages_sent += 1
        is_last = device.withheld == 0 or device.pages_sent == settings.history_pages
        device.next_page_at = None if is_last else self._now() + settings.history_pause_ms / 1000
        self._show_chats()

    def _show_chats(self) -> None:
        for chat in self._state.chats.values():
            self._notify(ChatChanged(chat))


def _due_times(device: Device) -> list[float]:
    pages = [] if device.next_page_at is None else [device.next_page_at]
    return pages + [request.at for request in device.requests]
