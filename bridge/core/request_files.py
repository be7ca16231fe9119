"""Requests with a picture: it is fetched, checked and stored before anything is asked of WhatsApp."""

from __future__ import annotations

from typing import Any

from bridge.contract.errors import MediaUnavailable, Unsupported
from bridge.contract.requests import PictureRequest, Request
from bridge.core.outgoing_files import PreparesFiles
from bridge.ports import Answers, FileNotFetched, MediaUnusable


class RequestFiles:
    """Passes requests to the driver, with their files."""

    def __init__(self, driver: Answers, files: PreparesFiles | None) -> None:
        self._driver = driver
        self._files = files

    async def answer(self, request: Request) -> Any:
        """The driver's answer. Raises what the driver raises, and `BridgeError` for a picture that cannot be used."""
        if not isinstance(request, PictureRequest) or request.picture is None:
            return await self._driver.answer(request)
        if self._files is None:
            raise Unsupported("This bridge keeps no files.")
        try:
            picture = await self._files.prepare(await self._files.keep(request.picture))
            async with self._files.opened(picture) as file:
                return await self._driver.answer(request.model_copy(update={"picture": picture}), file)
        except (FileNotFetched, MediaUnusable) as error:  # nothing was asked of WhatsApp yet
            raise MediaUnavailable(error.text) from error
