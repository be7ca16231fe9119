"""The language model, over any server with OpenAI's chat completions API. The one file that imports openai.

A request returns an answer or raises `ModelFailed`; what a failure means for a customer (silence) is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import random
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from responder.breaker import Breaker
from responder.chat_completions import (
    Completion,
    CompletionOutcome,
    Parameters,
    ServerReason,
    completion_of,
    failure_of,
    reason_of,
    retry_after_of,
)
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
    """Requests, tokens and cost since the start; `failures` are questions without any response to use."""

    questions: int = 0
    failures: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    seconds: float = 0.0  # spent waiting for responses
    #: Questions that the server answered, by what it answered.
    outcomes: Counter[CompletionOutcome] = field(default_factory=Counter)
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
        self._parameters = Parameters(options.temperature, options.max_tokens)
        self.usage = Usage()
        self.breaker = Breaker(open_for=timing.breaker)

    async def complete(self, messages: Sequence[ChatMessage], where: str = "model") -> str:
        """The model's answer without its reasoning; empty if it gave none. Raises ModelFailed.

        `where` names the chat, masked, in the fault of an answer that is empty or was cut.
        """
        async with self._slots:
            if not self.breaker.allows(self.now()):
                wait = max(self.breaker.open_until - self.now(), 1.0)
                raise ModelFailed("The model failed too often; no requests are made for a while.", retry_after=wait)
            try:
                answer = await self._try(messages)
            except ModelFailed as error:
                self.usage.failures += 1
                if error.of_prompt:
                    self.breaker.cancelled()  # the server works; it does not take this prompt
                elif self.breaker.failed(self.now()):
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
            self._note(answer, where)
            return answer.text

    async def load(self) -> None:
        """Load the library now instead of with the first request."""
        await self._loaded()

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    def _note(self, answer: Completion, where: str) -> None:
        self.usage.outcomes[answer.outcome] += 1
        if answer.outcome is CompletionOutcome.ANSWERED:
            return
        self._faults.note("model_cut" if answer.text else "model_no_answer", where, answer.detail)

    async def _try(self, messages: Sequence[ChatMessage]) -> Completion:
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

    async def _request(self, messages: Sequence[ChatMessage]) -> Completion:
        """Raises ModelFailed. Parameters that the server refuses are left out, and the request is made again."""
        while True:
            body = {"model": self._options.model, "messages": list(messages), **self._parameters.fields()}
            refused = await self._post(body)
            if isinstance(refused, Completion):
                return refused
            status, reason, retry_after = refused
            if status in (400, 422) and (name := self._parameters.learn(body, reason)):
                _log.warning("The model's server refuses %s (%s); it is no longer sent.", name, reason)
                continue
            raise failure_of(status, reason, retry_after=retry_after)

    async def _post(self, body: Mapping[str, Any]) -> Completion | tuple[int, ServerReason, float | None]:
        """The completion, or status, reason and Retry-After of a refusal. Raises ModelFailed without either."""
        client = await self._loaded()
        openai = importlib.import_module("openai")
        self.usage.questions += 1
        started = self.now()
        try:
            async with asyncio.timeout(self._options.timeout):
                # the client's generic request: `client.chat` would load every API of OpenAI, 14 MB that stay in memory
                completion: Any = await client.post("/chat/completions", body=body, cast_to=object)
            self._count(completion)
            return completion_of(completion)
        except TimeoutError as error:
            raise ModelFailed(f"no answer within {self._options.timeout:g} s") from error
        except openai.APIStatusError as error:
            response = error.response
            reason = reason_of(response.text.replace(self._options.api_key.get_secret_value(), "***"))
            return response.status_code, reason, retry_after_of(response.headers, time.time())
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

    def _count(self, completion: object) -> None:
        usage = completion.get("usage") if isinstance(completion, dict) else None
        counts = usage if isinstance(usage, dict) else {}
        given = (counts.get(name) for name in ("prompt_tokens", "completion_tokens"))
        tokens_in, tokens_out = (count if isinstance(count, int) and count > 0 else 0 for count in given)
        self.usage.tokens_in += tokens_in
        self.usage.tokens_out += tokens_out
        self.usage.cost += (tokens_in * self._options.price_in + tokens_out * self._options.price_out) / 1_000_000
