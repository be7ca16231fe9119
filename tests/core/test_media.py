"""Files of received messages: reported at once, downloaded beside, `ready` in the commit that reports it."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.backoff import Backoff
from bridge.contract.errors import InternalError, MessageNotFound
from bridge.contract.kinds.media import Media
from bridge.contract.messages import Stream
from bridge.core.download_pace import LONGEST, DownloadPace
from bridge.core.inbound import InboundPipeline
from bridge.core.media_downloads import DownloadLimits, MediaDownloads
from bridge.core.media_links import MediaLinks
from bridge.core.media_policy import MediaMode, MediaPolicy
from bridge.core.people import People
from bridge.core.shared_media import SharedMedia, Storing
from bridge.drivers.scripted import ScriptedDriver
from bridge.ports import IncomingMessage, MediaGone, StoreUnusable
from bridge.store.media_files import MediaFiles
from tests.core.commands import ANA
from tests.core.conftest import HERE, SessionHarness

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"
LIMITS = DownloadLimits(attempts=3, pauses=Backoff(first=1.0, limit=1.0), unavailable=1.0)


def file_of(size: int = 1000, seed: int = 1) -> bytes:
    return JPEG + random.Random(seed).randbytes(size - len(JPEG))


class MediaRig:
    """A session with its downloads; both are ended and started again as by a kill."""

    def __init__(self, harness: SessionHarness, folder: Path, policy: MediaPolicy) -> None:
        self.harness = harness
        self.shared = SharedMedia(MediaFiles(folder / "media"), policy, MediaLinks("http://localhost:3011", b"secret"))
        self.folder = folder
        self.downloads: MediaDownloads
        self._task: asyncio.Task[None] | None = None

    async def start(self, *, around_queue: Callable[[Any], Any] = lambda queue: queue) -> None:
        harness = self.harness
        await harness.start()
        inbound = harness.session._inbound
        assert isinstance(inbound, InboundPipeline)
        inbound._media = self.shared.policy
        people = People("haby", harness.store.people, harness.store.memory, harness.clock.now)
        driver = harness.session._driver
        assert isinstance(driver, ScriptedDriver)
        self.downloads = downloads = MediaDownloads(
            *("haby", around_queue(harness.store.media), driver, self.shared, harness.session.view, people),
            *(harness.clock, lambda: 0.5, LIMITS),
        )
        self._task = asyncio.create_task(downloads.run(), name="downloads under test")

    async def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled() and (error := self._task.exception()):
                raise error
        await self.harness.end()

    def incoming(self, content: bytes | None, chat: str = ANA, **fields: Any) -> IncomingMessage:
        known = {"mimetype": "image/jpeg"} | fields
        if content is not None:
            known = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()} | known
        message = self.harness.phone.incoming(chat, "", type="image", media=Media(**known))
        if content is not None:
            self.harness.phone.files[message.key.id] = content
        return message

    async def events(self, count: int) -> list[dict[str, Any]]:
        found = await self.harness.stream(Stream.EVENT, count)
        return [event for event in found if event["kind"] == "media"]

    async def stored(self, sha256: str) -> bytes:
        return b"".join([part async for part in self.shared.store.read(sha256)])


@pytest.fixture
def policy() -> MediaPolicy:
    return MediaPolicy()


@asynccontextmanager
async def media_rig(harness: SessionHarness, folder: Path, policy: MediaPolicy) -> AsyncIterator[MediaRig]:
    rig = MediaRig(harness, folder, policy)
    try:
        yield rig
    finally:
        await rig.end()


@pytest.fixture
async def rig(harness: SessionHarness, tmp_path: Path, policy: MediaPolicy) -> AsyncIterator[MediaRig]:
    async with media_rig(harness, tmp_path, policy) as rig:
        await rig.start()
        yield rig


async def test_a_file_is_published_pending_and_then_ready(rig: MediaRig) -> None:
    release = asyncio.Event()

    async def downloading() -> None:
        await release.wait()

    rig.harness.phone.downloading = downloading
    content = file_of()
    message = rig.incoming(content, filename="foto.jpg")
    (published,) = await rig.harness.stream(Stream.IN, 1)
    assert published["media"]["state"] == "pending"
    release.set()
    (event,) = await rig.events(1)
    sha256 = hashlib.sha256(content).hexdigest()
    assert event["message_id"] == message.id == published["id"]
    assert (event["state"], event["sha256"], event["size"]) == ("ready", sha256, 1000)
    assert (event["mimetype"], event["filename"], event["chat"]) == ("image/jpeg", "foto.jpg", ANA)
    assert event["person"] == published["person"]
    assert event["url"].startswith(f"http://localhost:3011/v1/media/{sha256}?")
    assert await rig.stored(sha256) == content


async def test_a_replay_shows_what_is_known_then(rig: MediaRig) -> None:
    rig.incoming(file_of())
    rig.harness.phone.own(ANA, "", type="image", media=Media(mimetype="image/jpeg", size=3, sha256=None))
    await rig.events(3)
    for _ in range(2):  # from memory, then from the file
        (message,) = await rig.harness.stream(Stream.IN, 1)
        assert message["media"]["state"] == "ready"
        own = next(event for event in await rig.harness.stream(Stream.EVENT, 3) if event["kind"] == "own_message")
        assert own["message"]["media"]["state"] == "expired"
        rig.harness.store.journal.reread()


async def test_the_newest_comes_first_and_few_at_once(rig: MediaRig) -> None:
    release, running, most = asyncio.Event(), 0, 0

    async def downloading() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await release.wait()
        running -= 1

    rig.harness.phone.downloading = downloading
    first = [rig.incoming(file_of(seed=number)) for number in range(LIMITS.concurrent)]
    await rig.harness.until(lambda: running == LIMITS.concurrent)
    later = [rig.incoming(file_of(seed=number)) for number in range(100, 110)]
    await rig.harness.stream(Stream.IN, 13)
    release.set()
    assert len(await rig.events(13)) == 13
    assert most == LIMITS.concurrent
    order = rig.harness.phone.downloaded
    assert set(order[: LIMITS.concurrent]) == {message.key.id for message in first}
    # Those that begin together may overtake each other on their way to the driver.
    assert later[-1].key.id in order[LIMITS.concurrent : 2 * LIMITS.concurrent]


def test_a_rest_is_as_long_as_the_download_before_it() -> None:
    pace = DownloadPace()
    assert pace.pause(100.0) == 0
    pace.began(1, 100.0)
    assert pace.pause(100.1) == pytest.approx(LONGEST - 0.1)  # until it ends, which may be never
    pace.ended(1, 100.1)
    assert pace.pause(100.1) == pytest.approx(0.1)
    assert pace.pause(100.2) == pytest.approx(0)
    pace.began(2, 200.0)
    pace.ended(1, 230.0)  # the end of another one says nothing
    pace.ended(2, 200.4)
    assert pace.pause(200.4) == pytest.approx(LONGEST - 0.4)


async def test_a_backlog_is_taken_one_by_one_and_a_slow_file_holds_up_none(rig: MediaRig) -> None:
    first, later = asyncio.Event(), asyncio.Event()
    running = 0

    async def downloading() -> None:
        nonlocal running
        running += 1
        await (later if first.is_set() else first).wait()
        running -= 1

    rig.harness.phone.downloading = downloading
    for number in range(LIMITS.concurrent):
        rig.incoming(file_of(seed=number))
    await rig.harness.until(lambda: running == LIMITS.concurrent)
    for number in range(100, 110):
        rig.incoming(file_of(seed=number))
    await rig.harness.stream(Stream.IN, 13)
    first.set()
    await rig.events(LIMITS.concurrent)
    await rig.harness.until(lambda: running == 1)
    await asyncio.sleep(LONGEST / 2)
    assert running == 1
    rig.harness.clock.advance(LONGEST)
    await rig.harness.until(lambda: running == 2)
    later.set()
    assert {event["state"] for event in await rig.events(13)} == {"ready"}


async def test_one_file_of_many_messages_is_downloaded_once(rig: MediaRig) -> None:
    messages = [rig.incoming(file_of()) for _ in range(5)]
    events = await rig.events(5)
    assert {event["message_id"] for event in events} == {message.id for message in messages}
    assert {event["state"] for event in events} == {"ready"}
    assert len(rig.harness.phone.downloaded) == 1


async def test_bytes_that_the_message_does_not_name_are_never_ready(rig: MediaRig) -> None:
    message = rig.incoming(file_of())
    rig.harness.phone.files[message.key.id] = b"something else"
    task = asyncio.create_task(ticking(rig))
    (event,) = await rig.events(1)
    task.cancel()
    assert event["state"] == "failed"
    assert len(rig.harness.phone.downloaded) == LIMITS.attempts
    assert [file async for file in rig.shared.store.all()] == []


async def test_a_damaged_store_of_another_session_ends_no_downloads(rig: MediaRig) -> None:
    async def unusable(_sha256: str) -> bool:
        raise StoreUnusable("store.db.corrupt-1 is damaged")

    rig.downloads._shared = replace(rig.shared, is_used=unusable)
    message, content = rig.incoming(file_of()), file_of(seed=2)
    rig.harness.phone.files[message.key.id] = b"something else"
    task = asyncio.create_task(ticking(rig))
    await rig.events(1)
    rig.incoming(content)
    states = [event["state"] for event in await rig.events(2)]
    task.cancel()
    assert states == ["failed", "ready"]
    kept = {hashlib.sha256(known).hexdigest() for known in (b"something else", content)}
    assert {file.sha256 async for file in rig.shared.store.all()} == kept


async def ticking(rig: MediaRig) -> None:
    """Let the pauses between attempts pass."""
    while True:
        rig.harness.clock.advance(2)
        rig.harness.store.journal.media_added.set()
        await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("error", "state", "attempts"),
    [
        (MediaGone("gone", final=True), "expired", 1),
        (MediaGone("the phone does not answer", final=False), "expired", LIMITS.attempts),
        (InternalError("HTTP 503"), "failed", LIMITS.attempts),
    ],
)
async def test_a_file_that_cannot_be_had(rig: MediaRig, error: Any, state: str, attempts: int) -> None:
    rig.harness.phone.files[rig.incoming(None, size=5).key.id] = error
    task = asyncio.create_task(ticking(rig))
    (event,) = await rig.events(1)
    task.cancel()
    assert event["state"] == state
    assert "url" not in event
    assert len(rig.harness.phone.downloaded) == attempts


async def test_an_attempt_that_fails_once_is_repeated(rig: MediaRig) -> None:
    content = file_of()
    message = rig.incoming(content)
    rig.harness.phone.files[message.key.id] = InternalError("HTTP 503")
    await rig.harness.until(lambda: len(rig.harness.phone.downloaded) == 1)
    rig.harness.phone.files[message.key.id] = content
    task = asyncio.create_task(ticking(rig))
    (event,) = await rig.events(1)
    task.cancel()
    assert event["state"] == "ready"


@pytest.mark.parametrize("policy", [MediaPolicy(limit=500, kinds=frozenset({"image"}))])
async def test_what_is_not_downloaded_by_itself(rig: MediaRig) -> None:
    rig.incoming(file_of(1000))
    rig.incoming(file_of(400), view_once=True)
    rig.harness.phone.incoming(ANA, "", type="document", media=Media(mimetype="application/pdf", size=4))
    hidden = rig.incoming(None, mimetype="image/jpeg", size=None, sha256="0" * 64)
    rig.harness.phone.files[hidden.key.id] = file_of(501)
    states = [message["media"]["state"] for message in await rig.harness.stream(Stream.IN, 4)]
    assert states == ["too_large", "off", "off", "pending"]
    (event,) = await rig.events(1)  # its size was not known before
    assert (event["message_id"], event["state"]) == (hidden.id, "too_large")
    assert rig.harness.phone.downloaded == [hidden.key.id]


@pytest.mark.parametrize("policy", [MediaPolicy(mode=MediaMode.ASK, inline=2000)])
async def test_a_file_that_was_asked_for(rig: MediaRig) -> None:
    content = file_of()
    message = rig.incoming(content)
    (published,) = await rig.harness.stream(Stream.IN, 1)
    assert published["media"]["state"] == "off"
    row = await rig.harness.store.media.find(message.id)
    assert row is not None
    await rig.harness.store.media.ask(row.number)
    (event,) = await rig.events(1)
    assert event["state"] == "ready"
    assert len(event["data"]) == 1336  # base64


async def test_a_file_from_before_the_bridge_is_downloaded_when_it_is_asked_for(rig: MediaRig) -> None:
    content, phone = file_of(), rig.harness.phone
    media = Media(mimetype="image/jpeg", size=len(content), filename="antes.jpg")
    phone.paired = False  # it came while nothing listened, and too long ago for catch-up
    message = phone.incoming(ANA, "", type="image", media=media, timestamp=phone.now() - 400 * 86400)
    text = phone.incoming(ANA, "hola", timestamp=phone.now() - 400 * 86400)
    phone.paired = True
    phone.files[message.key.id] = content
    downloads = rig.downloads
    assert (await downloads.ask(message.id)).state == "pending"
    assert (await downloads.ask(message.id)).state == "pending"
    (event,) = await rig.events(1)
    assert (event["message_id"], event["state"], event["filename"]) == (message.id, "ready", "antes.jpg")
    assert await rig.stored(event["sha256"]) == content
    for unknown in (text.id, "false_5491155500001@c.us_3EB0NONE", "no message"):
        with pytest.raises(MessageNotFound):
            await downloads.ask(unknown)
    await downloads.expire(event["sha256"])
    assert [one["state"] for one in await rig.events(2)] == ["ready", "expired"]


async def test_a_ready_file_that_the_bridge_does_not_have_is_downloaded_again(rig: MediaRig) -> None:
    content = file_of()
    message = rig.incoming(content)
    (event,) = await rig.events(1)
    assert (await rig.downloads.ask(message.id)).state == "ready"
    await rig.shared.store.delete(event["sha256"])  # as on a new machine that got the store alone
    asked = await rig.downloads.ask(message.id)
    assert (asked.state, asked.url) == ("pending", None)
    assert [one["state"] for one in await rig.events(2)] == ["ready", "ready"]
    assert await rig.stored(event["sha256"]) == content
    assert (await rig.downloads.ask(message.id)).state == "ready"


class Kill:
    """Blocks forever before or after the n-th step of the queue and the store, as a killed process would."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.passed: list[str] = []
        self.reached = asyncio.Event()

    def around(self, part: Any, steps: tuple[str, ...]) -> Any:
        kill = self

        class Stepped:
            def __getattr__(self, name: str) -> Any:
                member = getattr(part, name)
                if name not in steps:
                    return member

                async def step(*args: Any, **options: Any) -> Any:
                    await kill.step(f"before {name}")
                    done = await member(*args, **options)
                    await kill.step(f"after {name}")
                    return done

                return step

        return Stepped()

    async def step(self, name: str) -> None:
        self.passed.append(name)
        if len(self.passed) == self.at:
            self.reached.set()
        if len(self.passed) >= self.at:
            await asyncio.Event().wait()


