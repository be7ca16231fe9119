"""Orders by message: an administrator's switch, and a customer's opt-out and opt-in.

Pure. The phrases and the confirmations are the legacy responder's.
"""

from __future__ import annotations

from enum import StrEnum

from responder.text_normalize import plain


class Order(StrEnum):
    ON = "on"
    OFF = "off"
    STATE = "state"


_PHRASES = {
    Order.ON: ("activar respuestas", "responder on", "activar bot", "encender respuestas"),
    Order.OFF: ("desactivar respuestas", "responder off", "pausar respuestas", "silenciar bot"),
    Order.STATE: ("estado respuestas", "status respuestas", "estado bot"),
}
_ORDER_OF = {plain(phrase): order for order, phrases in _PHRASES.items() for phrase in phrases}

ACTIVE, PAUSED = "🤖 Respuesta automática ACTIVADA", "🤖 Respuesta automática PAUSADA"

#: A message with nothing else ends the answers to its author, or starts them again.
OPT_OUT = frozenset(
    plain(word)
    for word in ("baja", "stop", "dar de baja", "darme de baja", "quiero darme de baja", "unsubscribe", "no molestar")
)
OPT_IN = frozenset(plain(word) for word in ("alta", "start", "darme de alta", "quiero darme de alta", "subscribe"))


def order_in(text: str) -> Order | None:
    """The order, if the whole text is one."""
    return _ORDER_OF.get(plain(text))


def confirmation(active: bool) -> str:
    """The reply to the administrator: the state from now on."""
    return ACTIVE if active else PAUSED


def is_opt_out(text: str) -> bool:
    """Whether the text is an opt-out and nothing else."""
    return plain(text) in OPT_OUT


def is_opt_in(text: str) -> bool:
    """Whether the text is an opt-in and nothing else."""
    return plain(text) in OPT_IN
