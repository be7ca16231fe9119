"""Reading ahead changes when bytes are fetched, not what a reader gets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from bridge.broker.readahead import AHEAD, ReadAhead


class CountingSocket:
    """A socket whose reads are counted."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.reads = 0

    def recv(self, size: int) -> bytes:
        self.reads += 1
        return self._sock.recv(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class TlsLikeSocket(CountingSocket):
    """Like TLS: has received a whole record, of which only a part has been read."""

    def pending(self) -> int:
        return 7


@pytest.fixture
def ends() -> Iterator[tuple[CountingSocket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield CountingSocket(ours), theirs


def test_packets_that_arrive_together_cost_one_read(ends: tuple[CountingSocket, socket.socket]) -> None:
    ours, theirs = ends
    ahead = ReadAhead(ours)
    theirs.sendall(b"\x40\x02\x00\x01" * 100)
    for _ in range(100):
        assert (ahead.recv(1), ahead.recv(1), ahead.recv(2)) == (b"\x40", b"\x02", b"\x00\x01")
    assert ours.reads == 1


def test_bytes_read_ahead_are_pending_until_taken(ends: tuple[CountingSocket, socket.socket]) -> None:
    ours, theirs = ends
    ahead = ReadAhead(ours)
    theirs.sendall(b"abcdef")
    assert ahead.pending() == 0  # the socket itself shows those
    ahead.recv(2)
    assert ahead.pending() == 4
    assert ahead.recv(10) == b"cdef"
    assert ahead.pending() == 0


def test_bytes_buffered_by_the_socket_are_pending_too(ends: tuple[CountingSocket, socket.socket]) -> None:
    ours, theirs = ends
    ahead = ReadAhead(TlsLikeSocket(ours._sock))
    theirs.sendall(b"abc")
    ahead.recv(1)
    assert ahead.pending() == 2 + 7


def test_no_data_and_the_end_are_reported_as_by_the_socket(ends: tuple[CountingSocket, socket.socket]) -> None:
    ours, theirs = ends
    ahead = ReadAhead(ours)
    with pytest.raises(BlockingIOError):
        ahead.recv(1)
    theirs.sendall(b"x")
    theirs.shutdown(socket.SHUT_WR)
    assert [ahead.recv(1), ahead.recv(1), ahead.recv(1)] == [b"x", b"", b""]


def test_a_large_read_bypasses_the_buffer_and_keeps_the_order(ends: tuple[CountingSocket, socket.socket]) -> None:
    ours, theirs = ends
    ahead = ReadAhead(ours)
    sent = bytes(range(256)) * (AHEAD // 256) + b"tail"
    theirs.sendall(sent)
    got = ahead.recv(3)
    while len(got) < len(sent):
        got += ahead.recv(2 * AHEAD)
    assert got == sent
    assert ahead.fileno() == ours.fileno()


@pytest.mark.parametrize("kept", [10, 3 * AHEAD])
def test_a_packet_over_the_limit_is_cut_and_the_next_one_is_whole(
    ends: tuple[CountingSocket, socket.socket], kept: int
) -> None:
    ours, theirs = ends
    sizes: list[int] = []
    ahead = ReadAhead(ours, sizes.append, longest=kept)
    packet = b"k" * kept + b"d" * (2 * AHEAD)
    theirs.sendall(packet[:-5])
    got = ahead.recv(len(packet))
    while len(got) < kept:
        got += ahead.recv(kept - len(got))
    assert (got, sizes) == (b"k" * kept, [len(packet)])
    with pytest.raises(BlockingIOError):
        ahead.recv(1)
    theirs.sendall(packet[-5:] + b"next")
    assert (ahead.recv(1), ahead.recv(3)) == (b"n", b"ext")
    assert ahead.pending() == 0


def test_pubacks_that_come_next_are_taken_together(ends: tuple[CountingSocket, socket.socket]) -> None:
    ours, theirs = ends
    ahead = ReadAhead(ours)
    publish = b"\x30\x05\x00\x03a/bc"
    theirs.sendall(b"\x40\x02\x00\x01\x40\x02\x00\x02\x40\x02\x01\x00" + publish + b"\x40\x02\x00\x03\x40\x02\x00")
    assert ahead.take_pubacks() == []  # nothing was read yet
    assert ahead.recv(4) == b"\x40\x02\x00\x01"
    assert ahead.take_pubacks() == [2, 256]
    assert ahead.take_pubacks() == []
    assert ahead.recv(len(publish)) == publish
    assert ahead.take_pubacks() == [3]
    assert ahead.take_pubacks() == []  # the last one is not complete
    theirs.sendall(b"\x04")
    assert ahead.recv(3) == b"\x40\x02\x00"
    assert ahead.recv(1) == b"\x04"


def test_a_puback_with_a_reason_is_left_to_the_library(ends: tuple[CountingSocket, socket.socket]) -> None:
    ours, theirs = ends
    ahead = ReadAhead(ours)
    theirs.sendall(b"\x40\x02\x00\x01\x40\x03\x00\x02\x87")
    ahead.recv(4)
    assert ahead.take_pubacks() == []
    assert ahead.recv(5) == b"\x40\x03\x00\x02\x87"