@pytest.mark.parametrize("at", range(1, 9))
async def test_a_kill_between_any_two_steps_loses_nothing(harness: SessionHarness, tmp_path: Path, at: int) -> None:
    async with media_rig(harness, tmp_path, MediaPolicy()) as rig:
        kill = Kill(at)
        real = rig.shared.store
        rig.shared = SharedMedia(kill.around(real, ("find", "adopt")), rig.shared.policy, rig.shared.links)
        await rig.start(around_queue=lambda queue: kill.around(queue, ("begin", "finish")))
        content = file_of()
        message = rig.incoming(content)
        async with asyncio.timeout(HERE):
            await kill.reached.wait()
        await rig.end()
        rig.shared = SharedMedia(MediaFiles(tmp_path / "media"), rig.shared.policy, rig.shared.links)
        await rig.start()
        events = await rig.events(1)
        assert [(event["message_id"], event["state"]) for event in events] == [(message.id, "ready")]
        assert await rig.stored(events[0]["sha256"]) == content


async def test_a_link_that_goes_down_costs_no_attempt(rig: MediaRig) -> None:
    rig.harness.phone.link(up=False)
    await rig.harness.until(lambda: rig.harness.state != "connected")
    rig.harness.phone.link(up=True)
    content = file_of()
    rig.incoming(content)
    (event,) = await rig.events(1)
    assert event["state"] == "ready"


