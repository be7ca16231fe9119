"""Voice messages made of other audio files by ffmpeg, where it is installed."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from typing_extensions import override

from bridge.contract.errors import MediaUnsupported, Unsupported
from bridge.ports import ConvertsVoice

#: Seconds for one file.
TIMEOUT = 120.0
# Only files with sound in them: a playlist would make ffmpeg read other files of this machine.
_INPUT = (
    *("-nostdin", "-v", "error", "-protocol_whitelist", "file"),
    *("-format_whitelist", "ogg,mp3,wav,w64,aac,flac,mov,matroska,amr,aiff,caf,asf,ac3"),
)
_OUTPUT = (
    "-vn",
    "-map_metadata",
    "-1",
    "-ac",
    "1",
    "-c:a",
    "libopus",
    "-b:a",
    "32k",
    "-application",
    "voip",
    "-f",
    "ogg",
)


class FfmpegVoice(ConvertsVoice):
    """`ConvertsVoice` by a child process for each file."""

    def __init__(self, program: str = "ffmpeg", *, timeout: float = TIMEOUT) -> None:
        self._program = program
        self._timeout = timeout

    @override
    @asynccontextmanager
    async def convert(self, path: Path) -> AsyncIterator[Path]:
        program = shutil.which(self._program)
        if program is None:
            raise Unsupported(
                "The file is not Ogg/Opus. To convert it, install ffmpeg on the bridge's machine (apt install ffmpeg)."
            )
        with TemporaryDirectory(prefix="wa-voice-") as folder:
            converted = Path(folder) / "voice.ogg"
            child = await asyncio.create_subprocess_exec(
                program,
                *(*_INPUT, "-i", str(path), *_OUTPUT, str(converted)),
                stderr=asyncio.subprocess.PIPE,
                env={"PATH": os.environ.get("PATH", os.defpath)},
            )
            try:
                async with asyncio.timeout(self._timeout):
                    _, said = await child.communicate()
            except TimeoutError as error:
                raise MediaUnsupported(f"ffmpeg did not convert the file within {self._timeout:g} s.") from error
            finally:
                if child.returncode is None:
                    child.kill()
                    await child.wait()
            if child.returncode:
                why = said.decode(errors="replace").strip().rpartition("\n")[2].replace(str(path), "the file")
                raise MediaUnsupported(f"ffmpeg cannot convert the file: {why[:200]}")
            yield converted
