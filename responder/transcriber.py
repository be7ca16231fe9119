"""Speech becomes text, over any server with OpenAI's audio transcriptions API."""

from __future__ import annotations

import mimetypes
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from responder.chat_completions import failure_of, printable
from responder.errors import ModelFailed
from responder.faults import FaultLog
from responder.openai_endpoint import OpenAiEndpoint, Refusal, ServerOptions
from responder.timing import ModelTiming

#: Bytes of a file: OpenAI takes no more.
LARGEST = 25_000_000
#: Characters of a text; a minute of speech has about 1,000.
LONGEST = 20_000
#: What WhatsApp's apps record.
_RECORDED = "audio/ogg"


@dataclass(frozen=True, slots=True)
class TranscriberOptions(ServerOptions):
    """`model` is its name at the server."""

    model: str = ""


class TranscriptOutcome(StrEnum):
    """What became of a voice message."""

    DONE = "done"
    EMPTY = "empty"  # nothing was said
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Transcript:
    """`text` is empty where nothing was said; `language` as the server names it, if it does."""

    text: str
    language: str | None = None


class Transcriber:
    """Ready after construction; the library is loaded with the first request. `close` at the end."""

    def __init__(
        self, options: TranscriberOptions, clock: Callable[[], float], faults: FaultLog, timing: ModelTiming
    ) -> None:
        self._options = options
        self._endpoint = OpenAiEndpoint("transcript", options, clock, faults, timing)
        #: Requests since the start.
        self.requests = 0
        #: Voice messages since the start, by outcome.
        self.outcomes: Counter[TranscriptOutcome] = Counter()

    async def hear(self, content: bytes) -> Transcript:
        """What is said in a file. Raises ModelFailed."""
        found = await self._endpoint.ask(lambda: self._request(content))
        self.outcomes[TranscriptOutcome.DONE if found.text else TranscriptOutcome.EMPTY] += 1
        return found

    async def close(self) -> None:
        await self._endpoint.close()

    async def _request(self, content: bytes) -> Transcript:
        from bridge.contract.file_types import HEAD, type_of  # an idle responder needs none

        mimetype = type_of(content[:HEAD], _RECORDED).partition(";")[0]
        name = f"voice{'.ogg' if mimetype.endswith('ogg') else mimetypes.guess_extension(mimetype) or '.ogg'}"
        self.requests += 1
        body = {"model": self._options.model, "response_format": "json"}
        response = await self._endpoint.post("/audio/transcriptions", body, (name, content, mimetype))
        if isinstance(response, Refusal):
            raise failure_of(response.status, response.reason, retry_after=response.retry_after)
        text = response.get("text") if isinstance(response, dict) else None
        if not isinstance(response, dict) or not isinstance(text, str):
            raise ModelFailed("The response is not a transcript; check RESPONDER_TRANSCRIBE_URL")
        language = response.get("language")
        return Transcript(printable(text).strip()[:LONGEST], language if isinstance(language, str) else None)
