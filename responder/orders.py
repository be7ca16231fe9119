"""Orders by message: an administrator's switch.

Pure. The phrases and the confirmations are the legacy responder's.
"""

from __future__ import annotations

from enum import StrEnum

from bridge.contract.text_normalize import plain


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


def order_in(text: str) -> Order | None:
    """The order, if the whole text is one."""
    return _ORDER_OF.get(plain(text))


def confirmation(active: bool) -> str:
    """The reply to the administrator: the state from now on."""
    return ACTIVE if active else PAUSED
