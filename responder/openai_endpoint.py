"""One endpoint of a server with OpenAI's API: retries, a breaker, requests at once. The one file that imports openai.

What is asked and how an answer is read is its users': `model` for chat completions, `transcriber` for speech.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import SecretStr

from responder.breaker import Breaker
from responder.chat_completions import ServerReason, reason_of, retry_after_of
from responder.errors import ModelFailed
from responder.faults import FaultLog
from responder.timing import ModelTiming

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """A server, and how often it is asked; `timeout` is seconds of one try. `base_url` None: OpenAI."""

    api_key: SecretStr
    base_url: str | None = None
    timeout: float = 30.0
    retries: int = 2
    concurrency: int = 4


@dataclass(frozen=True, slots=True)
class Refusal:
    """A response with a status of an error."""

    status: int
    reason: ServerReason
    retry_after: float | None


class OpenAiEndpoint:
    """Ready after construction; the library is loaded with the first request. `close` at the end.

    `name` is the place of its faults, and what their codes begin with.
    """

    def __init__(
        self,
        name: str,
        options: ServerOptions,
        clock: Callable[[], float],
        faults: FaultLog,
        timing: ModelTiming,
    ) -> None:
        self._name = name
        self._options = options
        self._faults = faults
        self._timing = timing
        self.now = clock
        self._slots = asyncio.Semaphore(options.concurrency)
        self._loading = asyncio.Lock()
        self._client: AsyncOpenAI | None = None
        self.breaker = Breaker(open_for=timing.breaker)
        #: Questions that were asked and got no answer to use.
        self.failures = 0

    async def ask(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """Call `attempt` until it returns, within the bounds. Raises ModelFailed."""
        async with self._slots:
            if not self.breaker.allows(self.now()):
                wait = max(self.breaker.open_until - self.now(), 1.0)
                raise ModelFailed("It failed too often; no requests are made for a while.", retry_after=wait)
            try:
                answer = await self._try(attempt)
            except ModelFailed as error:
                self.failures += 1
                if error.of_prompt:
                    self.breaker.cancelled()  # the server works; it does not take this prompt
                elif self.breaker.failed(self.now()):
                    self._faults.note(
                        f"{self._name}_resting",
                        self._name,
                        f"It failed {self.breaker.failures} times in a row ({error.text});"
                        f" no requests for {self.breaker.open_for:g} s.",
                    )
                raise
            except asyncio.CancelledError:
                self.breaker.cancelled()
                raise
            if self.breaker.succeeded():
                self._faults.recovered(f"{self._name}_back", self._name, "It answers again.")
            return answer

    async def post(
        self,
        path: str,
        body: Mapping[str, Any],
        file: tuple[str, bytes, str] | None = None,
    ) -> object:
        """The JSON of a response, or a `Refusal`. `file`: name, bytes and type. Raises ModelFailed without either."""
        client = await self.loaded()
        openai = importlib.import_module("openai")
        # the client's generic request: `client.chat` would load every API of OpenAI, 14 MB that stay in memory
        form: dict[str, Any] = {}
        if file is not None:
            form = {"files": [("file", file)], "options": {"headers": {"Content-Type": "multipart/form-data"}}}
        try:
            async with asyncio.timeout(self._options.timeout):
                answer: object = await client.post(path, body=body, cast_to=object, **form)
            return answer
        except TimeoutError as error:
            raise ModelFailed(f"no answer within {self._options.timeout:g} s") from error
        except openai.APIStatusError as error:
            response = error.response
            reason = reason_of(response.text.replace(self._options.api_key.get_secret_value(), "***"))
            return Refusal(response.status_code, reason, retry_after_of(response.headers, time.time()))
        except (openai.OpenAIError, ValueError, TypeError, AttributeError, LookupError) as error:
            raise ModelFailed(f"{type(error).__name__}: {str(error)[:200]}") from error

    async def loaded(self) -> AsyncOpenAI:
        """Load the library now instead of with the first request."""
        async with self._loading:
            if self._client is None:
                # in a thread: it takes a second or two, during which messages are still recorded
                self._client = await asyncio.to_thread(self._load)
            return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def _try(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        for tried in range(self._options.retries + 1):
            try:
                return await attempt()
            except ModelFailed as error:
                if tried == self._options.retries or not error.transient:
                    raise
                pause = error.retry_after or self._timing.retry * 2**tried * (1 + random.random() / 4)  # noqa: S311
                if pause > self._timing.longest_retry:
                    raise
                _log.info("The %s failed (%s); trying again in %.1f s.", self._name, error.text, pause)
                await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    def _load(self) -> AsyncOpenAI:
        openai = importlib.import_module("openai")
        client: AsyncOpenAI = openai.AsyncOpenAI(
            api_key=self._options.api_key.get_secret_value(),
            base_url=self._options.base_url,
            timeout=self._options.timeout,
            max_retries=0,
        )
        return client
