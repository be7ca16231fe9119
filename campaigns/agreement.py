"""Whether an answer to the question of `ask_first` is a yes. Pure."""

from __future__ import annotations

from bridge.contract.text_normalize import made_of, plain

_YES = tuple(
    plain(words)
    for words in (
        *("si", "sí", "sii", "dale", "ok", "okey", "okay", "oka", "bueno", "claro", "por supuesto", "de una", "obvio"),
        *("si por favor", "me interesa", "quiero", "si quiero", "acepto", "si acepto", "confirmo", "listo", "joya"),
        *("yes", "yes please", "sure", "sim", "1", "va", "mandame", "manda", "mandalo", "envia", "enviame", "perfecto"),
    )
)
_POLITE = tuple(
    plain(words) for words in ("por favor", "porfa", "gracias", "muchas gracias", "hola", "buenas", "please")
)
_THUMBS = frozenset("👍👌✅")


def is_yes(text: str) -> bool:
    """Whether the text is a yes, however polite, and nothing else."""
    stripped = text.strip()
    if stripped and stripped[0] in _THUMBS and len(stripped) <= 4:
        return True
    words = plain(stripped)
    return made_of(words, (*_YES, *_POLITE)) and any(f" {yes} " in f" {words} " for yes in _YES)
