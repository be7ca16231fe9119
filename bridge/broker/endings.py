"""What the ends of a client's connections say about their cause: a packet that is too large, or a second client.

MQTT 3.1.1 has no reason for an end: the broker just closes the connection. A packet that it does not take is published
again after each reconnect, and two clients with one id end each other's connections, both without end. Pure.
"""

from __future__ import annotations

from collections import deque

#: Smaller packets are never taken to be too large: no broker in use has a limit below this (bytes).
SMALLEST_LIMIT = 4096
#: Ends with the same largest unacknowledged packet after which that packet is taken to be too large, among the newest
#: ends in a row: the streams of a client may stand at a large packet each, and end it in turn.
ENDS_FOR_A_LIMIT, ENDS_IN_A_ROW = 3, 9
#: Ends in a row, each within `QUICK` seconds of connecting, that are reported.
ENDS_FOR_A_REPORT = 3
QUICK = 30.0


class ConnectionEndings:
    """The connections of one client id, in order. `packet_limit`: bytes that the broker takes, None = unknown.
    `granted`: the topic filters that one of them was allowed to subscribe to."""

    def __init__(self, client_id: str) -> None:
        self.packet_limit: int | None = None
        self.granted: set[str] = set()
        self._client_id = client_id
        self._largest: deque[int] = deque(maxlen=ENDS_IN_A_ROW)
        self._quick = 0

    def not_connected(self) -> None:
        """An attempt failed: the broker or the network is down, so that the ends before it prove nothing."""
        self._largest.clear()
        self._quick = 0

    def ended(self, lived: float, largest: int) -> str | None:
        """The other side ended a connection after `lived` seconds; returns what the operator should know, if anything.

        `largest`: bytes of the largest packet without a PUBACK at that moment.
        """
        if largest >= SMALLEST_LIMIT:
            self._quick = 0
            return self._ended_at_a_large_packet(largest)
        self._largest.clear()
        self._quick = self._quick + 1 if lived < QUICK else 0
        # once more after each hundred: the log of a week must still say it
        if self._quick % 100 != ENDS_FOR_A_REPORT:
            return None
        return (
            f"The broker has ended the connection of the client {self._client_id!r} {self._quick} times, each time"
            f" within {QUICK:g} s. Another client uses this id: two bridges with one WA_INSTANCE or one session, or a"
            " copy of this machine."
        )

    def _ended_at_a_large_packet(self, largest: int) -> str | None:
        self._largest.append(largest)
        if self._largest.count(largest) < ENDS_FOR_A_LIMIT:
            return None
        self._largest.clear()
        # Limits are powers of two nearly everywhere. One below the packet would cost several ends for each packet that
        # is a little smaller.
        self.packet_limit = 1 << ((largest - 1).bit_length() - 1)
        return (
            f"The broker ended {ENDS_FOR_A_LIMIT} connections at a packet of {largest:,} bytes. Packets above"
            f" {self.packet_limit:,} bytes are no longer published to it."
        )
