"""The language model, over any server with OpenAI's chat completions API. The one file that imports openai.

A request returns an answer or raises `ModelFailed`; what a failure means for a customer (silence) is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import random
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from responder.breaker import Breaker
from responder.errors import ModelFailed
from responder.faults import FaultLog
from responder.prompt import ChatMessage
from responder.timing import ModelTiming

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_log = logging.getLogger(__name__)
#: Seconds: the upper bounds of the latency histogram, from a local model's first words to a timeout.
LATENCIES = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """Request parameters. Prices are per million tokens, times in seconds."""

    api_key: SecretStr
    base_url: str | None = None
    model: str = "gpt-4o-mini"
    temperature: float = 0.7
    max_tokens: int = 500
    timeout: float = 30.0
    retries: int = 2
    concurrency: int = 4
    price_in: float = 0.0
    price_out: float = 0.0


@dataclass(slots=True)
class Usage:
    """Requests, tokens and cost since the start."""

    questions: int = 0
    answers: int = 0
    failures: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    seconds: float = 0.0  # spent waiting for responses
    #: Requests by latency: one count for each bound of `LATENCIES`, and one for the slower ones.
    took: list[int] = field(default_factory=lambda: [0] * (len(LATENCIES) + 1))

    def waited(self, seconds: float) -> None:
        """Count the latency of a request, whatever its outcome."""
        self.seconds += seconds
        self.took[bisect_left(LATENCIES, seconds)] += 1


class Model:
    """Ready after construction; the library is loaded with the first request. `close` at the end."""

    def __init__(
        self,
        options: ModelOptions,
        clock: Callable[[], float],
        faults: FaultLog,
        timing: ModelTiming,
    ) -> None:
        self._options = options
        self._faults = faults
        self._timing = timing
        self.now = clock
        self._slots = asyncio.Semaphore(options.concurrency)
        self._loading = asyncio.Lock()
        self._client: AsyncOpenAI | None = None
        self.usage = Usage()
        self.breaker = Breaker(open_for=timing.breaker)

    async def complete(self, messages: Sequence[ChatMessage]) -> str:
        """The model's answer, possibly empty. Raises ModelFailed."""
        async with self._slots:
            if not self.breaker.allows(self.now()):
                wait = max(self.breaker.open_until - self.now(), 1.0)
                raise ModelFailed("The model failed too often; no requests are made for a while.", retry_after=wait)
            try:
                answer = await self._try(messages)
            except ModelFailed as error:
                self.usage.failures += 1
                if self.breaker.failed(self.now()):
                    self._faults.note(
                        "model_resting",
                        "model",
                        f"It failed {self.breaker.failures} times in a row ({error.text});"
                        f" no requests for {self.breaker.open_for:g} s.",
                    )
                raise
            except asyncio.CancelledError:
                self.breaker.cancelled()
                raise
            if self.breaker.succeeded():
                self._faults.recovered("model_back", "model", "It answers again.")
            self.usage.answers += 1
            return answer

    async def load(self) -> None:
        """Load the library now instead of with the first request."""
        await self._loaded()

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def _try(self, messages: Sequence[ChatMessage]) -> str:
        for tried in range(self._options.retries + 1):
            try:
                return await self._request(messages)
            except ModelFailed as error:
                if tried == self._options.retries or not error.transient:
                    raise
                pause = error.retry_after or self._timing.retry * 2**tried * (1 + random.random() / 4)  # noqa: S311
                if pause > self._timing.longest_retry:
                    raise
                _log.info("The model failed (%s); trying again in %.1f s.", error.text, pause)
                await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def _request(self, messages: Sequence[ChatMessage]) -> str:
        client = await self._loaded()
        openai = importlib.import_module("openai")
        self.usage.questions += 1
        body = {
            "model": self._options.model,
            "messages": list(messages),
            "temperature": self._options.temperature,
            "max_tokens": self._options.max_tokens,
        }
        started = self.now()
        try:
            async with asyncio.timeout(self._options.timeout):
                # the client's generic request: `client.chat` would load every API of OpenAI, 14 MB that stay in memory
                completion: Any = await client.post("/chat/completions", body=body, cast_to=object)
            self._count(completion.get("usage") or {})
            choice = completion["choices"][0]
            if choice.get("finish_reason") == "content_filter":
                return ""
            content = choice["message"].get("content") or ""
            if not isinstance(content, str):
                raise TypeError("the answer is not a text")
            return content
        except TimeoutError as error:
            raise ModelFailed(f"no answer within {self._options.timeout:g} s") from error
        except openai.APIStatusError as error:
            status: int = error.status_code
            transient = status in (408, 409, 429) or status >= 500
            raise ModelFailed(
                f"HTTP {status}", retry_after=_retry_after(error.response.headers), transient=transient
            ) from error
        except (openai.OpenAIError, ValueError, TypeError, AttributeError, LookupError) as error:
            raise ModelFailed(f"{type(error).__name__}: {str(error)[:200]}") from error
        finally:
            self.usage.waited(max(self.now() - started, 0.0))

    async def _loaded(self) -> AsyncOpenAI:
        async with self._loading:
            if self._client is None:
                # in a thread: it takes a second or two, during which messages are still recorded
                self._client = await asyncio.to_thread(self._load)
            return self._client

    def _load(self) -> AsyncOpenAI:
        openai = importlib.import_module("openai")
        client: AsyncOpenAI = openai.AsyncOpenAI(
            api_key=self._options.api_key.get_secret_value(),
            base_url=self._options.base_url,
            timeout=self._options.timeout,
            max_retries=0,
        )
        return client

    def _count(self, usage: Mapping[str, Any]) -> None:
        tokens_in, tokens_out = (int(usage.get(name) or 0) for name in ("prompt_tokens", "completion_tokens"))
        self.usage.tokens_in += tokens_in
        self.usage.tokens_out += tokens_out
        self.usage.cost += (tokens_in * self._options.price_in + tokens_out * self._options.price_out) / 1_000_000


def _retry_after(headers: Any) -> float | None:
    try:
        return max(float(headers.get("retry-after")), 0.0)
    except (TypeError, ValueError):
        return None