async def test_deleting_waits_for_what_is_being_stored_and_comes_before_the_next() -> None:
    storing, order = Storing(), list[str]()

    async def store(name: str, *, until: asyncio.Event | None = None) -> None:
        async with storing.store():
            order.append(f"store {name}")
            if until is not None:
                await until.wait()
            order.append(f"stored {name}")

    async def delete() -> None:
        async with storing.delete():
            order.append("delete")

    finish = asyncio.Event()
    async with asyncio.timeout(HERE), asyncio.TaskGroup() as tasks:
        for work in (store("a", until=finish), store("b", until=finish)):
            tasks.create_task(work)
        await asyncio.sleep(0)
        tasks.create_task(delete())
        await asyncio.sleep(0)
        later = tasks.create_task(store("c"))
        for _ in range(10):
            await asyncio.sleep(0)
        assert order == ["store a", "store b"]
        finish.set()
        await later
    assert order == ["store a", "store b", "stored a", "stored b", "delete", "store c", "stored c"]


async def test_a_store_that_is_cancelled_holds_up_no_deletion() -> None:
    storing = Storing()

    async def store() -> None:
        async with storing.store():
            await asyncio.Event().wait()

    task = asyncio.create_task(store())
    await asyncio.sleep(0.01)
    task.cancel()
    async with asyncio.timeout(HERE), storing.delete():
        pass
