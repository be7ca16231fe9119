"""Profile pictures: fetched when they are asked for, and again only when they changed."""

from __future__ import annotations

import asyncio
from typing import Any

from bridge.contract.file_types import HEAD, type_of
from bridge.contract.requests.contacts_picture import PictureAnswer, PictureGet, PictureState
from bridge.contract.requests.request import Request
from bridge.core.people import People
from bridge.core.shared_media import SharedMedia
from bridge.ports import Clock, HasPictures, KeptPicture, MediaQueue

#: Bytes of the largest picture, and seconds that one may take: WhatsApp's have at most 640 by 640 points.
LIMIT, SECONDS = 5_000_000, 30.0
#: Pictures that are fetched at once.
CONCURRENT = 3


class Pictures:
    """The pictures of one session's people and groups."""

    def __init__(
        self,
        session: str,
        driver: HasPictures,
        queue: MediaQueue,
        shared: SharedMedia,
        people: People,
        clock: Clock,
    ) -> None:
        self._session = session
        self._driver = driver
        self._queue = queue
        self._shared = shared
        self._people = people
        self._clock = clock
        self._turns = asyncio.Semaphore(CONCURRENT)

    async def answer(self, request: Request) -> dict[str, Any]:
        """Carry out `contacts.picture`. Raises what the driver and the stores raise."""
        assert isinstance(request, PictureGet)  # noqa: S101 - registered for it
        contact = request.sent_from(self._people.own).addresses["contact"]
        async with self._turns:
            known = await self._queue.picture_of(str(contact))
            if known is not None and await self._shared.store.find(known.sha256) is None:
                known = None  # deleted meanwhile
            async with self._driver.picture(contact, known.tag if known else None, LIMIT, SECONDS) as found:
                if found.tag is None:
                    await self._queue.forget_picture(str(contact))
                    return _json(PictureAnswer(contact=str(found.contact), state=PictureState.NONE))
                if found.path is None and known is not None:
                    return self._ready(str(found.contact), known)
                assert found.path is not None  # noqa: S101 - it is not the known one
                async with self._shared.storing.store():
                    stored = await self._shared.store.adopt(found.path)
                    head = b"".join([part async for part in self._shared.store.read(stored.sha256, 0, HEAD)])
                    kept = KeptPicture(str(contact), found.tag, stored.sha256, stored.size, type_of(head, None))
                    await self._queue.keep_picture(kept)
                return self._ready(str(found.contact), kept)

    def _ready(self, contact: str, picture: KeptPicture) -> dict[str, Any]:
        link = self._shared.links.link(picture.sha256, self._session, self._clock.now())
        return _json(
            PictureAnswer(
                contact=contact,
                state=PictureState.READY,
                url=link,
                sha256=picture.sha256,
                size=picture.size,
                mimetype=picture.mimetype,
            )
        )


def _json(answer: PictureAnswer) -> dict[str, Any]:
    return answer.model_dump(mode="json")
