"""Commands on their way into the outbox: in order for each recipient, and none waits for another recipient's file."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any

import pytest

from bridge.contract.commands import CancelCommand, SendCommand, checked
from bridge.contract.kinds import Content
from bridge.contract.messages import Result
from tests.core.commands import ANA, BETO, command
from tests.core.conftest import SessionHarness
from tests.sample_files import PNG


class SlowFiles:
    """Keeps an inline file only once `go_on` is set, as a store across a slow network."""

    def __init__(self, files: Any) -> None:
        self._files = files
        self.go_on = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    async def keep(self, content: Content) -> Content:
        if content.kind == "image":
            await self.go_on.wait()
        kept: Content = await self._files.keep(content)
        return kept


@pytest.fixture
def slow() -> list[SlowFiles]:
    return []


async def start(harness: SessionHarness, slow: list[SlowFiles]) -> asyncio.Task[Result]:
    """A session in which the picture `p` to Ana is on its way into the outbox."""

    def around(files: Any) -> SlowFiles:
        slow.append(SlowFiles(files))
        return slow[-1]

    await harness.start(around_files=around)
    picture = checked(SendCommand, {"id": "p", "to": ANA, "image": {"data": b64encode(PNG).decode()}})
    task = asyncio.create_task(harness.submit(picture))
    await asyncio.sleep(0)
    return task


async def test_a_file_that_is_stored_slowly_holds_up_its_own_chat_only(
    harness: SessionHarness, slow: list[SlowFiles]
) -> None:
    picture = await start(harness, slow)
    behind = asyncio.create_task(harness.submit(command("Detrás", id="t")))
    other = await asyncio.wait_for(harness.submit(command("Hola", to=BETO, id="b")), 5)
    assert other.status == "accepted"
    assert not picture.done()
    assert not behind.done(), "claims of a chat keep the order of arrival"
    slow[0].go_on.set()
    assert [(await picture).status, (await behind).status] == ["accepted", "accepted"]
    rows = [await harness.store.outbox.get(name) for name in ("b", "p", "t")]
    assert [row.number for row in rows if row is not None] == [1, 2, 3]


async def test_what_names_a_command_on_its_way_comes_behind_it(harness: SessionHarness, slow: list[SlowFiles]) -> None:
    picture = await start(harness, slow)
    revoke = asyncio.create_task(harness.submit(checked(SendCommand, {"id": "r", "revoke": {"command_id": "p"}})))
    taken_back = asyncio.create_task(harness.outbound.cancel(checked(CancelCommand, {"cancel": "p"})))
    await harness.submit(command(to=BETO, id="b"))
    assert not any(task.done() for task in (picture, revoke, taken_back))
    slow[0].go_on.set()
    accepted = await revoke
    assert (accepted.status, accepted.to) == ("accepted", ANA)
    cancelled = await taken_back
    assert (cancelled.id, cancelled.status) == ("p", "failed")
