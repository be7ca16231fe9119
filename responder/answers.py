"""Finds the answer to a turn's messages: the confirmation of an order, a rule's text, or the model's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bridge.contract.jid import mask
from bridge.contract.text_normalize import LONGEST
from responder.chat_state import OperatorSettings
from responder.file_answers import FileAnswer
from responder.model import Model
from responder.orders import Order, confirmation, order_in
from responder.outgoing import AnswerSink, typing_shown
from responder.pictures import PictureFetcher
from responder.policy import Verdict
from responder.prompt import PromptLimits, chat_messages, system_text, with_pictures
from responder.rules_file import RulesFile
from responder.store.pending import PendingWork
from responder.store.rows import Pending
from responder.store.switches import Switches
from responder.turns import TurnOrigin

#: Earlier messages of the chat that the model receives besides those it is to answer.
HISTORY = 10
#: A mention in a group message; rules match the text without the person it is addressed to.
_MENTION = re.compile(r"@\d{5,20}\b")


@dataclass(frozen=True, slots=True)
class Answer:
    """`file` is sent instead of `text`, which is its caption or name."""

    origin: TurnOrigin
    text: str
    file: FileAnswer | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """The template of the system text, the operator's variables, and how long a prompt may be."""

    template: str
    variables: Mapping[str, str]
    limits: PromptLimits


class AnswerSource:
    """Rules first, then the model. Without a model, rules only; without `pictures` it is shown none."""

    def __init__(
        self,
        rules: RulesFile,
        model: Model | None,
        prompt: Prompt,
        *,
        operator: OperatorSettings,
        store: PendingWork,
        switches: Switches,
        sink: AnswerSink,
        pictures: PictureFetcher | None,
        now: Callable[[], float],
    ) -> None:
        self._pictures = pictures
        self._rules = rules
        self._model = model
        self._prompt = prompt
        self._operator = operator
        self._store = store
        self._switches = switches
        self._sink = sink
        self._now = now

    def canned(self, batch: Sequence[Pending]) -> Answer | None:
        """A rule's answer to these messages as one text. Needs no I/O."""
        written = "\n".join(pending.body[:LONGEST] for pending in batch)[:LONGEST]
        text = _MENTION.sub(" ", written).strip()
        found = self._rules.rules.answer(text, batch[0].id, self._rules.too_slow)
        return Answer(TurnOrigin.RULE, found.text, found.file) if found else None

    def closed(self) -> Answer | None:
        """The text for the time outside business hours, if there is one."""
        text = self._operator.closed_text
        return Answer(TurnOrigin.CLOSED, text) if text else None

    async def find(self, batch: Sequence[Pending]) -> Answer | Verdict:
        """The answer, or the verdict for which there is none. Raises ModelFailed, DatabaseDown."""
        if batch[0].verdict is Verdict.ORDER:
            return Answer(TurnOrigin.ORDER, await self._confirm(batch[0]))
        answer = self.canned(batch)
        if answer is None and self._model is not None:
            answer = await self._complete(self._model, batch)
        elif answer is None and len(batch) > 1:
            answer = next(filter(None, (self.canned([pending]) for pending in batch)), None)
        return Verdict.NO_ANSWER if answer is None else answer

    def forbids(self, answer: Answer) -> str | None:
        """The expression that forbids this answer."""
        return self._rules.rules.forbids(answer.text, self._rules.too_slow)

    async def _confirm(self, order: Pending) -> str:
        match order_in(order.body):
            case Order.STATE | None:
                return confirmation(await self._switches.active())
            case switched:
                return confirmation(switched is Order.ON)

    async def _complete(self, model: Model, batch: Sequence[Pending]) -> Answer | None:
        first = batch[0]
        system = system_text(
            self._prompt.template,
            self._prompt.variables,
            now=datetime.fromtimestamp(self._now(), self._operator.zone),
            session=first.session,
            cliente_id=first.cliente_id,
        )
        history = await self._store.history(first, HISTORY)
        written = [pending.body or f"[{pending.kind}]" for pending in batch]
        messages = chat_messages(system, history, written, self._prompt.limits)
        async with typing_shown(self._sink, first.session, first.chat):
            seen = await self._pictures.fetched(batch) if self._pictures is not None else []
            if not seen and not any(pending.body for pending in batch):
                return None  # there is nothing to answer
            text = await model.complete(with_pictures(messages, seen), mask(first.chat))
        return Answer(TurnOrigin.MODEL, text) if text else None
