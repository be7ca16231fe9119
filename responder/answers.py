"""Finds the answer to a turn's messages: the order's confirmation, a rule's text, or the model's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from responder.model import Model
from responder.orders import Order, confirmation, order_in
from responder.policy import Verdict
from responder.prompt import chat_messages, system_text
from responder.recorder import OperatorSettings
from responder.rules_file import RulesFile
from responder.store.pending import PendingWork
from responder.store.rows import Pending
from responder.store.switches import Switches
from responder.turns import TurnOrigin
from responder.typing_indicator import TypingIndicator

#: Messages that the model is given besides what it is to answer.
HISTORY = 10
#: How a mention stands in a group message; the rules are about what is said, not to whom.
_MENTION = re.compile(r"@\d{5,20}\b")


@dataclass(frozen=True, slots=True)
class Answer:
    """A text and who made it."""

    origin: TurnOrigin
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """The system text's template and the operator's variables."""

    template: str
    variables: Mapping[str, str]


class AnswerSource:
    """Asks rules and model. Without a model, rules only."""

    def __init__(
        self,
        rules: RulesFile,
        model: Model | None,
        prompt: Prompt,
        *,
        house: OperatorSettings,
        waiting: PendingWork,
        switches: Switches,
        thinking: TypingIndicator,
        now: Callable[[], float],
    ) -> None:
        self._thinking = thinking
        self._rules = rules
        self._model = model
        self._prompt = prompt
        self._house = house
        self._waiting = waiting
        self._switches = switches
        self._now = now

    def canned(self, asked: Sequence[Pending]) -> Answer | None:
        """What a rule says to these messages as one text. At once, no looking up."""
        text = _MENTION.sub(" ", "\n".join(pending.body for pending in asked)).strip()
        found = self._rules.rules.answer(text, turn=asked[0].id)
        return Answer(TurnOrigin.RULE, found.text) if found else None

    async def find(self, asked: Sequence[Pending]) -> Answer | Verdict:
        """The answer, or why there is none. Raises ModelFailed, DatabaseDown."""
        if asked[0].verdict is Verdict.ORDER:
            return Answer(TurnOrigin.ORDER, await self._confirm(asked[0]))
        answer = self.canned(asked)
        if answer is None and self._model is not None:
            answer = await self._ask(self._model, asked)
        elif answer is None and len(asked) > 1:
            answer = next(filter(None, (self.canned([pending]) for pending in asked)), None)
        return Verdict.NO_ANSWER if answer is None else answer

    def forbids(self, answer: Answer) -> str | None:
        """The expression for which an answer may not go out."""
        return self._rules.rules.forbids(answer.text)

    async def _confirm(self, order: Pending) -> str:
        match order_in(order.body):
            case Order.STATE | None:
                return confirmation(await self._switches.active())
            case turned:
                return confirmation(turned is Order.ON)

    async def _ask(self, model: Model, asked: Sequence[Pending]) -> Answer | None:
        first = asked[0]
        moment = datetime.fromtimestamp(self._now(), self._house.zone)
        system = system_text(
            self._prompt.template,
            self._prompt.variables,
            now=moment,
            session=first.session,
            cliente_id=first.cliente_id,
        )
        history = await self._waiting.history(first, HISTORY)
        asking = chat_messages(system, history, [pending.body for pending in asked])
        async with self._thinking.shown(first.session, first.chat):
            text = (await model.complete(asking)).strip()
        return Answer(TurnOrigin.MODEL, text) if text else None
