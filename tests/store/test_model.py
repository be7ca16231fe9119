"""The outbox and the cursors against a model in plain dictionaries, in any order of calls and restarts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bridge.contract.lifecycle import FINAL, SendState, may_follow
from bridge.contract.messages import Stream
from bridge.ports import CommandOrigin, IllegalSendStep
from bridge.store import SessionStore, open_store
from tests.store.samples import claim, origin, result, step

IDS = st.sampled_from(["one", "two", "three"])
TEXTS = st.sampled_from(["hola", "chau"])
READERS = st.sampled_from(["mqtt", "webhook"])


class StoreAndModel(RuleBasedStateMachine):
    """One store; `commands`, `cursors` and `origins` are what it should hold."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.commands: dict[str, tuple[str, SendState]] = {}
        self.cursors: dict[str, int] = {}
        self.settled: dict[str, set[int]] = {}
        self.origins: dict[str, tuple[int, int]] = {}  # of commands without id, in claim order: packet id, connection
        self.length = 0
        self.made = 0

    @initialize()
    def open(self) -> None:
        self.context = open_store(Path(self.folder.name) / "store.db", now=lambda: 0.0)
        self.store: SessionStore = self.runner.run(self.context.__aenter__())

    @rule()
    def restart(self) -> None:
        self.runner.run(self.context.__aexit__(None, None, None))
        self.open()

    @rule(command_id=IDS, text=TEXTS)
    def claim(self, command_id: str, text: str) -> None:
        known = self.commands.get(command_id)
        claimed = self.runner.run(self.store.outbox.claim(claim(command_id, text), result()))
        assert claimed.fresh == (known is None)
        assert claimed.conflict == (known is not None and known[0] != text)
        if known is None:
            self.commands[command_id] = text, SendState.ACCEPTED

    @rule(packet_id=st.integers(1, 2), connection=st.integers(1, 4), dup=st.booleans())
    def claim_without_id(self, packet_id: int, connection: int, dup: bool) -> None:
        self.made += 1
        came: CommandOrigin = origin(connection, dup=dup, packet_id=packet_id)
        equal = [
            made
            for made, where in self.origins.items()
            if where in ((packet_id, connection - 1), (packet_id, connection))
        ]
        expected = equal[-1] if dup and equal else f"made-{self.made}"
        claimed = self.runner.run(self.store.outbox.claim(claim(f"made-{self.made}", origin=came), result()))
        assert claimed.row.claim.id == expected
        assert claimed.fresh == (expected not in self.origins)
        self.origins[expected] = packet_id, connection
        self.commands.setdefault(expected, ("hola", SendState.ACCEPTED))

    @rule(command_id=IDS, state=st.sampled_from(SendState))
    def change(self, command_id: str, state: SendState) -> None:
        if command_id not in self.commands:
            return
        row = self.runner.run(self.store.outbox.get(command_id))
        assert row is not None
        text, before = self.commands[command_id]
        if may_follow(before, state):
            self.runner.run(self.store.outbox.change(row.number, step(state)))
            self.commands[command_id] = text, state
        else:
            with pytest.raises(IllegalSendStep):
                self.runner.run(self.store.outbox.change(row.number, step(state)))

    @rule()
    def append_event(self) -> None:
        self.length += 1
        assert self.runner.run(self.store.journal.append_event("{}")) == self.length

    @rule(reader=READERS, seq=st.integers(0, 6))
    def move_cursor(self, reader: str, seq: int) -> None:
        moving = self.store.journal.move_cursor(reader, Stream.EVENT, seq)
        if seq > self.length:
            with pytest.raises(ValueError, match="the last is"):
                self.runner.run(moving)
        else:
            self.runner.run(moving)
            self._cursor_is(reader, seq)

    @rule(reader=READERS, seq=st.integers(1, 6), upto=st.integers(0, 6))
    def settle(self, reader: str, seq: int, upto: int) -> None:
        settling = self.store.journal.settle(reader, Stream.EVENT, seq, upto)
        if max(seq, upto) > self.length:
            with pytest.raises(ValueError, match="the last is"):
                self.runner.run(settling)
        else:
            self.runner.run(settling)
            self.settled.setdefault(reader, set()).add(seq)
            self._cursor_is(reader, upto)

    @rule(reader=READERS)
    def forget_cursor(self, reader: str) -> None:
        self.runner.run(self.store.journal.forget_cursor(reader))
        self.cursors.pop(reader, None)
        self.settled.pop(reader, None)

    def _cursor_is(self, reader: str, seq: int) -> None:
        self.cursors[reader] = max(seq, self.cursors.get(reader, 0))

    @invariant()
    def the_store_holds_what_the_model_holds(self) -> None:
        if not hasattr(self, "store"):
            return
        for command_id, (text, state) in self.commands.items():
            row = self.runner.run(self.store.outbox.get(command_id))
            assert row is not None
            assert (row.claim.content.summary, row.state) == (text, state)
        open_ids = [command_id for command_id, (_, state) in self.commands.items() if state not in FINAL]
        assert [row.claim.id for row in self.runner.run(self.store.outbox.open_rows())] == open_ids
        assert self.store.outbox.open_count == len(open_ids)
        for reader in ("mqtt", "webhook"):
            reached = self.cursors.get(reader, 0)
            assert self.runner.run(self.store.journal.cursor(reader, Stream.EVENT)) == reached
            beyond = self.runner.run(self.store.journal.settled(reader, Stream.EVENT))
            assert {seq for seq in beyond if seq > reached} == {
                seq for seq in self.settled.get(reader, ()) if seq > reached
            }

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.runner.run(self.context.__aexit__(None, None, None))
        self.runner.close()
        self.folder.cleanup()


TestStoreAndModel = StoreAndModel.TestCase
TestStoreAndModel.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
