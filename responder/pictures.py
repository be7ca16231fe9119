"""The pictures of a turn's messages for a model that takes them: waits for the files, fetches them, encodes them.

A picture that does not come is left out and reported; its caption is answered all the same.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence

from bridge.contract.file_types import HEAD, type_of
from bridge.contract.jid import mask
from responder.bridge_files import fetch
from responder.errors import FileFailed
from responder.faults import FaultLog
from responder.store.rows import Pending
from responder.store.transcripts import Transcripts
from responder.timing import PictureTiming

#: Code of the fault of a picture that the model does not get.
FAILED = "picture_failed"
#: Pictures of a turn that the model gets, the newest ones; bytes of each.
MOST, LARGEST = 4, 5_000_000
#: What models take.
_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif")


class PictureFetcher:
    """`fetched` gives pictures as `data:` URLs, in the order of their messages."""

    def __init__(self, store: Transcripts, faults: FaultLog, timing: PictureTiming) -> None:
        self._store = store
        self._faults = faults
        self._timing = timing

    async def fetched(self, batch: Sequence[Pending]) -> list[str]:
        """The pictures of these messages that the bridge has. Raises DatabaseDown."""
        shown = [pending for pending in batch if pending.kind == "image"][-MOST:]
        found = await asyncio.gather(*map(self._fetch, shown))
        return [url for url in found if url is not None]

    async def _fetch(self, pending: Pending) -> str | None:
        try:
            async with asyncio.timeout(self._timing.wait):
                content = await fetch(await self._link(pending), LARGEST)
        except TimeoutError:
            self._fault(pending, f"its file did not come within {self._timing.wait:g} s")
        except FileFailed as error:
            self._fault(pending, error.text)
        else:
            mimetype = type_of(content[:HEAD], None)
            if mimetype in _TYPES:
                return f"data:{mimetype};base64,{base64.b64encode(content).decode()}"
            self._fault(pending, f"no model takes {mimetype}")
        return None

    async def _link(self, pending: Pending) -> str:
        """The link to the file, once it is there. Raises FileFailed if it does not come, DatabaseDown."""
        while (found := await self._store.file_of(pending)) is None:  # noqa: ASYNC110 - another replica may record it
            await asyncio.sleep(self._timing.poll)
        if "://" not in found:
            raise FileFailed(f"its file is not at the bridge: {found} (WA_MEDIA, WA_HTTP_PORT)", transient=False)
        return found

    def _fault(self, pending: Pending, text: str) -> None:
        self._faults.note(FAILED, mask(pending.chat), f"the model gets no picture: {text}")
