"""What the routes work on, from the application that serves them.

The routes belong to no sandbox, so that a process makes them once: for each sandbox they took 80 ms of CPU.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from bridge.sandbox.media import MediaServer
from bridge.sandbox.received_media import ReceivedFiles
from bridge.sandbox.world import World

# `async`: FastAPI runs other dependencies in threads.


async def _world(request: HTTPConnection) -> World:
    world: World = request.app.state.world
    return world


async def _media(request: HTTPConnection) -> MediaServer:
    media: MediaServer = request.app.state.media
    return media


async def _received(request: HTTPConnection) -> ReceivedFiles:
    received: ReceivedFiles = request.app.state.received
    return received


WorldOf = Annotated[World, Depends(_world)]
MediaOf = Annotated[MediaServer, Depends(_media)]
ReceivedOf = Annotated[ReceivedFiles, Depends(_received)]
